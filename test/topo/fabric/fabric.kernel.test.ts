/**
 * The FRR fabric of examples/lab.yaml with FRR in place of the nodes' agents: what the fabric owes
 * its nodes, in good times and when cables, agents and switches fail.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  execInDevice,
  failLink,
  labDown,
  labStatus,
  labUp,
  parseLabDefinition,
  processInDevice,
  restoreLink,
} from "@heddle/lab";
import type { FlowReport } from "./flows.ts";
import { type StandIn, StandInNode, until } from "./stand-in-node.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const definition = parseLabDefinition(readFileSync(path.join(root, "examples/lab.yaml"), "utf8"));
const stateDir = mkdtempSync("/run/heddle-fabric-");
const handle = { stateDir };

const standIns: readonly StandIn[] = [
  {
    name: "node1",
    routerId: "198.18.0.11",
    asn: 65203,
    leaves: ["172.16.0.2", "172.16.0.6"],
    prefixes: ["10.244.1.0/26", "fd00:10:244::1:0/122"],
    addresses: ["10.244.1.1/32", "fd00:10:244::1:1/128"],
  },
  {
    name: "node2",
    routerId: "198.18.0.12",
    asn: 65203,
    leaves: ["172.16.0.4", "172.16.0.8"],
    prefixes: ["10.244.2.0/26", "fd00:10:244::2:0/122"],
    addresses: ["10.244.2.1/32", "fd00:10:244::2:1/128"],
  },
  {
    name: "node3",
    routerId: "198.18.0.13",
    asn: 65203,
    leaves: ["172.16.0.10"],
    prefixes: ["10.244.3.0/26", "fd00:10:244::3:0/122"],
    addresses: ["10.244.3.1/32", "fd00:10:244::3:1/128"],
  },
];
const nodes = standIns.map((it) => new StandInNode(stateDir, it));
const [node1, node2, node3] = nodes as [StandInNode, StandInNode, StandInNode];

async function stdoutOf(device: string, argv: readonly string[], netns?: string): Promise<string> {
  const options = netns === undefined ? handle : { ...handle, netns };
  return (await execInDevice(device, argv, options)).stdout;
}

async function bgpRoutes(device: string, family: "-4" | "-6", netns?: string): Promise<string[]> {
  const argv = ["ip", family, "-json", "route", "show", "proto", "bgp"];
  const routes = JSON.parse(await stdoutOf(device, argv, netns)) as { dst: string }[];
  return routes.map(({ dst }) => dst).sort();
}

async function legsOf(device: string, prefix: string, netns?: string): Promise<number> {
  const argv = ["ip", prefix.includes(":") ? "-6" : "-4", "-json", "route", "show", prefix];
  const [route] = JSON.parse(await stdoutOf(device, argv, netns)) as { nexthops?: unknown[] }[];
  if (route === undefined) return 0;
  return route.nexthops === undefined ? 1 : route.nexthops.length;
}

async function answers(device: string, source: string, destination: string): Promise<boolean> {
  const argv = ["ping", "-c", "2", "-i", "0.1", "-W", "2", "-I", source, destination];
  return (await execInDevice(device, argv, { ...handle, allowFailure: true })).exitCode === 0;
}

async function runFlows(
  device: string,
  source: string,
  destination: string,
  seconds: number,
): Promise<FlowReport> {
  const program = path.join(import.meta.dirname, "flows.ts");
  const argv = [process.execPath, program, source, destination, String(seconds)];
  return JSON.parse(await stdoutOf(device, argv)) as FlowReport;
}

async function peerState(leaf: string, node: string): Promise<string | undefined> {
  const status = await labStatus(handle);
  const found = status?.devices.find(({ name }) => name === leaf)?.switch?.state;
  return found?.nodePeers.find(({ name }) => name === node)?.state;
}

async function allNodesPeer(): Promise<boolean> {
  const status = await labStatus(handle);
  const peers = status?.devices.flatMap((device) => device.switch?.state.nodePeers ?? []) ?? [];
  return peers.length === 5 && peers.every((peer) => peer.state === "Established");
}

before(async () => {
  await labUp(definition, handle);
  for (const node of nodes) await node.start();
  await until("all nodes peer with all their leaves", allNodesPeer);
  for (const { it } of [node1, node2]) {
    await until(`${it.name} has two legs`, async () => (await legsOf(it.name, "default")) === 2);
    for (const prefix of it.prefixes) {
      await until(`leaf3 has two legs to ${prefix}`, async () => {
        return (await legsOf("leaf3", prefix, "tenant")) === 2;
      });
    }
  }
  for (const prefix of node3.it.prefixes) {
    for (const leaf of ["leaf1", "leaf2", "border1"]) {
      await until(`${leaf} knows ${prefix}`, async () => {
        return (await legsOf(leaf, prefix, "tenant")) === 1;
      });
    }
  }
});

after(async () => {
  await labDown(stateDir);
  assert.equal(existsSync(stateDir), false);
});

test("nodes get the default routes and nothing else", async () => {
  for (const { it } of nodes) {
    await until("IPv6 default", async () => (await bgpRoutes(it.name, "-6")).length > 0);
    assert.deepEqual(await bgpRoutes(it.name, "-4"), ["default"]);
    assert.deepEqual(await bgpRoutes(it.name, "-6"), ["default"]);
  }
});

const reach: readonly (readonly [string, string, string])[] = [
  ["node1", "10.244.1.1", "10.244.2.1"],
  ["node1", "10.244.1.1", "10.244.3.1"],
  ["node3", "10.244.3.1", "10.244.2.1"],
  ["bm1", "192.168.50.10", "10.244.1.1"],
  ["node2", "10.244.2.1", "192.168.50.10"],
  ["ext1", "203.0.113.10", "10.244.1.1"],
  ["node3", "10.244.3.1", "203.0.113.10"],
  ["node1", "fd00:10:244::1:1", "fd00:10:244::2:1"],
  ["node1", "fd00:10:244::1:1", "fd00:10:244::3:1"],
  ["bm1", "fd00:192:168:50::10", "fd00:10:244::1:1"],
  ["node2", "fd00:10:244::2:1", "fd00:192:168:50::10"],
  ["ext1", "2001:db8:113::10", "fd00:10:244::1:1"],
  ["node3", "fd00:10:244::3:1", "2001:db8:113::10"],
  ["bm1", "192.168.50.10", "203.0.113.10"],
  ["node1", "172.17.0.3", "10.255.0.5"],
  ["node1", "198.18.0.11", "198.18.0.1"],
];

for (const [device, source, destination] of reach) {
  test(`${device} reaches ${destination} from ${source}`, async () => {
    assert.equal(await answers(device, source, destination), true);
  });
}

test("a packet of 9000 bytes crosses the fabric unfragmented", async () => {
  const argv = ["ping", "-c", "1", "-W", "2", "-M", "do", "-s", "8972", "-I", "10.244.1.1"];
  await execInDevice("node1", [...argv, "192.168.50.10"], handle);
});

test("what no node owns is discarded at the first leaf", async () => {
  const argv = ["ip", "-json", "route", "show", "10.244.0.0/16"];
  const [route] = JSON.parse(await stdoutOf("leaf3", argv, "tenant")) as { type: string }[];
  assert.equal(route?.type, "blackhole");
});

test("a node that loses one leaf keeps every flow, and the leaf's return costs none", async () => {
  const load = [
    runFlows("bm1", "192.168.50.10", "10.244.1.1", 6),
    runFlows("node3", "fd00:10:244::3:1", "fd00:10:244::1:1", 6),
  ];
  await failLink("node1:leaf1", handle);
  await until("node1 uses the other leaf", async () => (await legsOf("node1", "default")) === 1);
  for (const report of await Promise.all(load)) {
    assert.equal(report.aliveAtEndCount, report.flowCount);
  }
  const back = runFlows("bm1", "192.168.50.10", "10.244.1.1", 6);
  await restoreLink("leaf1:node1", handle);
  await until("the session is back", async () => {
    return (await peerState("leaf1", "node1")) === "Established";
  });
  const report = await back;
  assert.equal(report.aliveAtEndCount, report.flowCount);
});

/** The leaves that a stand-in has a default route from, by address. */
async function defaultsOf(node: StandInNode): Promise<string[]> {
  const text = await node.vtysh("show bgp ipv4 unicast 0.0.0.0/0 json");
  const { paths = [] } = JSON.parse(text) as { paths?: { peer: { peerId: string } }[] };
  return paths.map(({ peer }) => peer.peerId).sort();
}

