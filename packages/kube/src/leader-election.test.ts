/** Two and more candidates over one store, under a virtual clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type KubeObject, leaseKind, type ResourceKind } from "@heddle/api";
import { type Clock, seededRng, silentLog, VirtualClock } from "@heddle/std";
import fc from "fast-check";
import { LeaderElector } from "./leader-election.ts";
import { MemoryStore } from "./memory-store.ts";
import { StatusError } from "./status-error.ts";
import type { ObjectRef, Store } from "./store.ts";

const lease = { namespace: "kube-system", name: "heddle-controller" };
const stepMs = 100;

/** Lets promises settle that timers have started. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

type LeaseStore = Pick<Store, "get" | "create" | "update">;

/**
 * What one candidate sees of the store: each request takes a while in both directions, and is lost
 * on its way there or back while the link is cut.
 */
class Link {
  isCut = false;
  delayMs = 0;
  readonly store: LeaseStore;

  constructor(store: LeaseStore, clock: Clock) {
    const wait = async (): Promise<void> => {
      if (this.delayMs > 0) {
        await new Promise<void>((resolve) => clock.after(this.delayMs, resolve));
      }
      if (this.isCut) throw new StatusError("ServiceUnavailable", "the link is cut");
    };
    const over = async <T>(request: () => Promise<T>): Promise<T> => {
      await wait();
      const answer = await request();
      await wait();
      return answer;
    };
    this.store = {
      get: <T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef) =>
        over(() => store.get(kind, ref)),
      create: <T extends KubeObject>(kind: ResourceKind<T>, object: T) =>
        over(() => store.create(kind, object)),
      update: <T extends KubeObject>(kind: ResourceKind<T>, object: T) =>
        over(() => store.update(kind, object)),
    };
  }
}

interface Candidate {
  readonly elector: LeaderElector;
  readonly link: Link;
  /** Whether its work may write now. */
  isWriting: boolean;
  holders: (string | undefined)[];
}

class World implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore({ clock: this.clock, rng: seededRng(7) });
  readonly candidates: Candidate[] = [];

  /** `lead`: in place of work that goes on until its signal aborts. */
  add(
    identity: string,
    seed: number,
    own: { readonly lead?: (signal: AbortSignal) => Promise<void> } = {},
  ): Candidate {
    const link = new Link(this.store, this.clock);
    const holders: (string | undefined)[] = [];
    const work = async (signal: AbortSignal): Promise<void> => {
      candidate.isWriting = true;
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      candidate.isWriting = false;
    };
    const elector = new LeaderElector({
      ...{ store: link.store, clock: this.clock, rng: seededRng(seed), log: silentLog },
      ...{ lease, identity, lead: work, onHolder: (holder) => holders.push(holder), ...own },
    });
    const candidate: Candidate = { elector, link, holders, isWriting: false };
    this.candidates.push(candidate);
    return candidate;
  }

  writing(): number {
    return this.candidates.filter(({ isWriting }) => isWriting).length;
  }

  async run(ms: number, look: () => void = () => undefined): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs);
      await settled();
      look();
    }
  }

  /** Virtual milliseconds until it is so. */
  async until(what: string, limitMs: number, isSo: () => boolean): Promise<number> {
    const startMs = this.clock.nowMs();
    while (!isSo()) {
      assert.ok(this.clock.nowMs() - startMs < limitMs, `${what}: not in ${limitMs} ms`);
      await this.run(stepMs);
    }
    return this.clock.nowMs() - startMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = this.candidates.map(({ elector }) => elector[Symbol.asyncDispose]());
    let left = ends.length;
    for (const end of ends) {
      end.finally(() => {
        left -= 1;
      });
    }
    await this.until("the end of all candidates", 60_000, () => left === 0);
    await this.store[Symbol.asyncDispose]();
  }
}

test("one of two candidates leads, and the record says who, since when and how often", async () => {
  await using world = new World();
  const [a, b] = [world.add("a", 1), world.add("b", 2)];
  await world.run(60_000, () => assert.ok(world.writing() <= 1));
  assert.deepEqual([a.elector.isLeader, b.elector.isLeader], [true, false]);
  assert.deepEqual([b.elector.holder, b.holders], ["a", ["a"]]);
  const { spec } = await world.store.get(leaseKind, lease);
  assert.deepEqual(
    [spec.holderIdentity, spec.leaseDurationSeconds, spec.leaseTransitions],
    ["a", 15, 0],
  );
  assert.match(spec.acquireTime as string, /^1970-01-01T00:00:00\.\d00000Z$/);
  const renewedMs = Date.parse(spec.renewTime as string);
  assert.ok(renewedMs >= 57_000 && renewedMs <= 60_000, String(spec.renewTime));
});

