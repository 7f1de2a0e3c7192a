import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lease, leaseKind } from "@heddle/api";
import { MemoryStore, StatusError, type Store } from "@heddle/kube";
import { type Log, silentLog, VirtualClock } from "@heddle/std";
import { NodeHeartbeat } from "./node-heartbeat.ts";

const ref = { name: "node1", namespace: "kube-node-lease" };

/** Promises of the store settle between turns of the event loop. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
}

async function leaseOf(store: Store): Promise<Lease> {
  return await store.get(leaseKind, ref);
}

test("the lease is made, and renewed every ten seconds", async () => {
  await using store = new MemoryStore();
  const clock = new VirtualClock();
  {
    using _heartbeat = new NodeHeartbeat({ node: "node1", store, clock, log: silentLog });
    await turns();
    assert.deepEqual((await leaseOf(store)).spec, {
      holderIdentity: "node1",
      leaseDurationSeconds: 40,
      renewTime: "1970-01-01T00:00:00.000000Z",
    });
    clock.advance(10_000);
    await turns();
    assert.equal((await leaseOf(store)).spec?.renewTime, "1970-01-01T00:00:10.000000Z");
  }
  clock.advance(60_000);
  await turns();
  assert.equal((await leaseOf(store)).spec?.renewTime, "1970-01-01T00:00:10.000000Z");
  assert.equal(clock.pendingCount, 0);
});

test("a failed renewal is told and tried again well before the lease ends", async () => {
  await using store = new MemoryStore();
  const clock = new VirtualClock();
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  let isAway = true;
  const away = new StatusError("ServiceUnavailable", "Cannot reach https://api");
  const flaky = new Proxy(store, {
    get: (target, name) => {
      if (name === "get" && isAway) return () => Promise.reject(away);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  using _heartbeat = new NodeHeartbeat({ node: "node1", store: flaky, clock, log });
  await turns();
  assert.deepEqual(warnings, ["cannot renew the node's lease; it is tried again"]);
  isAway = false;
  clock.advance(10_000);
  await turns();
  assert.equal((await leaseOf(store)).spec?.renewTime, "1970-01-01T00:00:10.000000Z");
});
