import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import {
  bgpPeerKind,
  defaulted,
  type Fabric,
  fabricKind,
  type Link,
  linkKind,
  secretKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import type { Dataplane, NodeInterfaces } from "@heddle/dataplane";
import { parseIfindex, parseIp, parsePrefix, parseVrfId } from "@heddle/inet";
import { MemoryStore } from "@heddle/kube";
import { createNetns, withNetns } from "@heddle/native";
import { deleteAddress, newAddress, Rtnetlink, setLink } from "@heddle/netlink";
import { NodeSpeaker, type NodeTopology, NodeVpn, readTopology } from "@heddle/node";
import { type ListenAddress, noFib } from "@heddle/speaker";
import { seededRng, silentLog, VirtualClock } from "@heddle/std";
import type { OwnBlock } from "@heddle/vrouter";
import { Interfaces } from "./interfaces.ts";
import { NodeAttachment } from "./node-attachment.ts";

const stateDir = mkdtempSync(path.join(tmpdir(), "heddle-attachment-"));
after(() => rmSync(stateDir, { recursive: true }));

const apiVersion = "heddle.io/v1alpha1" as const;

/** Sessions to the loopback, where nobody listens on port 179 of these addresses. */
const link: Link = defaulted(linkKind, {
  apiVersion,
  kind: "Link",
  metadata: { name: "leaf1-node1" },
  spec: {
    fabric: "dc1",
    kind: "tenant",
    a: { switch: "leaf1", interface: "node1", addresses: ["127.9.0.0/31"] },
    b: { node: "node1", interface: "leaf1", addresses: ["127.9.0.1/31"] },
  },
});

const fabric: Fabric = defaulted(fabricKind, {
  apiVersion,
  kind: "Fabric",
  metadata: { name: "dc1" },
  spec: { asn: 65201, nodeAsn: 65203, loopbackCidr: "10.255.0.0/24" },
});

const topology: NodeTopology = {
  node: { apiVersion: "v1", kind: "Node", metadata: { name: "node1" }, spec: {} },
  links: [link],
  fabrics: [fabric],
  configurations: [],
  peers: [],
  vpcs: [],
};

function block(prefix: string, vrf = 0): OwnBlock {
  return { vrf: parseVrfId(vrf), prefix: parsePrefix(prefix) };
}

/** A data plane that knows only `setNode`, and fails it as often as it is told. */
class RecordingDataplane {
  readonly nodes: NodeInterfaces[] = [];
  failuresLeft = 0;
  attempts = 0;

  async setNode(node: NodeInterfaces): Promise<void> {
    this.attempts += 1;
    if (this.failuresLeft > 0) {
      this.failuresLeft -= 1;
      throw new Error("the kernel worker is busy");
    }
    this.nodes.push(node);
  }

  asDataplane(): Dataplane {
    const refuse = (): never => assert.fail("not part of this test");
    return {
      setNode: (node) => this.setNode(node),
      attachPod: refuse,
      detachPod: refuse,
      checkPod: refuse,
      observePods: refuse,
      drops: async () => [],
      [Symbol.asyncDispose]: async () => undefined,
    };
  }
}

function setup(listen: readonly ListenAddress[] = []) {
  const stack = new AsyncDisposableStack();
  const clock = new VirtualClock();
  const dataplane = new RecordingDataplane();
  const store = stack.use(new MemoryStore());
  const speaker = stack.use(new NodeSpeaker({ fib: noFib, log: silentLog }));
  const vpn = new NodeVpn({ speaker, clock, onVrfs: () => void attachment.apply() });
  speaker.setRouteSink(vpn);
  const interfaces = stack.use(new Interfaces());
  const attachment = stack.use(
    new NodeAttachment({
      ...{ dataplane: dataplane.asDataplane(), speaker, vpn, store, interfaces },
      ...{ stateDir, clock },
      ...{ isRestart: false, listen, rng: seededRng(1), log: silentLog },
    }),
  );
  const dispose = async (): Promise<void> => {
    const ended = stack.disposeAsync();
    await settled(clock);
    await ended;
  };
  return { clock, dataplane, store, speaker, vpn, attachment, [Symbol.asyncDispose]: dispose };
}

/** Runs what is due now to its end; promises settle between turns of the event loop. */
async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise(setImmediate);
}

/** The import of routes goes on from one turn of the clock to the next. */
async function settled(clock: VirtualClock): Promise<void> {
  for (let i = 0; i < 20; i += 1) {
    clock.advance(0);
    await turns(1);
  }
}

test("the attachment programs uplinks and sessions, and keeps the topology for the next start", async () => {
  await using it = setup();
  await it.attachment.setTopology(topology);
  assert.deepEqual(it.attachment.problems, []);
  assert.deepEqual(it.dataplane.nodes[0]?.uplinks, ["leaf1"]);
  assert.deepEqual(it.speaker.peers(), [], "no session before the blocks are known");
  await it.attachment.setBlocks([]);
  assert.deepEqual(
    it.speaker.peers().map((peer) => peer.asn),
    [65201],
  );
  assert.deepEqual(await readTopology(stateDir), topology);
  await it.attachment.setBlocks([block("10.244.0.0/26")]);
  assert.deepEqual(it.dataplane.nodes.at(-1)?.blocks, [block("10.244.0.0/26")]);
});

