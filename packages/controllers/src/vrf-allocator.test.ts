import assert from "node:assert/strict";
import { test } from "node:test";
import { type Vpc, vpcKind } from "@heddle/api";
import { MemoryStore, type Store } from "@heddle/kube";
import { seededRng, VirtualClock } from "@heddle/std";
import { vpc } from "./testing/objects.ts";
import { VrfAllocator } from "./vrf-allocator.ts";

function newStore(): MemoryStore {
  return new MemoryStore({ clock: new VirtualClock(), rng: seededRng(3) });
}

function allocatorOn(store: Store, highest = 0): VrfAllocator {
  return new VrfAllocator({ store, highestVrfId: () => highest });
}

async function give(store: Store, made: Vpc): Promise<void> {
  const { status: _, metadata, ...rest } = made;
  const stored = await store.create(vpcKind, { ...rest, metadata: { name: metadata.name } });
  if (made.status !== undefined) {
    await store.updateStatus(vpcKind, { ...stored, status: made.status });
  }
}

test("replicas that all think they lead never get the same id", async () => {
  await using store = newStore();
  await give(store, vpc("default"));
  const replicas = Array.from({ length: 4 }, () => allocatorOn(store));
  const rounds = Array.from({ length: 10 }, () => replicas.map((each) => each.allocate()));
  const settled = await Promise.allSettled(rounds.flat());
  const ids = settled.flatMap((each) => (each.status === "fulfilled" ? [Number(each.value)] : []));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.length > 0 && !ids.includes(0));
  // Every id was taken from the counter, and nothing else moved it.
  const native = await store.get(vpcKind, { name: "default" });
  assert.equal(native.status?.nextVrfId, ids.length + 1);
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    ids.map((_, i) => i + 1),
  );
});

test("the id of a Vpc that is gone is not given again", async () => {
  await using store = newStore();
  await give(store, vpc("default"));
  const allocator = allocatorOn(store);
  assert.equal(await allocator.allocate(), 1);
  await give(store, vpc("x", { conditions: [], vrfId: 1 }));
  await store.delete(vpcKind, { name: "x" });
  assert.equal(await allocatorOn(store).allocate(), 2);
});

test("a counter that was lost starts a margin above all that is known", async () => {
  await using store = newStore();
  await give(store, vpc("default"));
  await give(store, vpc("x", { conditions: [], vrfId: 10 }));
  assert.equal(await allocatorOn(store).allocate(), 74);
  await store.delete(vpcKind, { name: "default" });
  await give(store, vpc("default"));
  assert.equal(await allocatorOn(store, 74).allocate(), 138);
});

test("a counter that was restored from an old copy does not give what was seen since", async () => {
  await using store = newStore();
  await give(store, vpc("default", { conditions: [], nextVrfId: 3 }));
  assert.equal(await allocatorOn(store, 41).allocate(), 42);
});

test("there is no id after the last", async () => {
  await using store = newStore();
  await give(store, vpc("default", { conditions: [], nextVrfId: 0xffffffff }));
  const allocator = allocatorOn(store);
  assert.equal(await allocator.allocate(), 0xffffffff);
  await assert.rejects(allocator.allocate(), {
    name: "RangeError",
    message: "Cannot give a VRF id: every one has been given",
  });
});

test("a failed allocation does not keep the next one from working", async () => {
  await using store = newStore();
  const allocator = allocatorOn(store);
  await assert.rejects(allocator.allocate(), { name: "StatusError", reason: "NotFound" });
  await give(store, vpc("default"));
  assert.equal(await allocator.allocate(), 1);
});
