/**
 * What the VPCs of nodes hear of each other: agents dial the route servers over TLS, announce the
 * blocks of their VPCs, and import those of others; a route server believes each agent only what it
 * owns. One boot for all tests; they run in order.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import type { RouteView } from "@heddle/admin";
import type { BGPPeer, BGPPeerSession, Vpc } from "@heddle/api";
import {
  parseAsn,
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  parseVrfId,
} from "@heddle/inet";
import {
  agentLabel,
  bgpTlsDirectory,
  liveDevice,
  managementDevice,
  processInDevice,
  stopInDevice,
} from "@heddle/lab";
import type { VrfRouteView, VrfView } from "@heddle/node";
import { noFib, Speaker, type SpeakerConfig } from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { originate } from "@heddle/vpn";
import { echoPod, eventually, LabFixture } from "./lab-fixture.ts";

let fixture: LabFixture;
/** Of Vpc red. */
let vrfId = 0;

const apiVersion = "heddle.io/v1alpha1";
const asn = 65203;

before(async () => {
  fixture = await LabFixture.boot();
  await fixture.apply(
    { apiVersion, kind: "Vpc", metadata: { name: "red" } },
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "red" } },
    {
      ...{ apiVersion, kind: "Subnet", metadata: { name: "red" } },
      // The addresses of the native subnet: only the VRF tells them apart.
      spec: { vpc: "red", cidrs: ["10.244.0.0/16", "fd00:10:244::/48"], namespaces: ["red"] },
    },
    pool("red-ipv4", "10.244.0.0/17", "Dynamic"),
    pool("red-ipv6", "fd00:10:244::/64", "Dynamic"),
    pool("red-fixed", "10.244.128.0/20", "Fixed"),
    echoPod("red-1", "node1", {}, "red"),
    echoPod("red-2", "node2", {}, "red"),
  );
  for (const name of ["red-1", "red-2"]) await fixture.runningPod(name, "red");
  vrfId = (await fixture.get<Vpc>("vpc", "red")).status?.vrfId ?? 0;
});

after(async () => {
  await fixture[Symbol.asyncDispose]();
});

function pool(name: string, cidr: string, allocation: "Dynamic" | "Fixed"): object {
  return {
    apiVersion,
    kind: "IPPool",
    metadata: { name },
    spec: { subnet: "red", cidr, allocation },
  };
}

async function rowsOf<T>(...args: readonly string[]): Promise<T[]> {
  const { exitCode, stdout, stderr } = await fixture.heddle("-o", "json", ...args);
  // A node without addresses of the VPC has no such VRF.
  assert.ok(exitCode === 0 || stdout !== "", stderr);
  return JSON.parse(stdout) as T[];
}

/** `PREFIX HOPS` of what the node has imported into red, sorted. */
async function imported(node: string): Promise<string[]> {
  const rows = await rowsOf<VrfRouteView>("bgp", "vrfs", "red", "--node", node);
  return rows
    .filter(({ source }) => source !== "own")
    .map(({ prefix, hops }) => `${prefix} ${hops.join()}`)
    .sort();
}

async function ownOf(node: string): Promise<string[]> {
  const rows = await rowsOf<VrfRouteView>("bgp", "vrfs", "red", "--node", node);
  return rows.filter(({ source }) => source === "own").map(({ prefix }) => prefix);
}

/** Over VXLAN to the node, in the VNI of red, to the MAC address of the node's router. */
function hopTo(lastOctet: number): string {
  const hex = lastOctet.toString(16).padStart(2, "0");
  return `vxlan 198.18.0.${lastOctet} vni ${vrfId} mac 02:0e:c6:12:00:${hex}`;
}

async function untilImported(node: string, wanted: readonly string[]): Promise<void> {
  const sorted = wanted.toSorted();
  await eventually(`${node} has ${sorted.join("; ")}`, 15_000, async () => {
    return (await imported(node)).join() === sorted.join() ? true : undefined;
  });
}

async function sessionOf(peer: string, node: string): Promise<BGPPeerSession | undefined> {
  const { status } = await fixture.get<BGPPeer>("bgppeer", peer);
  return status?.sessions.find((each) => each.node === node);
}

