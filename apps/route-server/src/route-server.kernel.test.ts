/**
 * The route server as a process, with the API server as a process over TLS, two agents whose
 * certificates name their nodes, and a router of another cluster.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import type { PeerView, RoutePageView } from "@heddle/admin";
import {
  blockNameOf,
  defaulted,
  ipBlockKind,
  ipPoolKind,
  nodeKind,
  subnetKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import { type AddressFamily, acceptAll, encodeVpnRoute } from "@heddle/bgp";
import {
  formatPrefix,
  parseAsn,
  parseIp,
  parseIp4,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
} from "@heddle/inet";
import { HttpStore } from "@heddle/kube";
import { noFib, type PeerConfig, type Route, Speaker } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { eventually, RunningMain } from "@heddle/system/testing";
import type { RouteServerStatus } from "./admin-routes.ts";

const mainOf = (app: string): string =>
  path.resolve(import.meta.dirname, "../..", app, "src/main.ts");
const adminToken = "admin-token-0123456789";
const viewerToken = "viewer-token-0123456789";
const apiVersion = "heddle.io/v1alpha1" as const;
const families: readonly AddressFamily[] = ["ipv4-unicast", "ipv4-vpn"];
const asn = parseAsn(65203);
const blockText = "10.244.0.0/26";

let folder: string;
let url: string;
let admin: HttpStore;
let routeServer: RunningMain;
let port: number;
const children: RunningMain[] = [];
const speakers: Speaker[] = [];
const file = (name: string): string => path.join(folder, name);
const read = (name: string): string => readFileSync(file(name), "utf8");

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { stdio: "ignore" });
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

function issue(name: string, subjectAltName: string): void {
  const request = ["-keyout", file(`${name}.key`), "-out", file(`${name}.csr`), "-subj", "/CN=x"];
  openssl("req", "-new", ...newKey, ...request);
  writeFileSync(file(`${name}.ext`), `subjectAltName=${subjectAltName}\n`);
  const signed = ["-in", file(`${name}.csr`), "-out", file(`${name}.crt`), "-days", "1"];
  const by = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial"];
  openssl("x509", "-req", ...signed, ...by, "-extfile", file(`${name}.ext`));
}

function writeKubeconfig(name: string, token: string): string {
  const document = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "c" },
    clusters: [{ name: "c", cluster: { server: url, "certificate-authority": file("ca.crt") } }],
    users: [{ name: "u", user: { token } }],
    contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
  };
  writeFileSync(file(`${name}.kubeconfig`), JSON.stringify(document));
  return file(`${name}.kubeconfig`);
}

function writeConfig(): void {
  const config = {
    ...{ name: "rs1", asn: 65203, routerId: "192.0.2.1", families, runDir: folder },
    kubeconfig: file("viewer.kubeconfig"),
    tls: { certificate: file("rs.crt"), key: file("rs.key"), authorities: file("ca.crt") },
    listen: [
      { address: "127.21.0.1", port, tls: true },
      { address: "127.21.0.1", port: port === 0 ? 0 : port + 1 },
    ],
    agents: [
      {
        ...{ name: "nodes", prefix: "127.21.1.0/24" },
        identity: { by: "certificate", suffix: ".agents.test" },
      },
    ],
    peers: [
      {
        ...{ address: "127.21.2.1", asn: 65300, localAddress: "127.21.0.1", passive: true },
        ...{ import: "all", export: [{ prefix: "10.244.0.0/16", le: 32 }] },
      },
    ],
  };
  writeFileSync(file("rs.yaml"), JSON.stringify(config));
}

async function startRouteServer(): Promise<void> {
  writeConfig();
  routeServer = new RunningMain(mainOf("route-server"), "--config", file("rs.yaml"));
  children.push(routeServer);
  await routeServer.line("the route server serves");
}

async function startSpeaker(
  own: number,
  address: string,
  routerId: string,
  peer: Partial<PeerConfig>,
  certificate?: string,
): Promise<Speaker> {
  const tls =
    certificate === undefined
      ? {}
      : {
          tls: {
            certificate: read(`${certificate}.crt`),
            key: read(`${certificate}.key`),
            authorities: read("ca.crt"),
          },
        };
  const local = parseIp(address);
  const to: PeerConfig = {
    ...{ address: parseIp("127.21.0.1"), asn, families, localAddress: local, port },
    ...{ kind: "reflector", nextHop4: parseIp4(routerId), ...peer },
    ...(certificate === undefined ? {} : { tls: { name: "rs.test" } }),
  };
  const config = {
    ...{ asn: parseAsn(own), routerId: parseIp4(routerId), families, listen: [], peers: [to] },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    timers: { connectRetryMs: 200, idleHoldMinMs: 20, idleHoldMaxMs: 200 },
    gracefulRestart: {
      ...{ restartTimeMs: 60_000, restarting: false, deferralMs: 5000, staleTimeMs: 60_000 },
    },
    ...tls,
  };
  const speaker = await Speaker.start(config, { fib: noFib, log: silentLog });
  speakers.push(speaker);
  return speaker;
}

function startAgent(name: string, index: number): Promise<Speaker> {
  return startSpeaker(65203, `127.21.1.${index}`, `192.0.2.1${index}`, {}, name);
}

function ask<T>(target: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const socketPath = file("route-server.sock");
    const request = http.get({ socketPath, path: target }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve(JSON.parse(text) as T));
    });
    request.on("error", reject);
  });
}

/** `ROUTE from PEER` with why it is not used. */
async function heard(): Promise<string[]> {
  const { routes } = await ask<RoutePageView>("/v1/bgp/routes");
  const { routes: vpn } = await ask<RoutePageView>("/v1/bgp/routes?family=ipv4-vpn");
  return [...routes, ...vpn]
    .map(({ route, peer, decision }) => `${route} ${peer} ${decision?.ineligible ?? "ok"}`)
    .sort();
}

