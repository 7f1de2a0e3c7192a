import assert from "node:assert/strict";
import { test } from "node:test";
import { configMapKind } from "@heddle/api";
import { seededRng, VirtualClock } from "@heddle/std";
import type { Journal } from "./journal.ts";
import { MemoryStore } from "./memory-store.ts";
import { StatusError } from "./status-error.ts";
import { emptySnapshot } from "./store-state.ts";
import { configMap } from "./testing/harness.ts";
import { storeConformance } from "./testing/mod.ts";
import { VersionedStore } from "./versioned-store.ts";

storeConformance("MemoryStore", async (limits) => {
  const store = new MemoryStore({ limits });
  return { store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
});

/** A journal whose commits the test lets go one by one. */
class HeldJournal implements Journal {
  readonly batches: string[][] = [];
  #release: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  append(entries: Parameters<Journal["append"]>[0]): Promise<void> {
    this.batches.push(entries.map(({ type, key }) => `${type} ${key}`));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#release = { resolve, reject };
    return promise;
  }

  async release(error?: Error): Promise<void> {
    await new Promise(setImmediate);
    if (error === undefined) this.#release?.resolve();
    else this.#release?.reject(error);
    await new Promise(setImmediate);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function heldStore(queueCountMax = 100) {
  const journal = new HeldJournal();
  const store = new VersionedStore({
    journal,
    snapshot: emptySnapshot,
    clock: new VirtualClock(),
    rng: seededRng(1),
    limits: { queueCountMax },
  });
  return { journal, store };
}

const ref = (name: string) => ({ name, namespace: "default" });

test("VersionedStore shows a write only when it is durable", async () => {
  const { journal, store } = heldStore();
  const write = store.create(configMapKind, configMap("a"));
  await assert.rejects(store.get(configMapKind, ref("a")), /not found/);
  const second = assert.rejects(store.create(configMapKind, configMap("a")), /already exists/);
  await journal.release();
  const made = await write;
  await second;
  assert.deepEqual(await store.get(configMapKind, ref("a")), made);
});

test("VersionedStore commits in one batch what arrives during a commit", async () => {
  const { journal, store } = heldStore();
  const writes = [store.create(configMapKind, configMap("a"))];
  await new Promise(setImmediate);
  for (const name of ["b", "c", "d"]) writes.push(store.create(configMapKind, configMap(name)));
  await journal.release();
  await journal.release();
  await Promise.all(writes);
  const want = [["ADDED default/a"], ["ADDED default/b", "ADDED default/c", "ADDED default/d"]];
  assert.deepEqual(journal.batches, want);
});

test("VersionedStore forgets writes that could not be made durable, and what built on them", async () => {
  const { journal, store } = heldStore();
  const first = store.create(configMapKind, configMap("a"));
  await new Promise(setImmediate);
  const second = store.update(configMapKind, configMap("a", { data: { k: "v" } }));
  const outcomes = Promise.allSettled([first, second]);
  const taken = store.create(configMapKind, configMap("a"));
  await journal.release(new Error("disk full"));
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, "rejected");
    assert.ok(outcome.status === "rejected" && outcome.reason instanceof StatusError);
    assert.equal(outcome.reason.message, "Cannot write: disk full");
  }
  await journal.release();
  assert.equal((await taken).metadata.generation, 1);
});

test("VersionedStore refuses writes beyond its queue", async () => {
  const { journal, store } = heldStore(1);
  const first = store.create(configMapKind, configMap("a"));
  await new Promise(setImmediate);
  const second = store.create(configMapKind, configMap("b"));
  await assert.rejects(store.create(configMapKind, configMap("c")), {
    message: "Cannot write: 1 writes wait, want fewer",
    reason: "TooManyRequests",
  });
  await journal.release();
  await journal.release();
  await Promise.all([first, second]);
});

test("VersionedStore forgets changes by age", async () => {
  const clock = new VirtualClock();
  await using store = new MemoryStore({ clock, limits: { eventAgeMsMax: 60_000 } });
  const made = await store.create(configMapKind, configMap("a"));
  await store.update(configMapKind, configMap("a", { data: { k: "v" } }));
  const from = { resourceVersion: made.metadata.resourceVersion ?? "" };
  store.assertWatchable(configMapKind, from);
  clock.advance(70_000);
  assert.throws(() => store.assertWatchable(configMapKind, from), { reason: "Expired" });
});

test("VersionedStore hands out frozen objects", async () => {
  await using store = new MemoryStore();
  const made = await store.create(configMapKind, configMap("a", { data: { k: "v" } }));
  assert.throws(() => Object.assign(made.data ?? {}, { k: "other" }), TypeError);
});

test("VersionedStore with dryRun answers as usual and changes nothing", async () => {
  await using store = new MemoryStore();
  const dry = await store.create(configMapKind, configMap("a"), { dryRun: true });
  assert.equal(dry.metadata.generation, 1);
  await assert.rejects(store.get(configMapKind, ref("a")), /not found/);
});
