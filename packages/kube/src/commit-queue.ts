/**
 * Group commit: changes that arrive while a batch is being made durable form the next batch. Order
 * is kept; a change is acknowledged only after its batch is durable. When a batch fails, everything
 * queued behind it fails too, because it was decided on states that never came to be.
 */
import { assert, BoundedQueue } from "@heddle/std";
import type { StoreEvent } from "./event-log.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { StatusError } from "./status-error.ts";

const batchCountMax = 1024;
const batchCharactersMax = 16 * 1024 * 1024;

interface PendingChange {
  readonly event: StoreEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitHooks {
  /** The events are durable; called once per batch before the writers are told. */
  committed(events: readonly StoreEvent[]): void;
  /** None of these events happened. */
  abandoned(events: readonly StoreEvent[]): void;
  /** What the journal may forget. */
  compactedRevision(): number;
}

export class CommitQueue implements AsyncDisposable {
  readonly #journal: Journal;
  readonly #hooks: CommitHooks;
  readonly #pending: BoundedQueue<PendingChange>;
  #pump: Promise<void> | undefined;
  #closed = false;

  constructor(journal: Journal, queueCountMax: number, hooks: CommitHooks) {
    this.#journal = journal;
    this.#hooks = hooks;
    this.#pending = new BoundedQueue(queueCountMax);
  }

  /** @throws StatusError TooManyRequests, ServiceUnavailable when a change cannot be taken now. */
  assertOpen(): void {
    if (this.#closed) {
      throw new StatusError("ServiceUnavailable", "Cannot write: the store is being closed");
    }
    if (this.#pending.count >= this.#pending.countMax) {
      const { countMax } = this.#pending;
      throw new StatusError("TooManyRequests", `Cannot write: ${countMax} writes wait, want fewer`);
    }
  }

  /** Takes a change; call `assertOpen` before deciding it. Resolves when it is durable. */
  push(event: StoreEvent): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    assert(this.#pending.push({ event, resolve, reject }), "a change is pushed after assertOpen");
    this.#pump ??= this.#run();
    return promise;
  }

  /** Waits for what was taken, then closes the journal. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#pump;
    await this.#journal[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      await this.#commit(batch);
    }
    this.#pump = undefined;
  }

  async #commit(batch: readonly PendingChange[]): Promise<void> {
    try {
      await this.#journal.append(
        batch.map(({ event }) => entryOf(event)),
        this.#hooks.compactedRevision(),
      );
    } catch (error) {
      this.#abandon(batch, error);
      return;
    }
    this.#hooks.committed(batch.map(({ event }) => event));
    for (const { resolve } of batch) resolve();
  }

  #abandon(batch: readonly PendingChange[], cause: unknown): void {
    const all = [...batch];
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
      all.push(next);
    }
    this.#hooks.abandoned(all.map(({ event }) => event));
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = new StatusError("ServiceUnavailable", `Cannot write: ${why}`, { cause });
    for (const { reject } of all) reject(error);
  }

  #takeBatch(): PendingChange[] {
    const batch: PendingChange[] = [];
    let characters = 0;
    while (batch.length < batchCountMax && characters < batchCharactersMax) {
      const next = this.#pending.shift();
      if (next === undefined) break;
      batch.push(next);
      characters += next.event.after.text.length;
    }
    return batch;
  }
}

function entryOf({ revision, resource, type, after, before, atMs }: StoreEvent): JournalEntry {
  return {
    revision,
    resource,
    key: after.key,
    type,
    after: after.text,
    before: before?.text,
    atMs,
  };
}
