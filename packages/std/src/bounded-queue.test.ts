import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedQueue } from "./bounded-queue.ts";

test("BoundedQueue keeps order across growth and wrap-around", () => {
  const queue = new BoundedQueue<number>(1000);
  const out: number[] = [];
  let next = 0;
  for (let round = 0; round < 50; round += 1) {
    for (let i = 0; i < 20; i += 1) assert.equal(queue.push(next++), true);
    for (let i = 0; i < 15; i += 1) out.push(queue.shift() as number);
  }
  while (queue.count > 0) out.push(queue.shift() as number);
  assert.deepEqual(out, [...Array(1000).keys()]);
  assert.equal(queue.shift(), undefined);
});

test("BoundedQueue refuses a value above its limit and loses none", () => {
  const queue = new BoundedQueue<string>(2);
  assert.deepEqual([queue.push("a"), queue.push("b"), queue.push("c")], [true, true, false]);
  assert.deepEqual([queue.shift(), queue.shift(), queue.shift()], ["a", "b", undefined]);
});
