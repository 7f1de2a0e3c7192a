/** Real sessions over the loopback between a node and a leaf. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptAll, type RouteChange } from "@heddle/bgp";
import {
  type Asn,
  formatPrefix,
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
  defaultGracefulRestart,
  noFib,
  type PeerConfig,
  Speaker,
  type SpeakerConfig,
} from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { type OriginatedRoute, prefixRoutes } from "@heddle/vpn";
import { type NodeRouteSink, NodeSpeaker } from "./node-speaker.ts";

const leafAddress = parseIp("127.8.0.1");
const nodeAddress = parseIp("127.8.0.2");
const leafAsn = parseAsn(65201);
const nodeAsn = parseAsn(65203);
const first = parsePrefix("10.244.0.0/26");
const second = parsePrefix("10.244.1.0/26");

function configOf(asn: Asn, routerId: string, peers: readonly PeerConfig[]): SpeakerConfig {
  return {
    asn,
    routerId: parseIp4(routerId),
    families: ["ipv4-unicast"],
    listen: [],
    peers,
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    gracefulRestart: { ...defaultGracefulRestart, restarting: true },
    timers: { idleHoldMinMs: 20, idleHoldMaxMs: 50 },
  };
}

const both = {
  families: ["ipv4-unicast"],
  importPolicy: acceptAll,
  exportPolicy: acceptAll,
} as const;

/** A leaf that waits for the node and notes nothing but what its RIB says. */
async function startLeaf(): Promise<{ leaf: Speaker; port: number }> {
  const peer: PeerConfig = {
    ...both,
    ...{ address: nodeAddress, localAddress: leafAddress, asn: nodeAsn, kind: "fabric" },
    passive: true,
  };
  const config = {
    ...configOf(leafAsn, "192.0.2.1", [peer]),
    listen: [{ address: leafAddress, port: 0 }],
    gracefulRestart: { ...defaultGracefulRestart, restarting: false },
  };
  const leaf = await Speaker.start(config, { fib: noFib, log: silentLog });
  return { leaf, port: leaf.listening[0]?.port ?? assert.fail("the leaf does not listen") };
}

function nodeConfig(port: number, routerId = "192.0.2.2", holdTimeMs = 9000): SpeakerConfig {
  // A next hop of the loopback would be refused.
  const nextHop4 = parseIp4("192.0.2.2");
  const peer = { address: leafAddress, port, localAddress: nodeAddress, nextHop4, asn: leafAsn };
  return configOf(nodeAsn, routerId, [{ ...both, ...peer, kind: "fabric", holdTimeMs }]);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function prefixesOf(leaf: Speaker): string[] {
  return [...leaf.routes()].map(({ prefix }) => formatPrefix(prefix)).sort();
}

async function untilLeafHas(leaf: Speaker, ...wanted: readonly string[]): Promise<void> {
  await until(() => prefixesOf(leaf).join() === wanted.join());
}

test("what was announced before there is a speaker reaches the peers", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.announce(first);
  assert.deepEqual([node.peers(), [...node.routes()], node.announced], [[], [], [first]]);
  await node.configure(nodeConfig(port));
  await untilLeafHas(leaf, "10.244.0.0/26");
  node.announce(second);
  node.withdraw(first);
  await untilLeafHas(leaf, "10.244.1.0/26");
  assert.deepEqual(node.announced, [second]);
});

test("attributes of announcements change for what is announced already", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.announce(first);
  await node.configure(nodeConfig(port));
  await untilLeafHas(leaf, "10.244.0.0/26");
  node.setAnnounceOptions({ med: 7 });
  await until(() => [...leaf.routes()][0]?.attributes.med === 7);
  node.announce(second);
  await untilLeafHas(leaf, "10.244.0.0/26", "10.244.1.0/26");
  assert.deepEqual(
    [...leaf.routes()].map(({ attributes }) => attributes.med),
    [7, 7],
  );
});

test("a new router id is a new speaker, whose peers can change like those of the first", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.announce(first);
  await node.configure(nodeConfig(port));
  await untilLeafHas(leaf, "10.244.0.0/26");
  await node.configure(nodeConfig(port, "192.0.2.3"));
  assert.equal(node.config?.gracefulRestart?.restarting, false, "the second is no restart");
  await until(() => leaf.peers()[0]?.routerId === parseIp4("192.0.2.3"));
  await untilLeafHas(leaf, "10.244.0.0/26");
  await node.configure(nodeConfig(port, "192.0.2.3", 30_000));
  assert.equal(node.lastError, undefined);
  assert.equal(node.config?.peers[0]?.holdTimeMs, 30_000);
});

test("a configuration that is refused is told, and the one before it stays in force", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.announce(first);
  const good = nodeConfig(port);
  await node.configure(good);
  await untilLeafHas(leaf, "10.244.0.0/26");
  await node.configure({ ...good, peers: [...good.peers, ...good.peers] });
  assert.equal(
    node.lastError?.message,
    "Cannot configure the BGP speaker: peer 127.8.0.1 twice, want it once",
  );
  assert.deepEqual(prefixesOf(leaf), ["10.244.0.0/26"]);
  await node.configure(good);
  assert.equal(node.lastError, undefined);
});

