/** A route server of an exchange as a process, without an API server, and two members. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { acceptAll } from "@heddle/bgp";
import { formatIp, formatPrefix, parseAsn, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { noFib, Speaker } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { eventually, RunningMain } from "@heddle/system/testing";

const main = path.join(import.meta.dirname, "main.ts");
const folder = mkdtempSync(path.join(tmpdir(), "hcfg-"));
const file = path.join(folder, "rs.yaml");
const port = 21_000 + (process.pid % 19_000);
const metricsPort = port + 1;
const speakers: Speaker[] = [];
let server: RunningMain;

const configuration = (export_: string, originate: string): string => `
name: rs1
asn: 64500
routerId: 192.0.2.1
families: [ipv4]
runDir: ${folder}
listen: [{ address: 127.22.0.1, port: ${port} }]
policies:
  to-member:
    terms:
      - { match: { communities: "0:peer" }, verdict: reject }
      - { name: others, match: { prefixes: [203.0.113.0/24 le 32] }, verdict: reject }
    otherwise: accept
templates:
  # A next hop on a loopback interface would be taken by nobody.
  member:
    { routeServerClient: true, role: rs, passive: true, nextHop4: 192.0.2.1, export: ${export_} }
peers:
  - { address: 127.22.0.11, asn: 64501, template: member, import: [198.51.100.0/22 le 24] }
  - { address: 127.22.0.12, asn: 64502, template: member, import: all }
originate: ${originate}
metrics: { listen: { address: 127.22.0.1, port: ${metricsPort} } }
`;

before(async () => {
  writeFileSync(file, configuration("to-member", "[]"));
  server = new RunningMain(main, "--config", file);
  await server.line("the route server serves");
});

after(async () => {
  await Promise.all(speakers.map((speaker) => speaker.stop()));
  server.child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

async function startMember(asn: number, address: string): Promise<Speaker> {
  const families = ["ipv4-unicast"] as const;
  const config = {
    ...{ asn: parseAsn(asn), routerId: parseIp4(address), families, listen: [] },
    peers: [
      {
        ...({ kind: "fabric", role: "rs-client", families, port } as const),
        ...{ address: parseIp("127.22.0.1"), asn: parseAsn(64500) },
        ...{ localAddress: parseIp(address), nextHop4: parseIp4(`192.0.2.${address.slice(-2)}`) },
        ...{ importPolicy: acceptAll, exportPolicy: acceptAll },
      },
    ],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { connectRetryMs: 200, idleHoldMinMs: 20, idleHoldMaxMs: 200 },
  };
  const speaker = await Speaker.start(config, { fib: noFib, log: silentLog });
  speakers.push(speaker);
  return speaker;
}

/** `PREFIX via NEXT HOP path AS PATH` of what came from the route server. */
function heardBy(speaker: Speaker | undefined): string[] {
  return [...(speaker?.routes() ?? [])]
    .filter(({ from }) => from !== undefined)
    .map(({ prefix, attributes: { nextHop, asPath } }) => {
      const path = asPath.flatMap(({ asns }) => asns).join(" ");
      return `${formatPrefix(prefix)} ${formatIp(nextHop)} ${path}`;
    })
    .sort();
}

async function untilHears(speaker: Speaker | undefined, ...wanted: string[]): Promise<void> {
  const isSame = async () => (heardBy(speaker).join() === wanted.join() ? true : undefined);
  await eventually("the routes", isSame).catch(() => assert.deepEqual(heardBy(speaker), wanted));
}

async function metrics(): Promise<string> {
  const answer = await fetch(`http://127.22.0.1:${metricsPort}/metrics`);
  return await answer.text();
}

test("members see each other's paths unchanged, but for what they are not to see", async () => {
  const first = await startMember(64501, "127.22.0.11");
  const second = await startMember(64502, "127.22.0.12");
  first.announce(parsePrefix("198.51.100.0/24"));
  first.announce(parsePrefix("198.51.101.0/24"), { communities: [64502] });
  first.announce(parsePrefix("192.168.0.0/16"));
  await untilHears(second, "198.51.100.0/24 192.0.2.11 64501");
  assert.deepEqual(heardBy(first), []);
});

test("numbers of sessions, messages and tables are there over TCP", async () => {
  const text = await metrics();
  const lines = [
    'heddle_bgp_session_up{peer="127.22.0.11",as="64501"} 1',
    'heddle_bgp_session_state{peer="127.22.0.12",state="Established"} 1',
    'heddle_bgp_sessions_established_total{peer="127.22.0.11"} 1',
    'heddle_bgp_peer_routes{peer="127.22.0.11",family="ipv4-unicast",kind="received"} 3',
    'heddle_bgp_peer_routes{peer="127.22.0.11",family="ipv4-unicast",kind="accepted"} 2',
    'heddle_bgp_messages_total{peer="127.22.0.11",direction="received",type="open"} 1',
    'heddle_bgp_table_routes{family="ipv4-unicast"} 3',
    "heddle_bgp_converged 1",
  ];
  assert.deepEqual(
    lines.filter((line) => !text.split("\n").includes(line)),
    [],
    text,
  );
  assert.equal(text.includes("heddle_route_server_owned"), false);
});

test("SIGHUP changes policies and own routes, and no session", async () => {
  const route =
    "[{ prefix: 203.0.113.0/24, med: 7 }, { prefix: 192.0.2.0/24, communities: [1:1] }]";
  writeFileSync(file, configuration("all", route));
  server.child.kill("SIGHUP");
  await untilHears(
    speakers[1],
    "192.0.2.0/24 192.0.2.1 64500",
    "198.51.100.0/24 192.0.2.11 64501",
    "198.51.101.0/24 192.0.2.11 64501",
    "203.0.113.0/24 192.0.2.1 64500",
  );
  writeFileSync(file, configuration("to-member", route));
  server.child.kill("SIGHUP");
  await untilHears(speakers[1], "192.0.2.0/24 192.0.2.1 64500", "198.51.100.0/24 192.0.2.11 64501");
  assert.match(await metrics(), /sessions_established_total\{peer="127\.22\.0\.12"\} 1\n/);
});

test("SIGHUP refuses what only a new process can take, and moves the metrics", async () => {
  const text = configuration("to-member", "[]");
  writeFileSync(file, text.replace("routerId: 192.0.2.1", "routerId: 192.0.2.2"));
  server.child.kill("SIGHUP");
  const { error } = await server.line("the configuration is refused");
  assert.match(
    String((error as { message: string }).message),
    /^Cannot change routerId of a running process, want a restart/,
  );
  writeFileSync(file, text.replace(`port: ${metricsPort}`, `port: ${port + 2}`));
  server.child.kill("SIGHUP");
  await untilHears(speakers[1], "198.51.100.0/24 192.0.2.11 64501");
  const moved = await fetch(`http://127.22.0.1:${port + 2}/metrics`);
  assert.equal(moved.status, 200);
  await assert.rejects(metrics());
});
