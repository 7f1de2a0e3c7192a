import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BGPPeer,
  type BGPPeerSession,
  bgpPeerKind,
  defaulted,
  type KubeObject,
  type ResourceKind,
} from "@heddle/api";
import { parseAsn, parseIp, parseIp4 } from "@heddle/inet";
import { MemoryStore } from "@heddle/kube";
import { silentLog, VirtualClock } from "@heddle/std";
import type { NodeBgp, NodePeer } from "./plan-node-bgp.ts";
import type { ReportedPeer } from "./session-report.ts";
import { SessionReporter } from "./session-reporter.ts";

const asn = parseAsn(65203);
const address = parseIp("198.18.0.2");
const bfd = { enabled: false, minTransmitMs: 300, minReceiveMs: 300, detectMultiplier: 3 };

const rs1: BGPPeer = defaulted(bgpPeerKind, {
  ...{ apiVersion: "heddle.io/v1alpha1", kind: "BGPPeer", metadata: { name: "rs1" } },
  spec: { kind: "reflector", peerAddress: "198.18.0.2", peerAsn: asn },
});

const peer: NodePeer = {
  origin: "bgppeer/rs1",
  address,
  asn,
  kind: "reflector",
  families: ["EVPN"],
  bfd,
  importPolicy: "AcceptAll",
  exportPolicy: "AnnounceOwn",
};

/** The node speaks with the peer of rs1, or with nobody. */
function bgp(isWanted: boolean): NodeBgp {
  return {
    asn,
    routerId: parseIp4("198.18.0.11"),
    holdTimeMs: 9000,
    keepaliveMs: 3000,
    communities: [],
    gracefulRestart: { enabled: true, restartTimeMs: 30_000 },
    peers: isWanted ? [peer] : [],
    monitoringStations: [],
  };
}

class CountingStore extends MemoryStore {
  writes = 0;

  override async updateStatus<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T> {
    this.writes += 1;
    return await super.updateStatus(kind, object);
  }
}

function status(state: ReportedPeer["state"], more: Partial<ReportedPeer> = {}): ReportedPeer {
  const none = { reason: undefined, lastError: undefined, lastLoss: undefined };
  return { address, state, uptimeMs: 0, counts: new Map(), ...none, ...more };
}

function failure(message: string): NonNullable<ReportedPeer["lastError"]> {
  return { direction: "local", message, atWallMs: 0 };
}

/** A node with the BGPPeer rs1, whose session is what `peers` says. */
async function setup() {
  const store = new CountingStore();
  const clock = new VirtualClock();
  const created: readonly BGPPeer[] = [await store.create(bgpPeerKind, rs1)];
  const it = {
    peers: [] as ReportedPeer[],
    wanted: bgp(true),
    objects: created,
    refused: new Map<string, string>(),
  };
  const reporter = new SessionReporter({
    ...{ node: "node1", store, clock, log: silentLog },
    peers: () => it.peers,
    plan: () => ({ bgp: it.wanted, refused: it.refused }),
    objects: () => it.objects,
  });
  const sessions = async (): Promise<readonly BGPPeerSession[]> => {
    clock.advance(1000);
    for (let i = 0; i < 20; i += 1) {
      await new Promise(setImmediate);
      clock.advance(0);
    }
    const found = await store.get(bgpPeerKind, { name: "rs1" });
    it.objects = [found];
    return found.status?.sessions ?? [];
  };
  const dispose = async (): Promise<void> => {
    reporter[Symbol.dispose]();
    await store[Symbol.asyncDispose]();
  };
  return { it, store, clock, sessions, [Symbol.asyncDispose]: dispose };
}

test("a session that comes up and goes down is told at once, with the reason", async () => {
  await using cluster = await setup();
  const { it } = cluster;
  assert.deepEqual(await cluster.sessions(), []);
  const refused = failure("Cannot connect to peer 198.18.0.2: ECONNREFUSED");
  it.peers = [status("Connect", { reason: "waits", lastError: refused })];
  const [down] = await cluster.sessions();
  assert.deepEqual([down?.node, down?.state, down?.lastError], ["node1", "Connect", "waits"]);
  const counts = new Map([["evpn", { received: 3, accepted: 2, advertised: 1 }] as const]);
  it.peers = [status("Established", { uptimeMs: 400, counts })];
  const [up] = await cluster.sessions();
  assert.deepEqual(
    [up?.state, up?.lastError, up?.receivedPrefixCount, up?.acceptedPrefixCount],
    ["Established", undefined, 3, 2],
  );
});

test("the ways of an attempt that goes on failing are not news", async () => {
  await using cluster = await setup();
  const { it } = cluster;
  const lastError = failure("Cannot connect to peer 198.18.0.2: not in the cert's altnames");
  const reason = (text: string): string => `${text}; last: ${lastError.message}`;
  it.peers = [status("Idle", { reason: reason("waits before the next attempt"), lastError })];
  const [first] = await cluster.sessions();
  assert.equal(first?.lastError, lastError.message);
  for (const state of ["Connect", "OpenSent", "Idle"] as const) {
    it.peers = [status(state, { reason: reason(`in ${state}`), lastError })];
    await cluster.sessions();
  }
  assert.equal(cluster.store.writes, 1);
  cluster.clock.advance(30_000);
  it.peers = [status("Connect", { reason: reason("connects"), lastError })];
  const [later] = await cluster.sessions();
  assert.deepEqual(
    [later?.state, later?.since, cluster.store.writes],
    ["Connect", first?.since, 2],
  );
});

test("a peer that is not the node's any more loses the entry, and others keep theirs", async () => {
  await using cluster = await setup();
  const { it, store } = cluster;
  it.peers = [status("Established")];
  await cluster.sessions();
  const peer = await store.get(bgpPeerKind, { name: "rs1" });
  const other = { node: "node2", state: "Idle" } as const;
  const before = peer.status ?? { conditions: [], sessions: [] };
  const sessions = [...before.sessions, other];
  await store.updateStatus(bgpPeerKind, { ...peer, status: { ...before, sessions } });
  await cluster.sessions();
  it.wanted = bgp(false);
  it.peers = [];
  assert.deepEqual(await cluster.sessions(), [other]);
});

test("a peer that makes no session says why, and one of a Link is nobody's status", async () => {
  await using cluster = await setup();
  const { it } = cluster;
  it.wanted = bgp(false);
  it.refused.set("bgppeer/rs1", "a reflector peer in AS 65000, want the nodes' 65203");
  it.refused.set("link/a", "the leaf's end has no address");
  const [session, ...others] = await cluster.sessions();
  assert.deepEqual(
    [session?.state, session?.lastError, others],
    ["Idle", "a reflector peer in AS 65000, want the nodes' 65203", []],
  );
  it.refused.clear();
  assert.deepEqual(await cluster.sessions(), []);
});