test("a stop for a restart keeps the routes at the peers, a stop for good does not", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  const start = async (): Promise<NodeSpeaker> => {
    const node = new NodeSpeaker({ fib: noFib, log: silentLog });
    node.announce(first);
    await node.configure(nodeConfig(port));
    await until(() => node.peers()[0]?.state === "Established");
    await until(() => [...leaf.routes()].some(({ stale }) => !stale));
    return node;
  };
  const before = await start();
  await before.stopForRestart();
  await until(() => leaf.peers()[0]?.state !== "Established");
  assert.deepEqual(prefixesOf(leaf), ["10.244.0.0/26"]);
  await before.configure(nodeConfig(port));
  assert.deepEqual(before.peers(), [], "nothing starts after the end");
  const next = await start();
  await next[Symbol.asyncDispose]();
  await untilLeafHas(leaf);
});

/** Takes what speakers tell, and notes where one ends and the next begins. */
class NotingSink implements NodeRouteSink {
  readonly notes: string[] = [];

  async apply(changes: readonly RouteChange[]): Promise<void> {
    for (const { family, best } of changes) {
      this.notes.push(`${best === undefined ? "-" : "+"} ${family} ${best?.text ?? ""}`.trim());
    }
  }

  reset(): void {
    this.notes.push("reset");
  }
}

const vpnFamilies = ["ipv4-unicast", "evpn"] as const;

/** 10.9.0.0/26 in VRF 7. */
function vpnRoute(): OriginatedRoute {
  const address = parseIp4("192.0.2.2");
  const vrf = {
    ...{ name: "red", vrfId: parseVrfId(7), rd: parseRouteDistinguisher("192.0.2.2:7") },
    ...{ importTargets: [], exportTargets: [parseRouteTarget("65203:7")], subnets: [] },
    l3: { vni: parseVni(7), routerMac: parseMac("02:00:00:00:00:02") },
  };
  const vtep = { address, routerId: address, encapsulations: ["vxlan"] as const };
  const prefix = parsePrefix("10.9.0.0/26");
  return prefixRoutes(vtep, [vrf], { vrf: "red", prefix })[0] ?? assert.fail();
}

test("VPN routes are announced by each speaker, with the node's communities, and told", async () => {
  const route = vpnRoute();
  const text = "192.0.2.2:7 [5]:[0]:[26]:[10.9.0.0]";
  const sink = new NotingSink();
  const config = (routerId: string): SpeakerConfig => ({
    ...configOf(nodeAsn, routerId, []),
    families: vpnFamilies,
    watchedFamilies: ["evpn"],
    gracefulRestart: { ...defaultGracefulRestart, restarting: false },
  });
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.setRouteSink(sink);
  node.announceRoute(route);
  await node.configure(config("192.0.2.2"));
  await until(() => sink.notes.length === 2);
  const rows = (): string[] =>
    [...(node.speaker?.rib.keyedRoutes({ family: "evpn" }) ?? [])].map(
      ({ text: shown, attributes }) => `${shown.slice(0, text.length)} ${attributes.communities}`,
    );
  assert.deepEqual(rows(), [`${text} `]);
  node.setAnnounceOptions({ communities: [7] });
  assert.deepEqual(rows(), [`${text} 7`]);
  await until(() => sink.notes.length === 3);
  await node.configure(config("192.0.2.3"));
  await until(() => sink.notes.length === 5);
  assert.deepEqual(rows(), [`${text} 7`]);
  node.withdrawRoute(route);
  await until(() => sink.notes.at(-1) === "- evpn");
  assert.deepEqual(rows(), []);
  assert.deepEqual(
    sink.notes.map((note) => note.split(" ", 2).join(" ")),
    ["reset", "+ evpn", "+ evpn", "reset", "+ evpn", "- evpn"],
  );
});

test("another certificate ends no session", async () => {
  const { leaf, port } = await startLeaf();
  await using _leaf = leaf;
  await using node = new NodeSpeaker({ fib: noFib, log: silentLog });
  node.announce(first);
  const tls = { certificate: "one", key: "key", authorities: "ca" };
  await node.configure({ ...nodeConfig(port), tls });
  await untilLeafHas(leaf, "10.244.0.0/26");
  const before = node.speaker;
  await node.configure({ ...nodeConfig(port), tls: { ...tls, certificate: "two" } });
  assert.deepEqual([node.lastError, node.config?.tls?.certificate], [undefined, "two"]);
  await node.configure(nodeConfig(port));
  assert.deepEqual([node.lastError, node.config?.tls], [undefined, undefined]);
  assert.equal(node.speaker, before);
  assert.equal(leaf.peers()[0]?.establishedCount, 1);
});
