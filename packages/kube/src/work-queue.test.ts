import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng, VirtualClock } from "@heddle/std";
import fc from "fast-check";
import { WorkQueue, type WorkQueueOptions } from "./work-queue.ts";

/** Lets promises settle that timers have started. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Run {
  readonly key: string;
  readonly atMs: number;
}

function harness(options: Partial<WorkQueueOptions> = {}) {
  const clock = new VirtualClock();
  const runs: Run[] = [];
  const failures: { readonly key: string; readonly pauseMs: number }[] = [];
  const queue = new WorkQueue({
    clock,
    rng: seededRng(1),
    work: async (key) => {
      runs.push({ key, atMs: clock.nowMs() });
    },
    onFailure: (key, _error, pauseMs) => failures.push({ key, pauseMs }),
    allKeys: () => [],
    ...options,
  });
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  return { clock, queue, runs, failures, advance };
}

test("WorkQueue runs a key once for all additions while it waits, in the order they came", async () => {
  const { queue, runs, advance } = harness();
  for (const key of ["b", "a", "b", "b"]) assert.equal(queue.add(key), true);
  assert.deepEqual([queue.count, queue.dirtyCount], [2, 2]);
  await advance(0);
  assert.deepEqual(
    runs.map(({ key }) => key),
    ["b", "a"],
  );
  assert.equal(queue.count, 0);
});

test("WorkQueue runs a key again that is added while it runs, never twice at once", async () => {
  const gates: PromiseWithResolvers<void>[] = [];
  const { queue, advance } = harness({
    work: () => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    },
  });
  queue.add("a");
  await advance(0);
  queue.add("a");
  queue.add("a");
  await advance(1000);
  assert.equal(gates.length, 1);
  gates[0]?.resolve();
  await settled();
  await advance(0);
  assert.equal(gates.length, 2);
  gates[1]?.resolve();
  await settled();
  await advance(1000);
  assert.deepEqual([gates.length, queue.count], [2, 0]);
});

test("WorkQueue starts a key at most once per interval, and never forgets the last addition", async () => {
  const { queue, runs, advance } = harness({ intervalMs: 1000 });
  for (let ms = 0; ms < 2500; ms += 10) {
    queue.add("a");
    await advance(10);
  }
  await advance(5000);
  assert.deepEqual(
    runs.map(({ atMs }) => atMs),
    [0, 1000, 2000, 3000],
  );
});

test("WorkQueue keeps the bound of runs at the same time", async () => {
  let [running, most] = [0, 0];
  const gate = Promise.withResolvers<void>();
  const { queue, advance } = harness({
    runningCountMax: 3,
    work: async () => {
      running += 1;
      most = Math.max(most, running);
      await gate.promise;
      running -= 1;
    },
  });
  for (let i = 0; i < 20; i += 1) queue.add(String(i));
  await advance(0);
  assert.deepEqual([running, queue.count], [3, 20]);
  gate.resolve();
  for (let i = 0; i < 20; i += 1) await advance(0);
  assert.deepEqual([running, most, queue.count], [0, 3, 0]);
});

test("WorkQueue repeats a failure after doubling, jittered, bounded pauses until it succeeds", async () => {
  const { queue, failures, runs, clock, advance } = harness({
    retry: { firstDelayMs: 100, delayMsMax: 1000 },
    work: async (key) => {
      runs.push({ key, atMs: clock.nowMs() });
      if (runs.length < 8) throw new Error("no");
    },
  });
  queue.add("a");
  for (let ms = 0; ms < 10_000; ms += 5) {
    await advance(5);
    // Additions do not shorten the pause.
    if (failures.length === 7 && runs.length === 7) queue.add("a");
  }
  assert.equal(runs.length, 8);
  for (const [i, { pauseMs }] of failures.entries()) {
    const fullMs = Math.min(1000, 100 * 2 ** i);
    assert.ok(pauseMs >= fullMs / 2 && pauseMs <= fullMs, `pause ${i} is ${pauseMs} ms`);
    const gapMs = (runs[i + 1] as Run).atMs - (runs[i] as Run).atMs;
    assert.ok(gapMs >= pauseMs, `${gapMs} ms after a pause of ${pauseMs} ms`);
  }
  assert.equal(queue.count, 0);
});

test("WorkQueue serves every key that it had to refuse", async () => {
  const keys = Array.from({ length: 100 }, (_, i) => String(i));
  const { queue, runs, advance } = harness({ keyCountMax: 8, allKeys: () => keys });
  const taken = keys.filter((key) => queue.add(key));
  assert.equal(taken.length, 8);
  for (let i = 0; i < 100; i += 1) await advance(0);
  assert.deepEqual(new Set(runs.map(({ key }) => key)), new Set(keys));
  assert.equal(queue.count, 0);
});

test("WorkQueue starts nothing after its end, and waits for what runs", async () => {
  const gate = Promise.withResolvers<void>();
  const started: string[] = [];
  const { queue, clock, advance } = harness({
    runningCountMax: 1,
    work: async (key) => {
      started.push(key);
      await gate.promise;
    },
  });
  queue.add("a");
  queue.add("b");
  await advance(0);
  let hasEnded = false;
  const end = queue[Symbol.asyncDispose]().then(() => {
    hasEnded = true;
  });
  await advance(1000);
  assert.equal(hasEnded, false);
  assert.equal(queue.add("c"), false);
  gate.resolve();
  await end;
  await advance(1000);
  assert.deepEqual([started, clock.pendingCount], [["a"], 0]);
});

test("WorkQueue: whatever comes when, each key runs after its last addition", async () => {
  const event = fc.record({ key: fc.constantFrom("a", "b", "c"), afterMs: fc.nat(400) });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.infiniteStream(fc.boolean()), runAll),
    { numRuns: 60 },
  );
});

async function runAll(
  events: readonly { readonly key: string; readonly afterMs: number }[],
  fails: fc.Stream<boolean>,
): Promise<void> {
  const added = new Map<string, number>();
  const done = new Map<string, number>();
  let tries = 0;
  const { queue, clock, advance } = harness({
    intervalMs: 250,
    retry: { firstDelayMs: 10, delayMsMax: 100 },
    work: async (key) => {
      tries += 1;
      const startMs = clock.nowMs();
      if (tries < 100 && fails.next().value) throw new Error("no");
      done.set(key, startMs);
    },
  });
  for (const { key, afterMs } of events) {
    await advance(afterMs);
    queue.add(key);
    added.set(key, clock.nowMs());
  }
  for (let i = 0; i < 200; i += 1) await advance(250);
  assert.equal(queue.count, 0);
  for (const [key, atMs] of added) assert.ok((done.get(key) as number) >= atMs, key);
}
