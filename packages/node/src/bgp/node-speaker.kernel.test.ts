/** Real sessions over the loopback between a node and a leaf. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptAll } from "@heddle/bgp";
import { type Asn, formatPrefix, parseAsn, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import {
  defaultGracefulRestart,
  noFib,
  type PeerConfig,
  Speaker,
  type SpeakerConfig,
} from "@heddle/speaker";
import { silentLog } from "@heddle/std";
import { NodeSpeaker } from "./node-speaker.ts";

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