async function untilHeard(wanted: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const isSame = async () => {
    last = await heard();
    return last.join() === wanted.join() ? true : undefined;
  };
  await eventually("the routes", isSame).catch(() => assert.deepEqual(last, wanted));
}

async function untilHas(speaker: Speaker, ...wanted: readonly string[]): Promise<void> {
  let last: readonly string[] = [];
  const isSame = async () => {
    last = [...new Set([...speaker.routes()].map(({ prefix }) => formatPrefix(prefix)))].sort();
    return last.join() === wanted.join() ? true : undefined;
  };
  await eventually("the routes", isSame).catch(() => assert.deepEqual(last, wanted));
}

async function createBlock(cidr: string, node: string, vpc?: string): Promise<void> {
  const prefix = parsePrefix(cidr);
  const metadata = { name: blockNameOf(prefix, vpc) };
  const pool = vpc === undefined ? "pods" : vpc;
  const spec = { pool, subnet: pool, cidr, node, ...(vpc === undefined ? {} : { vpc }) };
  const source = { apiVersion, kind: "IPBlock", metadata, spec } as const;
  await admin.create(ipBlockKind, defaulted(ipBlockKind, source));
}

async function createAddressPlan(name: string, vpc: string, cidr: string): Promise<void> {
  const spec = { cidrs: [cidr], vpc };
  const subnet = { apiVersion, kind: "Subnet", metadata: { name }, spec } as const;
  await admin.create(subnetKind, defaulted(subnetKind, subnet));
  const pool = { apiVersion, kind: "IPPool", metadata: { name }, spec: { subnet: name, cidr } };
  await admin.create(ipPoolKind, defaulted(ipPoolKind, { ...pool, apiVersion, kind: "IPPool" }));
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "hops-"));
  const out = ["-keyout", file("ca.key"), "-out", file("ca.crt")];
  openssl("req", "-x509", ...newKey, ...out, "-subj", "/CN=ca", "-days", "1");
  issue("server", "IP:127.0.0.1");
  issue("rs", "DNS:rs.test");
  issue("n1", "DNS:n1.agents.test");
  issue("n2", "DNS:n2.agents.test");
  const tokens = `${adminToken},admin,1,"heddle:admins"\n${viewerToken},rs,2,"heddle:viewers"\n`;
  writeFileSync(file("tokens"), tokens);
  const api = new RunningMain(
    mainOf("apiserver"),
    ...["--listen", "127.0.0.1:0", "--data-dir", file("data")],
    ...["--tls-cert", file("server.crt"), "--tls-key", file("server.key")],
    ...["--token-file", file("tokens")],
  );
  children.push(api);
  const { addresses } = await api.line("the server is ready");
  url = `https://${(addresses as readonly string[])[0]}`;
  admin = await HttpStore.fromKubeconfig(writeKubeconfig("admin", adminToken));
  writeKubeconfig("viewer", viewerToken);
  for (const name of ["n1", "n2"]) {
    const source = { apiVersion: "v1", kind: "Node", metadata: { name } } as const;
    await admin.create(nodeKind, defaulted(nodeKind, source));
  }
  const spec = { exportRouteTargets: ["65203:7"], importRouteTargets: ["65203:7"] };
  const red: Vpc = defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata: { name: "red" }, spec });
  await admin.create(vpcKind, red);
  const native = { apiVersion, kind: "Vpc", metadata: { name: "default" }, spec: {} } as const;
  await admin.create(vpcKind, defaulted(vpcKind, native)).catch(() => undefined);
  await createAddressPlan("pods", "default", "10.244.0.0/16");
  await createAddressPlan("red", "red", "10.1.0.0/16");
  await createBlock(blockText, "n1");
  await createBlock("10.244.0.64/26", "n2");
  await createBlock("10.1.0.0/26", "n1", "red");
  port = 20_000 + (process.pid % 20_000);
  await startRouteServer();
});

