/** What pmacct's BMP collector, a public one, reads of our exporter. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { type AddressFamily, acceptAll, encodeVpnRoute, type Policy } from "@heddle/bgp";
import {
  parseAsn,
  parseIp,
  parseIp4,
  parseIp6,
  parsePrefix,
  parseRouteDistinguisher,
} from "@heddle/inet";
import { silentLog } from "@heddle/std";
import {
  BmpExporter,
  bmpViews,
  noFib,
  type PeerConfig,
  Speaker,
  type SpeakerConfig,
} from "../src/mod.ts";

const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv6-unicast", "ipv4-vpn"];
const centre = parseIp("127.22.1.1");
const remote = parseIp("127.22.1.2");
const notTen: Policy = {
  name: "not-ten",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.9.0.0/16"), le: 32 }] }, verdict: "reject" },
  ],
  otherwise: "accept",
};
const program = "/usr/sbin/pmbmpd";

/** A line of its log, as far as it matters here. */
interface Line {
  readonly bmp_msg_type?: string;
  readonly peer_ip?: string;
  readonly log_type?: string;
  readonly is_post?: number;
  readonly is_out?: number;
  readonly is_loc?: number;
  readonly ip_prefix?: string;
  readonly rd?: string;
  readonly med?: number;
  readonly bgp_nexthop?: string;
  readonly counter_type?: number;
  readonly counter_value?: number;
  readonly reason_type?: number;
}

class Pmacct implements AsyncDisposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "heddle-pmacct-"));
  readonly #child: ChildProcess;

  constructor(port: number) {
    const config = path.join(this.#folder, "pmbmpd.conf");
    const lines = [
      ...["daemonize: false", "bmp_daemon_ip: 127.0.0.1", `bmp_daemon_port: ${port}`],
      ...[`bmp_daemon_msglog_file: ${this.#log}`, "bmp_daemon_msglog_output: json"],
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    this.#child = spawn(program, ["-f", config], { stdio: "ignore" });
  }

  get lines(): readonly Line[] {
    if (!existsSync(this.#log)) return [];
    const whole = readFileSync(this.#log, "utf8").split("\n").slice(0, -1);
    return whole.map((line): Line => JSON.parse(line));
  }

  get #log(): string {
    return path.join(this.#folder, "log.json");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    rmSync(this.#folder, { recursive: true });
  }
}

async function until<T>(what: string, find: () => T | undefined | false): Promise<T> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    assert.ok(performance.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : assert.fail("no port");
}

function configOf(asn: number, routerId: string, peer: PeerConfig): SpeakerConfig {
  return {
    ...{ asn: parseAsn(asn), routerId: parseIp4(routerId), listen: [], peers: [peer], families },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { connectRetryMs: 100 },
    forwarding: false,
  };
}

async function startPair(owned: AsyncDisposableStack): Promise<[Speaker, Speaker]> {
  const start = async (config: SpeakerConfig): Promise<Speaker> =>
    owned.use(await Speaker.start(config, { fib: noFib, log: silentLog }));
  const common = { kind: "fabric", families, exportPolicy: acceptAll } as const;
  const passive: PeerConfig = {
    ...{ ...common, address: remote, localAddress: centre, asn: parseAsn(65002), passive: true },
    ...{ importPolicy: notTen, nextHop4: parseIp4("192.0.2.1"), nextHop6: parseIp6("2001:db8::1") },
  };
  const speaker = await start({
    ...configOf(65001, "192.0.2.1", passive),
    listen: [{ address: centre, port: 0 }],
  });
  const active: PeerConfig = {
    ...{ ...common, address: centre, localAddress: remote, asn: parseAsn(65001) },
    ...{ port: speaker.listening[0]?.port ?? assert.fail("nobody listens") },
    ...{ importPolicy: acceptAll, nextHop4: parseIp4("192.0.2.2") },
    nextHop6: parseIp6("2001:db8::2"),
  };
  return [speaker, await start(configOf(65002, "192.0.2.2", active))];
}

/** View, then what it says. */
function routeOf(line: Line): string {
  const view = line.is_loc === 1 ? "loc" : `${line.is_out === 1 ? "out" : "in"}-${line.is_post}`;
  return [view, line.log_type, line.rd, line.ip_prefix, line.bgp_nexthop, line.med]
    .filter((part) => part !== undefined)
    .join(" ");
}

test("pmacct reads all views, statistics and the ends", async () => {
  await using owned = new AsyncDisposableStack();
  const port = await freePort();
  const collector = owned.use(new Pmacct(port));
  const [speaker, peer] = await startPair(owned);
  const at = { host: "127.0.0.1", port, views: bmpViews, statisticsMs: 300 };
  const identity = { sysName: "rs1", sysDescr: "heddle" };
  const exporter = owned.use(new BmpExporter([at], { speaker, identity, log: silentLog }));
  const of = (type: string): Line[] =>
    collector.lines.filter(({ bmp_msg_type }) => bmp_msg_type === type);
  await until("both peers are up", () => of("peer_up").length >= 2);
  const vpn = encodeVpnRoute({
    ...{ rd: parseRouteDistinguisher("192.0.2.1:7"), prefix: parsePrefix("10.7.0.0/24") },
    labels: [100],
  });
  peer.announce(parsePrefix("20.1.0.0/24"), { med: 5 });
  peer.announce(parsePrefix("10.9.1.0/24"));
  peer.announce(parsePrefix("2001:db8:7::/48"));
  peer.announceRoute("ipv4-vpn", vpn.key, vpn.payload, { nextHop: parseIp4("192.0.2.2") });
  speaker.announce(parsePrefix("172.20.0.0/16"));
  const v6 = "2001:db8:7::/48 2001:db8::2";
  const rd = "1:192.0.2.1:7 10.7.0.0/24 192.0.2.2";
  const wanted = [
    ...["in-0", "in-1", "loc"].flatMap((view) => [
      `${view} update 20.1.0.0/24 192.0.2.2 5`,
      ...[`${view} update ${v6}`, `${view} update ${rd}`],
    ]),
    ...["in-0 update 10.9.1.0/24 192.0.2.2", "in-1 withdraw 10.9.1.0/24"],
    ...["loc update 172.20.0.0/16 192.0.2.1", "out-1 update 172.20.0.0/16 192.0.2.1"],
  ].sort();
  await until("all routes", () => of("route_monitor").length >= wanted.length);
  assert.deepEqual(of("route_monitor").map(routeOf).sort(), wanted);
  const gauge = (type: number) =>
    of("stats").findLast(({ counter_type }) => counter_type === type)?.counter_value;
  await until("statistics", () => gauge(7) === 4 && gauge(8) === 4 && gauge(15) === 1);
  peer.withdraw(parsePrefix("20.1.0.0/24"));
  await until("the withdrawal", () =>
    ["in-0", "in-1", "loc"].every((view) =>
      of("route_monitor").map(routeOf).includes(`${view} withdraw 20.1.0.0/24`),
    ),
  );
  await peer.stop();
  const down = await until("the end of the peer", () => of("peer_down")[0]);
  assert.equal(down.reason_type, 3);
  await exporter[Symbol.asyncDispose]();
  await until("the termination", () => of("term").length === 1);
});