test("a leaf without spines takes its default route back", async () => {
  for (const spine of ["spine1", "spine2"]) await failLink(`leaf2:${spine}`, handle);
  await until("node2 leaves leaf2", async () => {
    return (await defaultsOf(node2)).join() === "172.16.0.4";
  });
  assert.equal(await answers("node2", "10.244.2.1", "10.244.3.1"), true);
  for (const spine of ["spine1", "spine2"]) await restoreLink(`leaf2:${spine}`, handle);
  await until("node2 uses leaf2 again", async () => {
    return (await defaultsOf(node2)).join() === "172.16.0.4,172.16.0.8";
  });
});

test("a dead agent's routes stay until it is back", async () => {
  const load = runFlows("bm1", "192.168.50.10", "10.244.3.1", 3);
  await node3.crash();
  await until("the leaf notices", async () => {
    return (await peerState("leaf3", "node3")) !== "Established";
  });
  assert.equal((await load).lostCount, 0);
  assert.equal(await legsOf("leaf3", "10.244.3.0/26", "tenant"), 1);
  await node3.start();
  await until("the session is back", async () => {
    return (await peerState("leaf3", "node3")) === "Established";
  });
});

test("an address that moved to another rack is a host route of its own", async () => {
  await node3.vtysh(
    "configure terminal",
    "router bgp 65203",
    "address-family ipv4 unicast",
    "network 10.244.1.33/32",
    "address-family ipv6 unicast",
    "network fd00:10:244::1:21/128",
  );
  for (const address of ["10.244.1.33/32", "fd00:10:244::1:21/128"]) {
    await execInDevice("node3", ["ip", "address", "add", address, "dev", "lo"], handle);
  }
  await until("leaf1 knows it", async () => {
    return (await legsOf("leaf1", "10.244.1.33/32", "tenant")) === 1;
  });
  assert.equal(await answers("node2", "10.244.2.1", "10.244.1.33"), true);
  assert.equal(await answers("bm1", "fd00:192:168:50::10", "fd00:10:244::1:21"), true);
});

