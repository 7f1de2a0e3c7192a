/**
 * Work by key, as a level-triggered controller wants it: a key says that something about an object
 * changed, the work looks at what is true now.
 *
 * Invariants: a key that was added is worked on at least once after that, never twice at the same
 * time; keys added while they wait or run are worked on once more, not once per addition. Two runs
 * of a key start at least `intervalMs` apart, and the last addition is never lost to that pause. A
 * run that fails is repeated after a doubling, jittered, bounded pause for as long as it fails;
 * additions meanwhile do not shorten the pause.
 *
 * The number of keys is bounded. A full queue refuses, remembers that it did, and walks all keys
 * that the owner knows once it is half empty.
 */
import { type RetryConfig, retryDelayMs } from "@heddle/reconcile";
import type { Clock, Rng, Timer } from "@heddle/std";

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Looks at the object and makes what it says true. A rejection means: try again later. */
  readonly work: (key: string) => Promise<void>;
  /** Called once per rejection, before the pause; must not throw. */
  readonly onFailure: (key: string, error: unknown, pauseMs: number) => void;
  /** Every key that may need work: walked after keys were refused. */
  readonly allKeys: () => Iterable<string>;
  /** Shortest time between the starts of two runs of a key. */
  readonly intervalMs?: number;
  readonly runningCountMax?: number;
  readonly keyCountMax?: number;
  readonly retry?: RetryConfig;
}

const defaults = {
  intervalMs: 0,
  runningCountMax: 4,
  keyCountMax: 65_536,
  retry: { firstDelayMs: 100, delayMsMax: 60_000 },
} as const;

interface Entry {
  readonly key: string;
  isDirty: boolean;
  isRunning: boolean;
  failureCount: number;
  /** Nothing starts before it fires. */
  rest: Timer | undefined;
}

export class WorkQueue implements AsyncDisposable {
  readonly #options: Required<WorkQueueOptions>;
  /** Keys that are dirty, run or rest; a key that does none of it is forgotten. */
  readonly #entries = new Map<string, Entry>();
  /** Dirty keys that may start, in the order of service. */
  readonly #ready = new Set<Entry>();
  #runningCount = 0;
  #fill: Timer | undefined;
  #hasRefused = false;
  /** What is left of a walk over all keys. */
  #walk: Iterator<string> | undefined;
  #isClosed = false;
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  constructor(options: WorkQueueOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** Keys that wait, run or rest. */
  get count(): number {
    return this.#entries.size;
  }

  /** Keys that wait for a run, those whose last run failed included. */
  get dirtyCount(): number {
    let count = 0;
    for (const { isDirty } of this.#entries.values()) if (isDirty) count += 1;
    return count;
  }

  /** False when the queue is full: the key gets its turn in the walk that follows. */
  add(key: string): boolean {
    if (this.#isClosed) return false;
    const entry = this.#entries.get(key) ?? this.#newEntry(key);
    if (entry === undefined) {
      this.#hasRefused = true;
      return false;
    }
    if (!entry.isDirty) {
      entry.isDirty = true;
      this.#offer(entry);
    }
    return true;
  }

  /** Starts nothing more, and resolves when what runs has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#fill?.cancel();
    for (const entry of this.#entries.values()) entry.rest?.cancel();
    this.#ready.clear();
    if (this.#runningCount > 0) await this.#ended.promise;
    this.#entries.clear();
  }

  #newEntry(key: string): Entry | undefined {
    if (this.#entries.size >= this.#options.keyCountMax) return undefined;
    const entry = { key, isDirty: false, isRunning: false, failureCount: 0, rest: undefined };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Makes the entry ready, waiting or forgotten, whichever it is by now. */
  #offer(entry: Entry): void {
    if (entry.isRunning || entry.rest !== undefined) return;
    if (entry.isDirty) {
      this.#ready.add(entry);
      this.#fillSoon();
      return;
    }
    this.#entries.delete(entry.key);
    if (this.#entries.size <= this.#options.keyCountMax / 2) this.#goThroughRefused();
  }

  /** Not at once: whoever adds a key is in the middle of telling of a change. */
  #fillSoon(): void {
    this.#fill ??= this.#options.clock.after(0, () => {
      this.#fill = undefined;
      for (const entry of this.#ready) {
        if (this.#runningCount >= this.#options.runningCountMax) return;
        this.#ready.delete(entry);
        void this.#run(entry);
      }
    });
  }

  async #run(entry: Entry): Promise<void> {
    const { clock, work, intervalMs } = this.#options;
    const startMs = clock.nowMs();
    entry.isDirty = false;
    entry.isRunning = true;
    this.#runningCount += 1;
    let restMs: number;
    try {
      await work(entry.key);
      entry.failureCount = 0;
      restMs = startMs + intervalMs - clock.nowMs();
    } catch (error) {
      restMs = Math.max(this.#failed(entry, error), startMs + intervalMs - clock.nowMs());
    }
    entry.isRunning = false;
    this.#runningCount -= 1;
    if (this.#isClosed) {
      if (this.#runningCount === 0) this.#ended.resolve();
      return;
    }
    if (restMs > 0) {
      entry.rest = clock.after(restMs, () => {
        entry.rest = undefined;
        this.#offer(entry);
      });
    }
    this.#offer(entry);
    if (this.#ready.size > 0) this.#fillSoon();
  }

  /** Milliseconds until the next try. */
  #failed(entry: Entry, error: unknown): number {
    const { retry, rng, onFailure } = this.#options;
    entry.failureCount += 1;
    entry.isDirty = true;
    const pauseMs = Math.round(retryDelayMs(retry, entry.failureCount, rng));
    onFailure(entry.key, error, pauseMs);
    return pauseMs;
  }

  /** One pass over all keys, as many at a time as there is room for. */
  #goThroughRefused(): void {
    if (this.#walk === undefined) {
      if (!this.#hasRefused) return;
      this.#hasRefused = false;
      this.#walk = this.#options.allKeys()[Symbol.iterator]();
    }
    while (this.#entries.size < this.#options.keyCountMax) {
      const step = this.#walk.next();
      if (step.done === true) {
        this.#walk = undefined;
        return;
      }
      this.add(step.value);
    }
  }
}
