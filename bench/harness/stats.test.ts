import assert from "node:assert/strict";
import { test } from "node:test";
import { bootstrapRatio, median, quantile } from "./stats.ts";

test("quantile() interpolates between neighbours", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([1, 2, 3, 10]), 2.5);
  assert.equal(quantile([0, 10], 0.95), 9.5);
  assert.throws(() => median([]), /empty sample/);
});

test("bootstrapRatio() encloses the ratio of medians and is repeatable", () => {
  const pairs = [...Array(40).keys()].map((i) => ({ ours: 10 + (i % 5), peer: 20 + (i % 7) }));
  const first = bootstrapRatio(pairs);
  assert.equal(first.ratio, 12 / 23);
  assert.ok(first.low <= first.ratio && first.ratio <= first.high);
  assert.deepEqual(bootstrapRatio(pairs), first);
});
