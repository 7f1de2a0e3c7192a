import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "@heddle/std";
import fc from "fast-check";
import { isEmpty, plan } from "./plan.ts";
import { retryDelayMs } from "./retry.ts";
import { StatusTable } from "./status.ts";

const rules = {
  isEqual: (desired: number, actual: number) => desired === actual,
  compare: (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0),
};

test("plan() creates, updates and deletes in the order of the keys", () => {
  const desired = new Map([
    ["c", 1],
    ["a", 1],
    ["b", 2],
    ["same", 5],
  ]);
  const actual = new Map([
    ["z", 9],
    ["same", 5],
    ["b", 1],
    ["y", 9],
  ]);
  assert.deepEqual(plan(desired, actual, rules), {
    create: [
      { key: "a", desired: 1 },
      { key: "c", desired: 1 },
    ],
    update: [{ key: "b", desired: 2, actual: 1 }],
    delete: [
      { key: "y", actual: 9 },
      { key: "z", actual: 9 },
    ],
  });
});

test("plan() makes actual equal to desired, whatever the order of the input", () => {
  const entries = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 2 }), fc.nat(3)), {
    selector: ([key]) => key,
  });
  fc.assert(
    fc.property(entries, entries, (want, have) => {
      const desired = new Map(want);
      const actual = new Map(have);
      const made = plan(desired, actual, rules);
      assert.deepEqual(
        made,
        plan(new Map([...want].reverse()), new Map([...have].reverse()), rules),
      );
      for (const op of [...made.create, ...made.update]) actual.set(op.key, op.desired);
      for (const op of made.delete) actual.delete(op.key);
      assert.ok(isEmpty(plan(desired, actual, rules)));
      assert.deepEqual(new Set(actual), new Set(desired));
    }),
  );
});

test("retryDelayMs() doubles up to the cap and spreads over the upper half", () => {
  const config = { firstDelayMs: 100, delayMsMax: 5000 };
  const low = { uint32: () => 0 };
  const high = { uint32: () => 0xffffffff };
  assert.deepEqual(
    [1, 2, 3, 7, 1000].map((n) => retryDelayMs(config, n, low)),
    [50, 100, 200, 2500, 2500],
  );
  assert.equal(Math.round(retryDelayMs(config, 1, high)), 100);
  assert.throws(() => retryDelayMs(config, 0, low), /only after a failure/);
});

function table(): StatusTable<string> {
  return new StatusTable({ firstDelayMs: 100, delayMsMax: 1000 }, seededRng(1));
}

test("StatusTable goes from pending over error to done", () => {
  const t = table();
  t.markPending("a");
  assert.deepEqual(t.due(0, 10), ["a"]);
  t.markFailed("a", 1, new Error("no"), 0);
  const failed = t.get("a");
  assert.ok(failed?.state === "error" && failed.failureCount === 1);
  assert.ok(failed.dueMs >= 50 && failed.dueMs <= 100);
  assert.deepEqual(t.due(49, 10), []);
  assert.equal(t.nextDueMs(0), failed.dueMs);
  assert.deepEqual(t.due(100, 10), ["a"]);
  t.markDone("a", 1);
  assert.equal(t.get("a")?.state, "done");
  assert.equal(t.nextDueMs(200), undefined);
});

test("StatusTable ignores the result of an attempt that was overtaken", () => {
  const t = table();
  t.markPending("a");
  t.markPending("a");
  t.markDone("a", 1);
  assert.equal(t.get("a")?.state, "pending");
  t.markFailed("a", 1, new Error("no"), 0);
  assert.equal(t.get("a")?.state, "pending");
  t.markDone("a", 2);
  assert.equal(t.openCount, 0);
  t.forget("a");
  t.markDone("a", 2);
  assert.equal(t.get("a"), undefined);
});

test("StatusTable lets a failing object wait behind the others", () => {
  const t = table();
  for (const key of ["a", "b", "c"]) t.markPending(key);
  t.markFailed("a", 1, new Error("no"), 0);
  assert.deepEqual(t.due(1000, 2), ["b", "c"]);
  assert.deepEqual(t.due(1000, 9), ["b", "c", "a"]);
});
