/**
 * A watch is a position in the event log: it holds no queue of its own, so a slow reader costs
 * nothing and delays nobody, and learns with 410 Expired when the log has moved past it.
 */
import type { KubeObject } from "@heddle/api";
import type { Clock } from "@heddle/std";
import type { StoreEvent } from "./event-log.ts";
import { withRevision } from "./object-rules.ts";
import { expired } from "./refusals.ts";
import type { Selection } from "./selection.ts";
import type { WatchEvent } from "./store.ts";
import type { StoreState } from "./store-state.ts";

const readCountMax = 128;

/** Wakes whoever waits for the next change of a resource. */
export class ChangeSignal {
  readonly #waiting: Map<string, Set<() => void>> = new Map();

  notify(resource: string): void {
    const waiting = this.#waiting.get(resource);
    if (waiting === undefined) return;
    this.#waiting.delete(resource);
    for (const wake of waiting) wake();
  }

  notifyAll(): void {
    for (const resource of [...this.#waiting.keys()]) this.notify(resource);
  }

  /** Adds a waiter; the returned function takes it away again. */
  add(resource: string, wake: () => void): () => void {
    let waiting = this.#waiting.get(resource);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(resource, waiting);
    }
    const set = waiting;
    set.add(wake);
    return () => void set.delete(wake);
  }
}

export interface WatchSource {
  readonly state: StoreState;
  readonly changes: ChangeSignal;
  readonly clock: Clock;
  readonly bookmarkIntervalMs: number;
  readonly isClosed: () => boolean;
}

/** @throws StatusError Expired */
export async function* watchFrom(
  source: WatchSource,
  resource: string,
  selection: Selection,
  startRevision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<KubeObject>> {
  const { state, clock } = source;
  let position = startRevision;
  let bookmarkedMs = clock.nowMs();
  while (!signal.aborted && !source.isClosed()) {
    const compactedRevision = state.log.compactedRevisionOf(resource);
    if (position < compactedRevision) throw expired(position, compactedRevision);
    const settledRevision = state.committedRevision;
    const events = state.log.after(resource, position, readCountMax);
    for (const event of events) {
      const seen = seenThrough(selection, event);
      if (seen !== undefined) yield seen;
      if (signal.aborted) return;
      position = event.revision;
    }
    if (events.length === readCountMax) continue;
    position = Math.max(position, settledRevision);
    const waitMs = bookmarkedMs + source.bookmarkIntervalMs - clock.nowMs();
    if (waitMs <= 0) {
      yield { type: "BOOKMARK", resourceVersion: String(position) };
      bookmarkedMs = clock.nowMs();
    } else if (state.log.after(resource, position, 1).length === 0) {
      await changed(source, resource, waitMs, signal);
    }
  }
}

/** The change as somebody sees it who sees only the selected objects. */
function seenThrough(selection: Selection, event: StoreEvent): WatchEvent<KubeObject> | undefined {
  const { before, after } = event;
  const was = before !== undefined && selection.matches(before);
  const is = event.type !== "DELETED" && selection.matches(after);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object: after.object };
  if (!was) return undefined;
  // An object that leaves the selection is shown as it was last seen, at the revision of the
  // change.
  const object =
    event.type === "DELETED" ? after.object : withRevision(before.object, event.revision);
  return { type: "DELETED", object };
}

/** Resolves at the next change of the resource, after `waitMs`, or when the signal aborts. */
async function changed(
  source: WatchSource,
  resource: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const remove = source.changes.add(resource, wake);
  const timer = source.clock.after(waitMs, wake);
  signal.addEventListener("abort", wake, { once: true });
  await promise;
  timer.cancel();
  remove();
  signal.removeEventListener("abort", wake);
}
