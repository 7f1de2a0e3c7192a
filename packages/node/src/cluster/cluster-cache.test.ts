import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaulted,
  type Link,
  linkKind,
  type Node,
  nodeKind,
  type Pod,
  podKind,
  type Subnet,
  subnetKind,
  vpcKind,
} from "@heddle/api";
import { MemoryStore, StatusError, type Store } from "@heddle/kube";
import { silentLog, VirtualClock } from "@heddle/std";
import { systemRng } from "@heddle/system";
import { ClusterCache } from "./cluster-cache.ts";

const apiVersion = "heddle.io/v1alpha1" as const;

function node(name: string, labels: Record<string, string>): Node {
  return defaulted(nodeKind, { apiVersion: "v1", kind: "Node", metadata: { name, labels } });
}

function pod(name: string, nodeName: string): Pod {
  const metadata = { name, namespace: "default" };
  const spec = { nodeName, containers: [{ name: "main", image: "main" }] };
  return defaulted(podKind, { apiVersion: "v1", kind: "Pod", metadata, spec });
}

function subnet(name: string): Subnet {
  const spec = { cidrs: ["10.0.0.0/16"] };
  return defaulted(subnetKind, { apiVersion, kind: "Subnet", metadata: { name }, spec });
}

function link(name: string): Link {
  const spec = {
    ...{ fabric: "dc1", kind: "tenant" as const },
    a: { switch: "leaf1", interface: "node1", addresses: ["172.16.0.0/31"] },
    b: { node: "node1", interface: "leaf1", addresses: ["172.16.0.1/31"] },
  };
  return defaulted(linkKind, { apiVersion, kind: "Link", metadata: { name }, spec });
}

/** Events of the store reach the caches between turns of the event loop. */
async function turns(): Promise<void> {
  for (let i = 0; i < 30; i += 1) await new Promise(setImmediate);
}

interface Followed extends AsyncDisposable {
  readonly cache: ClusterCache;
  readonly clock: VirtualClock;
  /** What the listeners were told, in order. */
  readonly told: string[];
}

function follow(store: Store): Followed {
  const clock = new VirtualClock();
  const cache = new ClusterCache({ node: "node1", store, clock, rng: systemRng, log: silentLog });
  const told: string[] = [];
  cache.onTopologyChange(() => told.push("topology"));
  cache.onAddressPlanChange(() => told.push("addresses"));
  return { cache, clock, told, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() };
}

test("the cache sees what concerns its node", async () => {
  await using store = new MemoryStore();
  await store.create(nodeKind, node("node1", { rack: "a" }));
  await store.create(nodeKind, node("node2", { rack: "b" }));
  await store.create(podKind, pod("here", "node1"));
  await store.create(podKind, pod("there", "node2"));
  await store.create(linkKind, link("leaf1-node1"));
  await using it = follow(store);
  assert.deepEqual([it.cache.isSynced(), it.cache.nodeLabels()], [false, {}]);
  assert.deepEqual(it.cache.topology().node.metadata, { name: "node1" });
  await it.cache.synced;
  assert.ok(it.cache.isSynced());
  assert.deepEqual(it.cache.nodeLabels(), { rack: "a" });
  assert.deepEqual(
    it.cache.pods.list().map(({ metadata }) => metadata.name),
    ["here"],
  );
  const topology = it.cache.topology();
  assert.deepEqual(
    topology.links.map(({ metadata }) => metadata.name),
    ["leaf1-node1"],
  );
  assert.deepEqual(topology.node.metadata.labels, { rack: "a" });
});

test("each party is told of its own changes, once for those that come together", async () => {
  await using store = new MemoryStore();
  await using it = follow(store);
  await it.cache.synced;
  assert.deepEqual(it.told, [], "nothing is told before it has settled");
  it.clock.advance(50);
  assert.deepEqual(it.told.splice(0).sort(), ["addresses", "topology"]);
  for (const name of ["a", "b", "c"]) await store.create(subnetKind, subnet(name));
  await turns();
  it.clock.advance(50);
  assert.deepEqual(it.told.splice(0), ["addresses"]);
  await store.create(linkKind, link("leaf1-node1"));
  await turns();
  it.clock.advance(50);
  assert.deepEqual(it.told.splice(0), ["topology"]);
  await store.create(podKind, pod("p", "node1"));
  await turns();
  it.clock.advance(50);
  assert.deepEqual(it.told, [], "pods change neither");
});

test("a status changes the plans only when it gives a VPC its VRF", async () => {
  await using store = new MemoryStore();
  const subnets = await store.create(subnetKind, subnet("a"));
  const spec = {};
  const red = defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata: { name: "red" }, spec });
  const vpc = await store.create(vpcKind, red);
  await using it = follow(store);
  await it.cache.synced;
  it.clock.advance(50);
  it.told.splice(0);
  const toldAfter = async (write: Promise<unknown>): Promise<string[]> => {
    await write;
    await turns();
    it.clock.advance(50);
    return it.told.splice(0);
  };
  const status = { conditions: [], poolCount: 3 };
  const counted = store.updateStatus(subnetKind, { ...subnets, status });
  assert.deepEqual(await toldAfter(counted), []);
  const routed = await store.updateStatus(vpcKind, {
    ...vpc,
    status: { conditions: [], vrfId: 7 },
  });
  assert.deepEqual(await toldAfter(Promise.resolve()), ["addresses", "topology"]);
  const recounted = store.updateStatus(vpcKind, {
    ...routed,
    status: { conditions: [], vrfId: 7, subnetCount: 1 },
  });
  assert.deepEqual(await toldAfter(recounted), []);
  const { status: _, ...rest } = await counted;
  const excluded = { ...rest, spec: { ...rest.spec, excludedAddresses: ["10.0.0.9"] } };
  assert.deepEqual(await toldAfter(store.update(subnetKind, excluded)), ["addresses"]);
  await store.delete(subnetKind, { name: "a" });
  await store.create(subnetKind, subnet("a"));
  assert.deepEqual(await toldAfter(Promise.resolve()), ["addresses"]);
});

test("a late listener is told what the cache knows already", async () => {
  await using store = new MemoryStore();
  await using it = follow(store);
  await it.cache.synced;
  it.clock.advance(50);
  let count = 0;
  it.cache.onTopologyChange(() => {
    count += 1;
  });
  it.clock.advance(50);
  assert.equal(count, 1);
});

test("nothing is told while a kind has not been listed, and the cache says why", async () => {
  await using store = new MemoryStore();
  let isAway = true;
  const away = new StatusError("ServiceUnavailable", "Cannot reach https://api");
  const flaky = new Proxy(store, {
    get: (target, name) => {
      if (name === "list" && isAway) return () => Promise.reject(away);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await using it = follow(flaky);
  await turns();
  assert.equal(it.cache.lastError, away);
  it.clock.advance(50);
  assert.deepEqual(it.told, []);
  isAway = false;
  it.clock.advance(1000);
  await it.cache.synced;
  it.clock.advance(50);
  assert.deepEqual([it.cache.lastError, it.told.length], [undefined, 2]);
});

test("no listener is called after the end", async () => {
  await using store = new MemoryStore();
  const it = follow(store);
  await it.cache.synced;
  await it[Symbol.asyncDispose]();
  it.clock.advance(60_000);
  assert.deepEqual([it.told, it.clock.pendingCount], [[], 0]);
});