test("blocks go to the data plane in their VRFs, and only native ones to the fabric", async () => {
  await using it = setup();
  const blocks = [block("10.244.0.0/26"), block("10.244.0.0/26", 7)];
  await it.attachment.setTopology(topology);
  await it.attachment.setBlocks(blocks);
  assert.deepEqual(it.dataplane.nodes.at(-1)?.blocks, blocks);
  assert.deepEqual(it.dataplane.nodes.at(-1)?.podPrefixes, [parsePrefix("10.244.0.0/26")]);
});

test("VPCs that the node holds addresses of are announced, and known at the next start", async () => {
  using netns = createNetns();
  using rtnetlink = new Rtnetlink(netns);
  const lo = parseIfindex(1);
  const address = { ifindex: lo, address: parseIp("192.0.2.7"), prefixLength: 32 };
  rtnetlink.execute([setLink({ ifindex: lo }, { up: true }), newAddress(address)]);
  await using it = withNetns(netns, () => setup());
  const vpc = (name: string, vrfId: number): Vpc => ({
    ...defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata: { name }, spec: {} }),
    status: { conditions: [], vrfId },
  });
  const vpcs = [vpc("red", 7), vpc("blue", 8)];
  it.vpn.announce(block("10.0.0.0/26", 7));
  await it.attachment.setTopology({ ...topology, vpcs });
  assert.deepEqual((await readTopology(stateDir))?.vpcs, vpcs, "whose VPCs they are is not known");
  await it.attachment.setBlocks([block("10.0.0.0/26", 7)]);
  assert.deepEqual(it.attachment.problems, []);
  assert.deepEqual((await readTopology(stateDir))?.vpcs, [vpcs[0]]);
  const shown = (): string[] =>
    [...(it.speaker.speaker?.rib.keyedRoutes() ?? [])].map(({ family, text }) =>
      family === "evpn" ? text.slice(0, 35) : text,
    );
  const membership = "65203:65203:7";
  assert.deepEqual(shown(), ["127.9.0.1:7 [5]:[0]:[26]:[10.0.0.0]", membership]);
  assert.deepEqual(
    it.vpn.vrfs().map(({ vrf, address: own }) => [vrf.name, own]),
    [["red", parseIp("192.0.2.7")]],
  );
  // A fixed address of another VPC: no block changes, and yet it must be known at the next start.
  it.vpn.announce(block("10.8.0.1/32", 8));
  while ((await readTopology(stateDir))?.vpcs.length !== 2) await turns(1);
  assert.deepEqual((await readTopology(stateDir))?.vpcs, vpcs);
  assert.equal(shown().length, 4);
  it.vpn.withdraw(block("10.8.0.1/32", 8));
  it.vpn.withdraw(block("10.0.0.0/26", 7));
  assert.deepEqual(shown(), []);
});

test("a family in which the node has no address for pods of VPCs is told and looked for again", async () => {
  using netns = createNetns();
  using rtnetlink = new Rtnetlink(netns);
  const lo = parseIfindex(1);
  rtnetlink.execute([
    setLink({ ifindex: lo }, { up: true }),
    newAddress({ ifindex: lo, address: parseIp("192.0.2.1"), prefixLength: 32 }),
  ]);
  await using it = withNetns(netns, () => setup());
  const both = ["10.244.0.0/26", "fd00:10:244::/122"];
  await it.attachment.setTopology(topology);
  await it.attachment.setBlocks(both.map((text) => block(text)));
  assert.deepEqual(it.attachment.problems, []);
  await it.attachment.setBlocks([0, 7].flatMap((vrf) => both.map((text) => block(text, vrf))));
  assert.deepEqual(it.attachment.problems, [
    "the node has no IPv6 address: it cannot reach pods of VPCs by IPv6",
  ]);
  assert.deepEqual(it.dataplane.nodes.at(-1)?.nodeAddresses, [parseIp("192.0.2.1")]);
  const address = parseIp("fd00:2::1");
  rtnetlink.execute([newAddress({ ifindex: lo, address, prefixLength: 128, flags: 2 })]);
  const count = it.dataplane.nodes.length;
  it.clock.advance(5000);
  while (it.attachment.problems.length > 0) await turns(1);
  assert.deepEqual(it.dataplane.nodes.at(-1)?.nodeAddresses, [parseIp("192.0.2.1"), address]);
  await turns();
  it.clock.advance(5000);
  await turns();
  assert.equal(it.dataplane.nodes.length, count + 1, "what is as before is not applied again");
  rtnetlink.execute([deleteAddress({ ifindex: lo, address, prefixLength: 128 })]);
  it.clock.advance(5000);
  while (it.attachment.problems.length === 0) await turns(1);
  await it.attachment.setBlocks([block("10.244.0.0/26")]);
  assert.equal(it.clock.pendingCount, 0, "without pods of VPCs nobody looks");
});

