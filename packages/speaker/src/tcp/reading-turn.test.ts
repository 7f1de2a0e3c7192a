import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ReadingTurn } from "./reading-turn.ts";

function work(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** Pieces of `pieceMs` until all are done. */
async function read(turn: ReadingTurn, pieceCount: number, pieceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = pieceCount;
  const take = (): void => {
    do {
      work(pieceMs);
      turn.count(8192);
      left -= 1;
    } while (left > 0 && !turn.isOver);
    if (left === 0) resolve();
    else turn.wait(take);
  };
  if (turn.isOver) turn.wait(take);
  else take();
  await promise;
}

test("a turn ends, and the next goes on with who waits", async () => {
  const turn = new ReadingTurn();
  let iterationCount = 0;
  let done = false;
  const counting = (async () => {
    for (; !done; iterationCount += 1) await setImmediate();
  })();
  await read(turn, 40, 1);
  done = true;
  await counting;
  assert.ok(iterationCount >= 4, `${iterationCount} turns for 40 ms of work`);
});

test("all connections share a turn, and each gets on", async () => {
  const turn = new ReadingTurn();
  const order: number[] = [];
  const reads = [0, 1, 2].map(async (i) => {
    await read(turn, 4, 2);
    order.push(i);
  });
  await Promise.all(reads);
  assert.deepEqual(order.toSorted(), [0, 1, 2]);
});

test("who waits too long gets a piece although the turn is over", async () => {
  const turn = new ReadingTurn();
  assert.equal(turn.isOver, false);
  work(10);
  assert.equal(turn.isOver, false);
  turn.count(64 * 1024);
  assert.equal(turn.isOver, true);
  const called: string[] = [];
  turn.wait(() => {
    called.push("first");
    work(60);
  });
  turn.wait(() => called.push("second"));
  work(600);
  for (let i = 0; i < 2; i += 1) await setImmediate();
  assert.deepEqual(called, ["first", "second"]);
});

test("next to work that takes long, reading takes longer turns", async () => {
  const turn = new ReadingTurn();
  assert.equal(turn.isOver, false);
  work(10);
  assert.equal(turn.isOver, false);
  turn.count(64 * 1024);
  assert.equal(turn.isOver, true);
  const read = Promise.withResolvers<number>();
  turn.wait(() => {
    const startMs = performance.now();
    while (!turn.isOver) turn.count(8192);
    read.resolve(performance.now() - startMs);
  });
  work(30);
  const ms = await read.promise;
  assert.ok(ms >= 25, `${ms} ms`);
});