test("nodes of a VPC import each other's blocks, with next hop, route target and VNI", async () => {
  const [one, two] = [await ownOf("node1"), await ownOf("node2")];
  assert.deepEqual([one.length, two.length], [2, 2]);
  await untilImported(
    "node1",
    two.map((prefix) => `${prefix} ${hopTo(12)}`),
  );
  await untilImported(
    "node2",
    one.map((prefix) => `${prefix} ${hopTo(11)}`),
  );
  const vrfs = await rowsOf<VrfView>("bgp", "vrfs");
  const target = `${asn}:${vrfId}`;
  assert.deepEqual(
    vrfs.map((vrf) => [vrf.node, vrf.vrf, vrf.vni, vrf.routeDistinguisher, vrf.importTargets]),
    [
      ["node1", "red", vrfId, `198.18.0.11:${vrfId}`, [target]],
      ["node2", "red", vrfId, `198.18.0.12:${vrfId}`, [target]],
    ],
  );
  const learned = ["bgp", "routes", "--family", "evpn", "--node", "node1", "--best"];
  const routes = (await rowsOf<RouteView>(...learned)).filter(({ peer }) => peer !== "local");
  assert.equal(routes.length, 2);
  for (const { nextHop, extendedCommunities } of routes) {
    assert.equal(nextHop, "198.18.0.12");
    // VXLAN is tunnel type 8.
    const communities = [`rt:${target}`, "encap:8", "router-mac:02:0e:c6:12:00:0c"];
    assert.deepEqual(extendedCommunities, communities);
  }
});

test("a node without the VPC is sent none of it, and no kernel has a route of it", async () => {
  const peers = ["--family", "evpn", "--node", "node3"];
  assert.deepEqual(await rowsOf<RouteView>("bgp", "routes", ...peers), []);
  const { exitCode, stderr } = await fixture.heddle("bgp", "vrfs", "red", "--node", "node3");
  assert.equal(exitCode, 1);
  assert.match(stderr, /no addresses of VPC red on node node3/);
  for (const node of ["node1", "node2", "node3"]) {
    const text = await fixture.inDevice(node, "ip", "-json", "route", "show", "proto", "bgp");
    const destinations = (JSON.parse(text) as { dst: string }[]).map(({ dst }) => dst);
    assert.deepEqual(destinations, ["default"], node);
  }
});

test("a fixed address is announced while its pod is there", async () => {
  const host = `10.244.128.9/32 ${hopTo(11)}`;
  await fixture.apply(echoPod("db", "node1", { "heddle.io/ip": "10.244.128.9" }, "red"));
  await fixture.runningPod("db", "red");
  const blocks = (await ownOf("node1"))
    .filter((prefix) => prefix !== "10.244.128.9/32")
    .map((prefix) => `${prefix} ${hopTo(11)}`);
  await untilImported("node2", [...blocks, host]);
  await fixture.kubectl("delete", "pod", "db", "--namespace", "red", "--wait=true");
  await untilImported("node2", blocks);
});

test("a killed agent's routes stay at others, and it announces the same when it is back", async () => {
  const before = await imported("node2");
  assert.ok(before.length > 0);
  const { stateDir } = fixture;
  const agent = processInDevice("node1", agentLabel, { stateDir });
  process.kill(agent?.pid as number, "SIGKILL");
  const seen = new Set<string>();
  for (let i = 0; i < 5; i += 1) seen.add((await imported("node2")).join());
  await fixture.repair();
  for (let i = 0; i < 5; i += 1) seen.add((await imported("node2")).join());
  assert.deepEqual([...seen], [before.join()]);
  await untilImported(
    "node1",
    (await ownOf("node2")).map((prefix) => `${prefix} ${hopTo(12)}`),
  );
});

test("route servers that are killed take no route with them", async () => {
  const before = await imported("node1");
  const { stateDir } = fixture;
  for (const name of ["rs1", "rs2"]) {
    const { pid } = processInDevice(managementDevice, name, { stateDir }) ?? assert.fail(name);
    process.kill(pid, "SIGKILL");
    await eventually(`node1 loses ${name}`, 10_000, async () => {
      return (await sessionOf(name, "node1"))?.state === "Established" ? undefined : true;
    });
    assert.deepEqual(await imported("node1"), before, name);
  }
  const status = await fixture.heddle("lab", "status");
  assert.equal(status.exitCode, 1);
  assert.match(status.stdout, /^rs1 +198\.18\.0\.2 +rs1\.route-servers\.heddle +no +-/m);
  await fixture.repair();
  assert.deepEqual(await imported("node1"), before);
  assert.equal((await fixture.heddle("lab", "status")).exitCode, 0);
});

