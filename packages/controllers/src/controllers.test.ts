/** The controllers over a store in memory, under a virtual clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type IPPool,
  ipBlockKind,
  ipPoolKind,
  type KubeObject,
  nodeKind,
  portKind,
  type ResourceKind,
  subnetKind,
  vpcKind,
} from "@heddle/api";
import { MemoryStore, StatusError, type Store } from "@heddle/kube";
import { type LogFields, seededRng, silentLog, VirtualClock } from "@heddle/std";
import { Controllers } from "./controllers.ts";
import { block, node, pool, port, subnet, vpc } from "./testing/objects.ts";

const stepMs = 50;

class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore({ clock: this.clock, rng: seededRng(5) });
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = [];
  readonly #stop = new AbortController();
  readonly #running: { readonly it: Controllers; readonly lead: Promise<void> }[] = [];

  start(isLeader: boolean, store: Store = this.store): Controllers {
    const error = (message: string, fields: LogFields = {}): void => {
      this.lines.push({ message, fields });
    };
    const log = { ...silentLog, error };
    const rng = seededRng(this.#running.length + 1);
    const it = new Controllers({ store, clock: this.clock, rng, log });
    const lead = isLeader ? it.lead(this.#stop.signal) : Promise.resolve();
    this.#running.push({ it, lead });
    return it;
  }

  async run(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async create<T extends KubeObject>(kind: ResourceKind<T>, ...objects: T[]): Promise<void> {
    for (const object of objects) await this.store.create(kind, object);
  }

  /** A cluster of one subnet with a pool. */
  async createPlan(): Promise<void> {
    await this.create(nodeKind, node("n1"));
    await this.create(subnetKind, subnet("pods"));
    await this.create(ipPoolKind, pool("a"));
  }

  async poolStatus(): Promise<IPPool["status"]> {
    return (await this.store.get(ipPoolKind, { name: "a" })).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const { it, lead } of this.#running) {
      await lead;
      await it[Symbol.asyncDispose]();
    }
    await this.store[Symbol.asyncDispose]();
  }
}

test("the leader fills in every status, makes the native Vpc, and then writes nothing more", async () => {
  await using world = new World();
  await world.createPlan();
  await world.create(vpcKind, vpc("blue"));
  await world.create(portKind, port("p", ["10.244.0.5"]));
  await world.create(ipBlockKind, block("10.244.0.0/26", { node: "n1" }));
  const controllers = world.start(true);
  await world.run(5_000);
  const status = await world.poolStatus();
  assert.deepEqual([status?.allocated, status?.blockCount, status?.capacity], [1, 1, 255]);
  const pods = await world.store.get(subnetKind, { name: "pods" });
  assert.deepEqual([pods.status?.portCount, pods.status?.poolCount], [1, 1]);
  const native = await world.store.get(vpcKind, { name: "default" });
  assert.deepEqual([native.status?.vrfId, native.status?.nextVrfId], [0, 2]);
  const blue = await world.store.get(vpcKind, { name: "blue" });
  assert.equal(blue.status?.vrfId, 1);
  assert.equal(blue.status?.conditions[0]?.reason, "VrfIdGiven");
  const before = world.store.revision;
  await world.run(60_000);
  assert.equal(world.store.revision, before);
  assert.deepEqual([controllers.waitingCount, controllers.counts.failureCount], [0, 0]);
});

test("under churn a status is written once per second, and the last write tells the truth", async () => {
  await using world = new World();
  await world.createPlan();
  world.start(true);
  await world.run(3_000);
  const stop = new AbortController();
  const writtenMs: number[] = [];
  const { resourceVersion } = await world.store.list(ipPoolKind);
  const watching = (async () => {
    for await (const event of world.store.watch(ipPoolKind, {
      resourceVersion,
      signal: stop.signal,
    })) {
      if (event.type === "MODIFIED") writtenMs.push(world.clock.nowMs());
    }
  })();
  for (let i = 0; i < 100; i += 1) {
    await world.create(portKind, port(`p${i}`, [`10.244.0.${i + 1}`]));
    await world.run(50);
  }
  for (let i = 0; i < 37; i += 1) {
    await world.store.delete(portKind, { namespace: "default", name: `p${i}` });
  }
  await world.run(2_000);
  stop.abort();
  await watching;
  assert.equal((await world.poolStatus())?.allocated, 63);
  assert.ok(writtenMs.length >= 5 && writtenMs.length <= 8, `${writtenMs.length} writes`);
  for (const [i, atMs] of writtenMs.slice(1).entries()) {
    assert.ok(atMs - (writtenMs[i] as number) >= 1000 - stepMs, writtenMs.join(" "));
  }
});