test("changes that come while one is applied are applied together", async () => {
  await using it = setup();
  const blocks = ["10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26"].map((text) => block(text));
  const all = [
    it.attachment.setTopology(topology),
    ...blocks.map((_block, i) => it.attachment.setBlocks(blocks.slice(0, i + 1))),
  ];
  await Promise.all(all);
  assert.equal(it.dataplane.nodes.length, 2);
  assert.equal(it.dataplane.nodes.at(-1)?.blocks?.length, 3);
});

test("a failure is told and tried again, by one timer however often it failed", async () => {
  await using it = setup();
  await it.attachment.setBlocks([]);
  it.dataplane.failuresLeft = 6;
  for (let i = 0; i < 5; i += 1) await it.attachment.setTopology(topology);
  assert.deepEqual(it.attachment.problems, ["the kernel worker is busy"]);
  assert.equal(it.clock.pendingCount, 1);
  it.clock.advance(2000);
  await turns();
  assert.equal(it.dataplane.attempts, 6);
  assert.equal(it.clock.pendingCount, 1);
  it.clock.advance(2000);
  while (it.attachment.problems.length > 0) await turns(1);
  assert.deepEqual([it.dataplane.nodes.length, it.speaker.peers().length], [1, 1]);
  assert.equal(it.clock.pendingCount, 0);
});

test("a missing password holds back its own peer, is told, and used once it is there", async () => {
  await using it = setup();
  await it.attachment.setBlocks([]);
  const metadata = { name: "peer" };
  const ref = { namespace: "kube-system", name: "bgp", key: "password" };
  const spec = {
    ...{ peerAddress: "127.9.0.8", peerAsn: 65000, kind: "fabric" as const },
    ...{ nodeSelector: {}, sourceAddress: "127.9.0.9", passwordSecretRef: ref },
  };
  const peer = defaulted(bgpPeerKind, { apiVersion, kind: "BGPPeer", metadata, spec });
  await it.attachment.setTopology({ ...topology, peers: [peer] });
  const cannotRead = "Cannot read Secret kube-system/bgp of the password";
  assert.deepEqual(it.attachment.problems, [`${cannotRead}: secrets "bgp" not found`]);
  const sessions = (): unknown[] =>
    (it.speaker.config?.peers ?? []).map(({ md5, heldDown }) => [md5, heldDown !== undefined]);
  assert.deepEqual(sessions(), [
    [undefined, true],
    [undefined, false],
  ]);
  const secret = { apiVersion: "v1", kind: "Secret", type: "Opaque" } as const;
  const named = { ...secret, metadata: { name: "bgp", namespace: "kube-system" } };
  await it.store.create(secretKind, { ...named, data: { other: "" } });
  await it.attachment.setTopology({ ...topology, peers: [peer] });
  assert.deepEqual(it.attachment.problems, [
    "Secret kube-system/bgp has no key password, want the password",
  ]);
  const data = { password: Buffer.from("tcp-md5").toString("base64") };
  await it.store.update(secretKind, { ...named, data });
  it.clock.advance(5000);
  for (let i = 0; i < 100 && it.attachment.problems.length > 0; i += 1) await turns(1);
  assert.deepEqual(it.attachment.problems, []);
  assert.deepEqual(sessions(), [
    ["tcp-md5", false],
    [undefined, false],
  ]);
});

test("a speaker that cannot listen is a problem, and is started later", async () => {
  const occupant = net.createServer();
  await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
  const { port } = occupant.address() as net.AddressInfo;
  await using it = setup([{ address: parseIp("127.0.0.1"), port }]);
  await it.attachment.setBlocks([]);
  await it.attachment.setTopology(topology);
  assert.equal(it.attachment.problems.length, 1);
  assert.match(it.attachment.problems[0] as string, /EADDRINUSE/);
  await new Promise((resolve) => occupant.close(resolve));
  it.clock.advance(2000);
  while (it.attachment.problems.length > 0) await turns(1);
  assert.equal(it.speaker.lastError, undefined);
});

test("an object that is not usable is told, and the rest is applied", async () => {
  await using it = setup();
  await it.attachment.setBlocks([]);
  const a = { ...link.spec.a, addresses: [] };
  const broken = { ...link, metadata: { name: "b" }, spec: { ...link.spec, a } };
  await it.attachment.setTopology({ ...topology, links: [link, broken] });
  assert.deepEqual(it.attachment.problems, ["link/b: the leaf's end has no address"]);
  assert.equal(it.speaker.peers().length, 1);
});

test("nothing is tried after the end", async () => {
  await using it = setup();
  it.dataplane.failuresLeft = 1;
  await it.attachment.setTopology(topology);
  it.attachment[Symbol.dispose]();
  assert.equal(it.clock.pendingCount, 0);
  await it.attachment.setTopology(topology);
  assert.equal(it.dataplane.attempts, 1);
});
