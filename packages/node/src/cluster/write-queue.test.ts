import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog, VirtualClock } from "@heddle/std";
import { WriteQueue } from "./write-queue.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("writes of one key never overlap, and only the newest waiting one runs", async () => {
  const clock = new VirtualClock();
  const queue = new WriteQueue({ clock, log: silentLog });
  const first = Promise.withResolvers<void>();
  const done: string[] = [];
  const write = (name: string, until: Promise<void>) => async (): Promise<void> => {
    await until;
    done.push(name);
  };
  queue.put("a", write("a1", first.promise));
  clock.advance(0);
  queue.put("a", write("a2", Promise.resolve()));
  queue.put("a", write("a3", Promise.resolve()));
  queue.put("b", write("b1", Promise.resolve()));
  clock.advance(0);
  await turn();
  assert.deepEqual(done, ["b1"]);
  first.resolve();
  await queue.idle();
  assert.deepEqual(done, ["b1", "a1", "a3"]);
});

test("a failed write is tried again with growing pauses, a bounded number of times", async () => {
  const clock = new VirtualClock();
  const queue = new WriteQueue({ clock, log: silentLog, tryCountMax: 4 });
  const atMs: number[] = [];
  queue.put("a", async () => {
    atMs.push(clock.nowMs());
    throw new Error("no");
  });
  clock.advance(0);
  for (let i = 0; i < 100; i += 1) {
    await turn();
    clock.advance(100);
  }
  assert.deepEqual(atMs, [0, 100, 300, 700]);
  assert.equal(queue.count, 0);
});

test("a full queue drops what is new and keeps what waits", async () => {
  const clock = new VirtualClock();
  const queue = new WriteQueue({
    ...{ clock, log: silentLog, runningCountMax: 1, keyCountMax: 2 },
  });
  const done: string[] = [];
  for (const key of ["a", "b", "c", "d"]) {
    queue.put(key, async () => void done.push(key));
    if (key === "a") clock.advance(0);
  }
  await queue.idle();
  assert.deepEqual(done, ["a", "b", "c"]);
});

test("a write never starts before whoever put it has gone on", async () => {
  const clock = new VirtualClock();
  const queue = new WriteQueue({ clock, log: silentLog });
  let isStarted = false;
  queue.put("a", async () => {
    isStarted = true;
  });
  await turn();
  assert.equal(isStarted, false);
  clock.advance(0);
  assert.equal(isStarted, true);
});