test("a Port costs the same looks in a pool of many blocks", async () => {
  await using world = new World();
  await world.createPlan();
  for (let i = 0; i < 1_000; i += 1) {
    const cidr = `10.244.${i >> 6}.${(i % 64) * 4}/30`;
    await world.create(ipBlockKind, block(cidr, { node: "n1" }));
  }
  const controllers = world.start(true);
  await world.run(30_000);
  assert.equal((await world.poolStatus())?.blockCount, 1_000);
  const before = controllers.counts;
  await world.create(portKind, port("p", ["10.244.0.5"]));
  await world.run(5_000);
  const { lookCount, writeCount } = controllers.counts;
  // The pool, its subnet and the VPC, and each once more when its own write comes back.
  assert.deepEqual([lookCount - before.lookCount, writeCount - before.writeCount], [6, 3]);
});

test("two replicas that both think they lead give every Vpc an id of its own", async () => {
  await using world = new World();
  for (let i = 0; i < 20; i += 1) await world.create(vpcKind, vpc(`v${i}`));
  const replicas = [world.start(true), world.start(true)];
  await world.run(1_000);
  for (let i = 20; i < 40; i += 1) await world.create(vpcKind, vpc(`v${i}`));
  await world.run(120_000);
  const { items } = await world.store.list(vpcKind);
  const ids = items.map(({ status }) => status?.vrfId);
  assert.equal(items.length, 41);
  assert.equal(ids.includes(undefined), false);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    replicas.map(({ counts }) => counts.failureCount),
    [0, 0],
  );
});

test("a Vpc that is made again under its name gets another id", async () => {
  await using world = new World();
  world.start(true);
  await world.create(vpcKind, vpc("x"));
  await world.run(3_000);
  const first = await world.store.get(vpcKind, { name: "x" });
  await world.store.delete(vpcKind, { name: "x" });
  await world.create(vpcKind, vpc("x"));
  await world.run(3_000);
  const second = await world.store.get(vpcKind, { name: "x" });
  assert.equal(first.status?.vrfId, 1);
  assert.ok((second.status?.vrfId as number) > 1);
});

test("a replica that does not lead writes nothing, and leads with all that happened meanwhile", async () => {
  await using world = new World();
  await world.createPlan();
  const controllers = world.start(false);
  await world.run(1_000);
  await world.create(portKind, port("p", ["10.244.0.5"]));
  const before = world.store.revision;
  await world.run(10_000);
  assert.deepEqual([world.store.revision, controllers.isSynced], [before, true]);
  const stop = new AbortController();
  const lead = controllers.lead(stop.signal);
  await world.run(2_000);
  assert.equal((await world.poolStatus())?.allocated, 1);
  stop.abort();
  await lead;
  await world.store.delete(portKind, { namespace: "default", name: "p" });
  await world.run(5_000);
  assert.equal((await world.poolStatus())?.allocated, 1);
});

test("a refusal is one clear line, whatever the number of objects", async () => {
  await using world = new World();
  await world.createPlan();
  const refuse = async (): Promise<never> => {
    throw new StatusError("Forbidden", 'ippools "a" is forbidden: User "x" cannot update');
  };
  const { store: open } = world;
  const store: Store = {
    get: (kind, ref) => open.get(kind, ref),
    list: (kind, options) => open.list(kind, options),
    watch: (kind, options) => open.watch(kind, options),
    create: refuse,
    update: refuse,
    updateStatus: refuse,
    delete: refuse,
  };
  const controllers = world.start(true, store);
  await world.run(5_000);
  assert.ok(controllers.counts.failureCount > 3);
  assert.deepEqual(
    world.lines.map(({ message, fields }) => [message, fields["want"]]),
    [["the API server refuses this controller's writes", "a user of group heddle:controllers"]],
  );
});
