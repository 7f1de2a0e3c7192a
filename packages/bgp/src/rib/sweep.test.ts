import assert from "node:assert/strict";
import { test } from "node:test";
import { Sweep } from "./sweep.ts";

/** Ids visited until the sweep is over, and those of them that it touches. */
function run(sweep: Sweep, count: number = Number.POSITIVE_INFINITY): [number[], number[]] {
  const visited: number[] = [];
  const touched: number[] = [];
  for (let i = 0; i < count && sweep.left > 0; i += 1) {
    const { touches } = sweep;
    const id = sweep.next();
    visited.push(id);
    if (touches) touched.push(id);
  }
  return [visited.sort((a, b) => a - b), touched.sort((a, b) => a - b)];
}

test("a sweep goes round once from wherever it stands", () => {
  const sweep = new Sweep();
  sweep.start(5);
  assert.deepEqual(run(sweep, 3), [[0, 1, 2], []]);
  sweep.start(5);
  assert.deepEqual(run(sweep), [[0, 1, 2, 3, 4], []]);
  assert.equal(sweep.left, 0);
});

test("a sweep that is started again, with more ids, still touches all that it had to", () => {
  const sweep = new Sweep();
  sweep.startTouching(5);
  const [, first] = run(sweep, 3);
  sweep.start(8);
  const [visited, rest] = run(sweep);
  assert.deepEqual(visited, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...new Set([...first, ...rest])].length, 8);
});