test("a cut leader stops before another one starts, and follows when the link is back", async () => {
  await using world = new World();
  const [a, b] = [world.add("a", 1), world.add("b", 2)];
  await world.run(10_000);
  a.link.isCut = true;
  const stopped = await world.until("a stops", 12_000, () => !a.isWriting);
  assert.equal(b.isWriting, false);
  const taken = stopped + (await world.until("b leads", 20_000, () => b.isWriting));
  // Renew deadline of a; lease duration and a retry period with its jitter for b.
  assert.ok(stopped <= 10_100 && taken >= 13_000 && taken <= 15_000 + 4_500, `${stopped} ${taken}`);
  a.link.isCut = false;
  await world.run(30_000, () => assert.ok(world.writing() <= 1));
  assert.deepEqual([a.elector.holder, a.isWriting, b.isWriting], ["b", false, true]);
  assert.equal((await world.store.get(leaseKind, lease)).spec.leaseTransitions, 1);
});

test("a leader that stops gives the Lease up, and the next one does not wait for its end", async () => {
  await using world = new World();
  const [a, b] = [world.add("a", 1), world.add("b", 2)];
  await world.run(10_000);
  const end = a.elector[Symbol.asyncDispose]();
  await settled();
  await end;
  assert.equal(a.isWriting, false);
  assert.equal((await world.store.get(leaseKind, lease)).spec.holderIdentity, "");
  const taken = await world.until("b leads", 5_000, () => b.isWriting);
  assert.ok(taken <= 4_500, `${taken} ms`);
});

test("the clock of the holder does not matter: only whether its record changes", async () => {
  await using world = new World();
  const ancient = "1999-01-01T00:00:00.000000Z";
  const holder = { holderIdentity: "old", leaseDurationSeconds: 15 };
  await world.store.create(leaseKind, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: lease,
    spec: { ...holder, acquireTime: ancient, renewTime: ancient, leaseTransitions: 4 },
  });
  const a = world.add("a", 1);
  const taken = await world.until("a leads", 20_000, () => a.isWriting);
  assert.ok(taken >= 15_000, `${taken} ms`);
  assert.equal((await world.store.get(leaseKind, lease)).spec.leaseTransitions, 5);
});

test("a leader that sees another holder stops at once", async () => {
  await using world = new World();
  const a = world.add("a", 1);
  await world.run(5_000);
  const found = await world.store.get(leaseKind, lease);
  await world.store.update(leaseKind, {
    ...found,
    spec: { ...found.spec, holderIdentity: "thief" },
  });
  const stopped = await world.until("a stops", 5_000, () => !a.isWriting);
  assert.ok(stopped <= 2_200, `${stopped} ms`);
  assert.equal(a.elector.holder, "thief");
});

test("a leader whose work fails gives the Lease up", async () => {
  await using world = new World();
  let failureCount = 0;
  const fail = async (): Promise<void> => {
    failureCount += 1;
    throw new Error("no disk");
  };
  world.add("a", 1, { lead: fail });
  await world.run(stepMs);
  const b = world.add("b", 2);
  await world.until("b leads", 20_000, () => b.isWriting);
  assert.ok(failureCount >= 1);
});

test("a deleted Lease is made again by the one who leads", async () => {
  await using world = new World();
  const a = world.add("a", 1);
  world.add("b", 2);
  await world.run(5_000);
  await world.store.delete(leaseKind, lease);
  await world.run(30_000, () => assert.deepEqual([a.isWriting, world.writing()], [true, 1]));
  assert.equal((await world.store.get(leaseKind, lease)).spec.holderIdentity, "a");
});

test("whatever is cut and slow, no two candidates write at the same time", async () => {
  const event = fc.record({
    who: fc.nat(2),
    isCut: fc.boolean(),
    delayMs: fc.constantFrom(0, 300, 1_500, 4_000),
    forMs: fc.integer({ min: 100, max: 20_000 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 10 }), fc.nat(), runEvents),
    { numRuns: 40 },
  );
});

async function runEvents(
  events: readonly {
    readonly who: number;
    readonly isCut: boolean;
    readonly delayMs: number;
    readonly forMs: number;
  }[],
  seed: number,
): Promise<void> {
  await using world = new World();
  for (const [i, identity] of ["a", "b", "c"].entries()) world.add(identity, seed + i + 1);
  const look = (): void => assert.ok(world.writing() <= 1, `at ${world.clock.nowMs()} ms`);
  for (const { who, isCut, delayMs, forMs } of events) {
    const { link } = world.candidates[who] as Candidate;
    link.isCut = isCut;
    link.delayMs = delayMs;
    await world.run(forMs, look);
  }
  for (const { link } of world.candidates) {
    link.isCut = false;
    link.delayMs = 0;
  }
  await world.run(45_000, look);
  assert.equal(world.writing(), 1);
}
