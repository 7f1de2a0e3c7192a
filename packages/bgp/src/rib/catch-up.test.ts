import assert from "node:assert/strict";
import { test } from "node:test";
import { CatchUp } from "./catch-up.ts";
import { MarkCounts } from "./mark-counts.ts";

test("a key is marked in the table until the last catch-up has passed it", () => {
  const counts = new MarkCounts();
  const audience = { addPath: false };
  const [one, two] = [CatchUp.fromNow(audience, counts), CatchUp.fromNow(audience, counts)];
  for (const catchUp of [one, two]) {
    for (const id of [3, 3, 700]) catchUp.mark(id);
  }
  const marked = (): number[] => [0, 3, 700, 5000].filter((id) => counts.has(id));
  assert.deepEqual([marked(), one.markCount], [[3, 700], 2]);
  assert.deepEqual([one.unmark(3), one.unmark(3)], [true, false]);
  assert.deepEqual(marked(), [3, 700]);
  assert.deepEqual([...two.takeMarks(10)], [3, 700]);
  assert.deepEqual(marked(), [700]);
  assert.deepEqual([...one.takeMarks(10)], [700]);
  assert.deepEqual(marked(), []);
});

test("a walk that has not come to a key owes it without a mark", () => {
  const counts = new MarkCounts();
  const catchUp = CatchUp.fromStart({ addPath: false }, counts);
  catchUp.mark(5);
  assert.deepEqual([counts.has(5), catchUp.markCount], [false, 0]);
  catchUp.restart();
  catchUp.mark(5);
  assert.deepEqual([counts.has(5), catchUp.markCount], [true, 1]);
});