test("a node announces only parts of the pod prefixes", async () => {
  const foreign = ["192.168.50.128/25", "10.244.0.0/17", "0.0.0.0/0", "8.8.8.0/24"];
  await node3.vtysh(
    "configure terminal",
    "router bgp 65203",
    "address-family ipv4 unicast",
    ...foreign.map((prefix) => `network ${prefix}`),
    "network 10.244.3.64/26",
  );
  await until("leaf3 takes the good one", async () => {
    return (await bgpRoutes("leaf3", "-4", "tenant")).includes("10.244.3.64/26");
  });
  const known = await bgpRoutes("leaf3", "-4", "tenant");
  assert.deepEqual(
    foreign.filter((prefix) => known.includes(prefix)),
    [],
  );
  assert.equal(known.includes("default"), false);
  await node3.vtysh(
    "configure terminal",
    "router bgp 65203",
    "address-family ipv4 unicast",
    ...foreign.map((prefix) => `no network ${prefix}`),
  );
  await until("node3 has its default route back", async () => {
    return (await bgpRoutes("node3", "-4")).includes("default");
  });
});

test("a node with another AS number is refused", async () => {
  await node2.stop();
  const stranger = new StandInNode(stateDir, { ...node2.it, asn: 65299 });
  await stranger.start();
  await until("it was refused", async () => {
    const text = await stranger.vtysh("show bgp neighbors 172.16.0.4");
    return text.includes("Bad Peer AS");
  });
  assert.notEqual(await peerState("leaf1", "node2"), "Established");
  assert.equal(await legsOf("node2", "default"), 0);
  await stranger.stop();
  await node2.start();
  await until("the right one is welcome", allNodesPeer);
});

test("a second lab up adopts everything; dead daemons come back and their VRF never left", async () => {
  const daemons = ["zebra", "bfdd", "ospfd", "bgpd"];
  const pids = daemons.map((label) => processInDevice("leaf3", label, handle)?.pid as number);
  const before = await stdoutOf("leaf3", ["ip", "-json", "-brief", "link"], "tenant");
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await until("FRR is dead", async () => processInDevice("leaf3", "zebra", handle) === undefined);
  assert.equal(await stdoutOf("leaf3", ["ip", "-json", "-brief", "link"], "tenant"), before);
  const lines: string[] = [];
  await labUp(definition, { ...handle, progress: (line) => lines.push(line) });
  assert.equal(lines[0], "12 devices (0 started)");
  assert.equal(lines[2], "6 switches (4 FRR daemons started)");
  await until("all nodes peer again", allNodesPeer);
  await until("racks reach each other", async () => {
    return await answers("node1", "10.244.1.1", "10.244.3.1");
  });
  const status = await labStatus(handle);
  assert.deepEqual(
    status?.cables.filter((cable) => cable.state !== "up"),
    [],
  );
});

test("another definition is refused while this one runs", async () => {
  const other = parseLabDefinition(definition.text.replace("10100", "10101"));
  await assert.rejects(labUp(other, handle), {
    message: `Cannot start the lab in ${stateDir}: a lab with another definition is there, run lab down first`,
  });
});

process.on("exit", () => rmSync(`${stateDir}.lock`, { force: true }));
