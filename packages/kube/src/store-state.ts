/**
 * The memory of a store: committed objects, the log of recent changes, and on top the changes that
 * are decided but not durable yet. Writers decide on the newest state, readers see only what is
 * durable.
 */
import { EventLog, type StoredObject, type StoreEvent } from "./event-log.ts";
import { ObjectTable } from "./object-table.ts";

/** What a journal found on disk. */
export interface StoreSnapshot {
  readonly revision: number;
  readonly compactedRevision: number;
  readonly objects: Iterable<readonly [resource: string, readonly StoredObject[]]>;
  /** In revision order, all above `compactedRevision`. */
  readonly events: Iterable<StoreEvent>;
}

export const emptySnapshot: StoreSnapshot = {
  revision: 0,
  compactedRevision: 0,
  objects: [],
  events: [],
};

/** A state that is decided but not durable. */
interface PendingState {
  readonly stored: StoredObject | undefined;
  readonly revision: number;
  /** Settles with the write. */
  readonly durable: Promise<void>;
}

export class StoreState {
  readonly log: EventLog;
  readonly #tables: Map<string, ObjectTable> = new Map();
  /** By `resource key`. */
  readonly #overlay: Map<string, PendingState> = new Map();
  #committedRevision: number;
  #lastRevision: number;

  constructor(snapshot: StoreSnapshot) {
    this.#committedRevision = snapshot.revision;
    this.#lastRevision = snapshot.revision;
    this.log = new EventLog(snapshot.compactedRevision);
    for (const [resource, objects] of snapshot.objects) this.table(resource).load(objects);
    for (const event of snapshot.events) this.log.push(event);
  }

  /** The revision up to which every change is durable and visible. */
  get committedRevision(): number {
    return this.#committedRevision;
  }

  nextRevision(): number {
    this.#lastRevision += 1;
    return this.#lastRevision;
  }

  table(resource: string): ObjectTable {
    let table = this.#tables.get(resource);
    if (table === undefined) {
      table = new ObjectTable();
      this.#tables.set(resource, table);
    }
    return table;
  }

  /** The newest state, durable or not. */
  newest(resource: string, key: string): StoredObject | undefined {
    const pending = this.#overlay.get(`${resource} ${key}`);
    return pending === undefined ? this.table(resource).get(key) : pending.stored;
  }

  /** The newest states of a range of keys, durable or not. */
  *newestRange(resource: string, from: string, to: string | undefined): Generator<StoredObject> {
    for (const stored of this.table(resource).range(from, to)) {
      if (!this.#overlay.has(`${resource} ${stored.key}`)) yield stored;
    }
    const start = `${resource} `;
    for (const [name, { stored }] of this.#overlay) {
      if (stored === undefined || !name.startsWith(start)) continue;
      if (stored.key >= from && (to === undefined || stored.key < to)) yield stored;
    }
  }

  /** Settles when the newest state is durable or forgotten; undefined when it is durable. */
  pending(resource: string, key: string): Promise<void> | undefined {
    return this.#overlay.get(`${resource} ${key}`)?.durable;
  }

  decide(event: StoreEvent, durable: Promise<void>): void {
    const stored = event.type === "DELETED" ? undefined : event.after;
    const { resource, revision } = event;
    this.#overlay.set(`${resource} ${event.after.key}`, { stored, revision, durable });
  }

  commit(event: StoreEvent): void {
    const table = this.table(event.resource);
    if (event.type === "DELETED") table.delete(event.after.key);
    else table.set(event.after);
    this.log.push(event);
    this.#committedRevision = event.revision;
    const name = `${event.resource} ${event.after.key}`;
    if (this.#overlay.get(name)?.revision === event.revision) this.#overlay.delete(name);
  }

  /** Forgets every change that is decided but not durable. */
  abandon(): void {
    this.#overlay.clear();
  }
}