after(async () => {
  await Promise.all(speakers.map((speaker) => speaker.stop()));
  for (const { child } of children) child.kill("SIGKILL");
  admin?.[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

test("an agent announces what it owns, by the name in its certificate", async () => {
  const n1 = await startAgent("n1", 1);
  const n2 = await startAgent("n2", 2);
  n1.announce(parsePrefix(blockText));
  n1.announce(parsePrefix("10.244.0.64/26"));
  n2.announce(parsePrefix("10.244.0.64/26"));
  n2.announce(parsePrefix("10.244.7.0/26"));
  const targets = [parseRouteTarget("65203:7")];
  for (const [agent, index] of [
    [n1, 1],
    [n2, 2],
  ] as const) {
    const { key, payload } = encodeVpnRoute({
      rd: parseRouteDistinguisher(`192.0.2.1${index}:7`),
      prefix: parsePrefix("10.1.0.0/26"),
      labels: [100],
    });
    agent.announceRoute("ipv4-vpn", key, payload, { extendedCommunities: targets });
  }
  await untilHeard([
    "10.244.0.0/26 127.21.1.1 ok",
    "10.244.0.64/26 127.21.1.1 not-owner",
    "10.244.0.64/26 127.21.1.2 ok",
    "10.244.7.0/26 127.21.1.2 not-owner",
    "192.0.2.11:7:10.1.0.0/26 label 100 127.21.1.1 ok",
    "192.0.2.12:7:10.1.0.0/26 label 100 127.21.1.2 not-owner",
  ]);
  await untilHas(n2, blockText, "10.244.0.64/26", "10.244.7.0/26");
});

test("a router of another cluster gets what is exported, with the next hop of the agent", async () => {
  const more = { kind: "fabric", port: port + 1, families: ["ipv4-unicast"] } as const;
  const policies = { importPolicy: acceptAll, exportPolicy: acceptAll };
  const border = await startSpeaker(65300, "127.21.2.1", "192.0.2.99", { ...more, ...policies });
  border.announce(parsePrefix("10.99.0.0/16"));
  await untilHas(border, blockText, "10.244.0.64/26", "10.99.0.0/16");
  const [route] = [...border.routes({ within: parsePrefix(blockText) })];
  assert.deepEqual(
    [route?.attributes.nextHop, route?.attributes.asPath[0]?.asns],
    [parseIp("192.0.2.11"), [asn]],
  );
});

test("a block that changes hands is another node's within a moment", async () => {
  const ref = { name: blockNameOf(parsePrefix(blockText)) };
  const block = await admin.get(ipBlockKind, ref);
  const startedMs = performance.now();
  await admin.update(ipBlockKind, { ...block, spec: { ...block.spec, node: "n2" } });
  await eventually("the loss", async () =>
    (await heard()).includes("10.244.0.0/26 127.21.1.1 not-owner") ? true : undefined,
  );
  speakers[1]?.announce(parsePrefix(blockText));
  await eventually("the gain", async () =>
    (await heard()).includes("10.244.0.0/26 127.21.1.2 ok") ? true : undefined,
  );
  console.log(`a block changed hands in ${Math.round(performance.now() - startedMs)} ms`);
});

test("a restarted route server is taken back: its peers keep what it told them", async () => {
  const [n1, n2] = speakers;
  assert.ok(n1 !== undefined && n2 !== undefined);
  await untilHas(n1, "10.244.0.0/26", "10.244.0.64/26", "10.99.0.0/16");
  const isOfOther = ({ prefix, from }: Route): boolean =>
    from !== undefined && prefix === parsePrefix("10.244.0.64/26");
  let lostCount = 0;
  const look = setInterval(() => {
    if (![...n1.routes()].some(isOfOther)) lostCount += 1;
  }, 5);
  assert.deepEqual(await routeServer.end(), [0, null]);
  await eventually("stale routes that stay", async () =>
    [...n1.routes()].some(({ stale }) => stale) ? true : undefined,
  );
  // The other agent is back last; until then nobody is told that the table is complete.
  await n2.stopForRestart();
  await startRouteServer();
  const untilUp = (count: number): Promise<boolean> =>
    eventually(`${count} sessions`, async () => {
      const peers = await ask<PeerView[]>("/v1/bgp/peers");
      return peers.filter(({ state }) => state === "Established").length === count || undefined;
    });
  await untilUp(2);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const back = await startAgent("n2", 2);
  for (const prefix of [blockText, "10.244.0.64/26"]) back.announce(parsePrefix(prefix));
  await untilUp(3);
  await eventually("fresh routes", async () =>
    [...n1.routes()].some(({ stale }) => stale) ? undefined : true,
  );
  clearInterval(look);
  assert.equal(lostCount, 0, "the other agent's route was lost meanwhile");
  const status = await ask<RouteServerStatus>("/v1/status");
  assert.deepEqual(
    [status.node, status.apiServer?.synced, status.ownedCount, status.bgp.established],
    ["rs1", true, 3, 3],
  );
});

test("SIGHUP puts a changed file in force, and refuses a bad one", async () => {
  const config = JSON.parse(read("rs.yaml")) as { peers: object[] };
  writeFileSync(file("rs.yaml"), JSON.stringify({ ...config, asn: "x" }));
  routeServer.child.kill("SIGHUP");
  const { error } = await routeServer.line("the configuration is refused");
  assert.match(
    String((error as { message: string }).message),
    /^Cannot read asn \(line 1\): Cannot parse AS number "x"/,
  );
  writeFileSync(file("rs.yaml"), JSON.stringify({ ...config, peers: [] }));
  routeServer.child.kill("SIGHUP");
  await routeServer.line("the configuration is in force");
  const peers = await ask<PeerView[]>("/v1/bgp/peers");
  assert.deepEqual(peers.map(({ address }) => address).sort(), ["127.21.1.1", "127.21.1.2"]);
});
