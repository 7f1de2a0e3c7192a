/**
 * The recent changes of a store in revision order, bounded by count and age. Watches and continue
 * tokens read from it: whoever asks for a time before `compactedRevision` gets 410 Expired. One
 * list holds all changes, and one per resource the changes of that resource; both share the events.
 */
import type { ObjectRecord } from "./object-rules.ts";

/** An object as it is stored. Frozen, and shared by everybody who reads it. */
export interface StoredObject {
  /** `namespace/name`; the namespace is empty for cluster-scoped kinds. */
  readonly key: string;
  readonly revision: number;
  readonly object: ObjectRecord;
  /** The JSON text of `object`. */
  readonly text: string;
}

export interface StoreEvent {
  readonly revision: number;
  readonly resource: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** The state after the change; for DELETED the last state, at the revision of the deletion. */
  readonly after: StoredObject;
  /** The state before the change; undefined for ADDED. */
  readonly before: StoredObject | undefined;
  /** Wall-clock milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** A list that is appended at its end and shortened at its start. */
class Run<T extends { readonly revision: number }> {
  #items: T[] = [];
  #head = 0;

  get count(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Drops the first item. */
  shift(): void {
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Up to `countMax` items with a revision above `revision`. */
  after(revision: number, countMax: number): T[] {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as T).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#items.slice(low, low + countMax);
  }
}

export class EventLog {
  readonly #all: Run<StoreEvent> = new Run();
  readonly #byResource: Map<string, Run<StoreEvent>> = new Map();
  /** Revision of the last forgotten change by resource. */
  readonly #forgotten: Map<string, number> = new Map();
  readonly #unknownRevision: number;
  #compactedRevision: number;

  /** @param compactedRevision changes up to here are unknown. */
  constructor(compactedRevision: number) {
    this.#unknownRevision = compactedRevision;
    this.#compactedRevision = compactedRevision;
  }

  /** Every change after this revision is known. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  get count(): number {
    return this.#all.count;
  }

  /**
   * Every change of `resource` after this revision is known. A resource that rests is not outrun by
   * the changes of others, so a quiet watch never expires.
   */
  compactedRevisionOf(resource: string): number {
    return this.#forgotten.get(resource) ?? this.#unknownRevision;
  }

  push(event: StoreEvent): void {
    this.#all.push(event);
    let run = this.#byResource.get(event.resource);
    if (run === undefined) {
      run = new Run();
      this.#byResource.set(event.resource, run);
    }
    run.push(event);
  }

  /** Up to `countMax` changes of `resource` after `revision`, oldest first. */
  after(resource: string, revision: number, countMax: number): readonly StoreEvent[] {
    const run = this.#byResource.get(resource);
    return run === undefined ? [] : run.after(revision, countMax);
  }

  /** Forgets the oldest events until at most `countMax` remain, none older than `oldestMs`. */
  compact(countMax: number, oldestMs: number): void {
    for (let event = this.#all.first; event !== undefined; event = this.#all.first) {
      if (this.#all.count <= countMax && event.atMs >= oldestMs) return;
      this.#all.shift();
      this.#byResource.get(event.resource)?.shift();
      this.#forgotten.set(event.resource, event.revision);
      this.#compactedRevision = event.revision;
    }
  }
}
