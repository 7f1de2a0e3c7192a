/**
 * The state of every object that a reconciler cares for: pending, done, or failed with an error and
 * a time for the next attempt. It holds as many entries as there are objects; the caller forgets
 * those that are gone.
 */
import type { Rng } from "@heddle/std";
import { type RetryConfig, retryDelayMs } from "./retry.ts";

export type ObjectStatus =
  | { readonly state: "pending"; readonly revision: number }
  | { readonly state: "done"; readonly revision: number }
  | {
      readonly state: "error";
      readonly revision: number;
      readonly error: Error;
      readonly failureCount: number;
      /** Not attempted again before this time. */
      readonly dueMs: number;
    };

export class StatusTable<K> {
  readonly #retry: RetryConfig;
  readonly #rng: Rng;
  readonly #all: Map<K, ObjectStatus> = new Map();
  /** Keys that are not done, oldest first. */
  readonly #open: Set<K> = new Set();

  constructor(retry: RetryConfig, rng: Rng) {
    this.#retry = retry;
    this.#rng = rng;
  }

  /**
   * What is wanted of the object changed: an attempt is due at once, earlier failures are
   * forgotten.
   */
  markPending(key: K): void {
    const revision = this.#revisionOf(key) + 1;
    this.#all.set(key, { state: "pending", revision });
    this.#open.add(key);
  }

  /** The object is as it was wanted at `revision`; nothing happens when more is wanted by now. */
  markDone(key: K, revision: number): void {
    if (this.#all.get(key)?.revision !== revision) return;
    this.#all.set(key, { state: "done", revision });
    this.#open.delete(key);
  }

  /** The attempt for `revision` failed; nothing happens when more is wanted by now. */
  markFailed(key: K, revision: number, error: Error, nowMs: number): void {
    const before = this.#all.get(key);
    if (before?.revision !== revision) return;
    const failureCount = before.state === "error" ? before.failureCount + 1 : 1;
    const dueMs = nowMs + retryDelayMs(this.#retry, failureCount, this.#rng);
    this.#all.set(key, { state: "error", revision, error, failureCount, dueMs });
    // To the end of the line: others that wait get their turn first.
    this.#open.delete(key);
    this.#open.add(key);
  }

  /** The object is neither wanted nor there. */
  forget(key: K): void {
    this.#all.delete(key);
    this.#open.delete(key);
  }

  get(key: K): ObjectStatus | undefined {
    return this.#all.get(key);
  }

  entries(): IterableIterator<[K, ObjectStatus]> {
    return this.#all.entries();
  }

  /** Objects that are pending or failed. */
  get openCount(): number {
    return this.#open.size;
  }

  /** Up to `limit` objects that an attempt is due for, oldest first. */
  due(nowMs: number, limit: number): K[] {
    const keys: K[] = [];
    for (const key of this.#open) {
      if (keys.length === limit) break;
      const status = this.#all.get(key);
      if (status?.state === "error" && status.dueMs > nowMs) continue;
      keys.push(key);
    }
    return keys;
  }

  /**
   * When the next attempt is due; undefined when everything is done. A pending object is due now.
   */
  nextDueMs(nowMs: number): number | undefined {
    let next: number | undefined;
    for (const key of this.#open) {
      const status = this.#all.get(key);
      const dueMs = status?.state === "error" ? status.dueMs : nowMs;
      if (next === undefined || dueMs < next) next = dueMs;
    }
    return next;
  }

  #revisionOf(key: K): number {
    const status = this.#all.get(key);
    return status === undefined ? 0 : status.revision;
  }
}