test("a route server takes from an agent only what its node owns", async () => {
  const { stateDir } = fixture;
  const [stolen] = await ownOf("node1");
  assert.ok(stolen !== undefined);
  await stopInDevice("node3", agentLabel, { stateDir });
  const before = await imported("node2");
  const netns = `/proc/${liveDevice(fixture.lab, "node3").holder.pid}/ns/net`;
  const rogue = await Speaker.start(await rogueConfig(), { fib: noFib, log: silentLog, netns });
  try {
    for (const { family, key, payload, attributes } of rogueRoutes(stolen)) {
      rogue.announceRoute(family, key, payload, attributes);
    }
    const received = ["bgp", "routes", "--node", "rs1", "--family", "evpn"];
    const [route] = await eventually("the route server has the route", 10_000, async () => {
      const rows = await rowsOf<RouteView>(...received, "--received", "--peer", "198.18.0.13");
      return rows.length > 0 ? rows : undefined;
    });
    assert.match(route?.route ?? "", /^198\.18\.0\.13:1 \[5\]/);
    assert.equal(route?.ineligible, "not-owner");
    const all = await rowsOf<RouteView>(...received);
    const held = all.find(({ peer }) => peer === "198.18.0.13");
    assert.deepEqual([held?.decision?.best, held?.decision?.ineligible], [false, "not-owner"]);
    assert.deepEqual(await imported("node2"), before);
  } finally {
    await rogue.stop();
    await fixture.repair();
  }
});

test("the status of a peer says why there is no session with a wrong certificate", async () => {
  const serverName = (name: string): string =>
    JSON.stringify({ spec: { tls: { serverName: name } } });
  await fixture.kubectl("patch", "bgppeer", "rs2", "--type=merge", "-p", serverName("rs9.heddle"));
  const failed = await eventually("node1 tells the reason", 15_000, async () => {
    const session = await sessionOf("rs2", "node1");
    return session?.lastError?.includes("altnames") === true ? session : undefined;
  });
  assert.notEqual(failed.state, "Established");
  assert.match(failed.lastError ?? "", /rs9\.heddle.* is not in the cert's altnames: DNS:rs2\./);
  const right = serverName("rs2.route-servers.heddle");
  await fixture.kubectl("patch", "bgppeer", "rs2", "--type=merge", "-p", right);
  await eventually("the session is up again", 20_000, async () => {
    return (await sessionOf("rs2", "node1"))?.state === "Established" ? true : undefined;
  });
});

test("renewed files are used by the next session, and one that names no node has none", async () => {
  const directory = bgpTlsDirectory(fixture.lab, "node3");
  const pki = path.join(fixture.stateDir, "cluster", "pki");
  const install = (name: string): void => {
    cpSync(path.join(pki, `${name}.crt`), path.join(directory, "tls.crt"));
    cpSync(path.join(pki, `${name}.key`), path.join(directory, "tls.key"));
  };
  install("viewer");
  const failed = await eventually("node3 is refused", 40_000, async () => {
    await fixture.heddle("bgp", "reset", "198.18.0.2", "--node", "node3");
    const session = await sessionOf("rs1", "node3");
    return session?.lastError?.includes("Connection Rejected") === true ? session : undefined;
  });
  assert.notEqual(failed.state, "Established");
  install("heddle-agent-node3");
  await eventually("node3 is back", 60_000, async () => {
    return (await sessionOf("rs1", "node3"))?.state === "Established" ? true : undefined;
  });
});

/** A speaker with the certificate of node3. */
async function rogueConfig(): Promise<SpeakerConfig> {
  const directory = bgpTlsDirectory(fixture.lab, "node3");
  const read = (name: string): Promise<string> => readFile(path.join(directory, name), "utf8");
  return {
    asn: parseAsn(asn),
    routerId: parseIp4("198.18.0.13"),
    families: ["evpn"],
    listen: [],
    tls: {
      certificate: await read("tls.crt"),
      key: await read("tls.key"),
      authorities: await read("ca.crt"),
    },
    peers: [
      {
        ...{ address: parseIp("198.18.0.2"), port: 1790, asn: parseAsn(asn), kind: "reflector" },
        ...{ families: ["evpn"], tls: { name: "rs1.route-servers.heddle" } },
      },
    ],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
  };
}

/** The prefix in the VRF of red, as if node3 had it. */
function rogueRoutes(prefix: string): ReturnType<ReturnType<typeof originate>["values"]> {
  const targets = [parseRouteTarget(`${asn}:${vrfId}`)];
  const routerId = parseIp4("198.18.0.13");
  const vrf = {
    name: "red",
    vrfId: parseVrfId(vrfId),
    rd: parseRouteDistinguisher("198.18.0.13:1"),
    importTargets: targets,
    exportTargets: targets,
    l3: { vni: parseVni(vrfId), routerMac: parseMac("02:00:00:00:00:13") },
    subnets: [],
  };
  const prefixes = [{ vrf: "red", prefix: parsePrefix(prefix) }];
  const vtep = { address: routerId, routerId, encapsulations: ["vxlan"] as const };
  return originate(vtep, { vrfs: [vrf], prefixes, segments: [], endpoints: [] }).values();
}
