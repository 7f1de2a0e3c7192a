/**
 * A store that keeps every object in memory and makes changes durable through a journal. A write is
 * decided in one go, without waiting, on the newest state; so admission rules, compare-and-swap and
 * patches cannot race. It is acknowledged, and seen by readers and watches, when the journal has
 * it.
 */
import { apiVersionOf, type KubeObject, type ResourceKind } from "@heddle/api";
import type { Clock, Rng, Timer } from "@heddle/std";
import { CommitQueue } from "./commit-queue.ts";
import { parseContinueToken } from "./continue-token.ts";
import type { StoredObject, StoreEvent } from "./event-log.ts";
import { formatTime } from "./format-time.ts";
import { page } from "./list-page.ts";
import {
  isHeld,
  isReadyToRemove,
  type ObjectRecord,
  objectToCreate,
  objectToMarkDeleted,
  objectToUpdate,
  objectToUpdateStatus,
  withRevision,
} from "./object-rules.ts";
import { rememberText } from "./object-text.ts";
import { objectsAt } from "./past-list.ts";
import {
  alreadyExists,
  conflict,
  expired,
  invalidField,
  neverReached,
  notFound,
  resourceNameOf,
} from "./refusals.ts";
import { selectionOf } from "./selection.ts";
import { StatusError } from "./status-error.ts";
import type {
  DeleteOptions,
  ListResult,
  ObjectRef,
  Store,
  WatchEvent,
  WatchOptions,
} from "./store.ts";
import { keyOf, parseRevision, refOf } from "./store-keys.ts";
import {
  type Admission,
  type AdmissionRequest,
  type AdmissionView,
  defaultStoreLimits,
  type ObjectChange,
  type RemoveOptions,
  type RevisionListOptions,
  type StoreLimits,
  type VersionedStoreOptions,
  type WriteOptions,
} from "./store-options.ts";
import { StoreState } from "./store-state.ts";
import { ChangeSignal, type WatchSource, watchFrom } from "./store-watch.ts";
import { uuidFrom } from "./uuid.ts";

type Operation = AdmissionRequest["operation"];

/** The outcome of a write, and when it may be told. */
interface Decision {
  readonly object: KubeObject;
  readonly durable: Promise<void> | undefined;
}

export class VersionedStore implements Store, AsyncDisposable {
  readonly #state: StoreState;
  readonly #queue: CommitQueue;
  readonly #changes: ChangeSignal = new ChangeSignal();
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #admission: Admission | undefined;
  readonly #limits: StoreLimits;
  readonly #source: WatchSource;
  readonly #view: AdmissionView;
  #compaction: Timer;
  #closed = false;

  constructor({ journal, snapshot, clock, rng, admission, limits }: VersionedStoreOptions) {
    this.#state = new StoreState(snapshot);
    this.#clock = clock;
    this.#rng = rng;
    this.#admission = admission;
    this.#limits = { ...defaultStoreLimits, ...limits };
    this.#queue = new CommitQueue(journal, this.#limits.queueCountMax, {
      committed: (events) => this.#publish(events),
      abandoned: () => this.#state.abandon(),
      compactedRevision: () => this.#state.log.compactedRevision,
    });
    this.#source = {
      state: this.#state,
      changes: this.#changes,
      clock,
      bookmarkIntervalMs: this.#limits.bookmarkIntervalMs,
      isClosed: () => this.#closed,
    };
    this.#view = this.#admissionView();
    this.#compaction = this.#scheduleCompaction();
  }

  /** The revision up to which every change is durable and visible. */
  get revision(): number {
    return this.#state.committedRevision;
  }

  /** Newest states, durable or not, for decisions inside `ObjectChange.apply` and alike. */
  get view(): AdmissionView {
    return this.#view;
  }

  async get<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef): Promise<T> {
    const stored = this.#state.table(resourceNameOf(kind)).get(keyOf(kind, ref));
    if (stored === undefined) throw notFound(kind, ref.name);
    return stored.object as KubeObject as T;
  }

  async list<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: RevisionListOptions = {},
  ): Promise<ListResult<T>> {
    const selection = selectionOf(kind, options);
    const token =
      options.continueToken === undefined ? undefined : parseContinueToken(options.continueToken);
    const revision = token?.revision ?? options.exactRevision ?? this.revision;
    if (revision > this.revision) {
      throw new StatusError(
        "Timeout",
        `Too large resource version: ${revision}, current: ${this.revision}`,
      );
    }
    const resource = resourceNameOf(kind);
    const objects = objectsAt(this.#state, resource, revision, selection, token?.afterKey);
    return page<T>(objects, selection, revision, options.limit);
  }

  watch<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>> {
    return this.#watch(kind, options) as AsyncIterable<WatchEvent<T>>;
  }

  async create<T extends KubeObject>(
    kind: ResourceKind<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const input = this.#normalise(kind, object);
    const ref = refOf(input);
    const key = keyOf(kind, ref);
    const made = await this.#settle(kind, key, (previous) => {
      if (previous !== undefined) throw alreadyExists(kind, ref.name);
      const stamp = { uid: uuidFrom(this.#rng), now: formatTime(this.#clock.wallMs()) };
      const next = this.#admit(kind, "create", objectToCreate(kind, input, stamp), undefined);
      return this.#write(kind, key, "ADDED", next, undefined, options);
    });
    return made as T;
  }

  async update<T extends KubeObject>(
    kind: ResourceKind<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const change: ObjectChange = { ...options, part: "object", apply: () => object };
    return (await this.modify(kind, refOf(object), change)) as T;
  }

  async updateStatus<T extends KubeObject>(
    kind: ResourceKind<T>,
    object: T,
    options: WriteOptions = {},
  ): Promise<T> {
    const change: ObjectChange = { ...options, part: "status", apply: () => object };
    return (await this.modify(kind, refOf(object), change)) as T;
  }

  /**
   * Changes an object in one go. @throws StatusError NotFound, Conflict, Invalid, and what `apply`
   * throws
   */
  async modify(kind: ResourceKind, ref: ObjectRef, change: ObjectChange): Promise<KubeObject> {
    const key = keyOf(kind, ref);
    return this.#settle(kind, key, (previous) => {
      if (previous === undefined) throw notFound(kind, ref.name);
      return this.#change(kind, key, previous, change);
    });
  }

  async delete<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    options: DeleteOptions = {},
  ): Promise<void> {
    await this.remove(kind, ref, options);
  }

  /** Like `delete`; returns the last state, or the object marked as being deleted. */
  async remove(
    kind: ResourceKind,
    ref: ObjectRef,
    options: RemoveOptions = {},
  ): Promise<KubeObject> {
    const key = keyOf(kind, ref);
    return this.#settle(kind, key, (previous) => {
      if (previous === undefined) throw notFound(kind, ref.name);
      return this.#markOrRemove(kind, key, previous, options);
    });
  }

  /** @throws StatusError BadRequest, Expired: why a watch cannot start there. */
  assertWatchable(kind: ResourceKind, options: Omit<WatchOptions, "signal">): void {
    this.#watchStart(kind, options);
  }

  /** Ends watches, waits for writes that were taken, closes the journal. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#compaction.cancel();
    this.#changes.notifyAll();
    await this.#queue[Symbol.asyncDispose]();
  }

  async *#watch(kind: ResourceKind, options: WatchOptions): AsyncGenerator<WatchEvent<KubeObject>> {
    const { selection, revision } = this.#watchStart(kind, options);
    const resource = resourceNameOf(kind);
    yield* watchFrom(this.#source, resource, selection, revision, options.signal);
  }

  #watchStart(kind: ResourceKind, options: Omit<WatchOptions, "signal">) {
    const selection = selectionOf(kind, options);
    const revision = parseRevision(options.resourceVersion);
    const compactedRevision = this.#state.log.compactedRevisionOf(resourceNameOf(kind));
    if (revision < compactedRevision) throw expired(revision, compactedRevision);
    // Of another history, such as that from before a restore: whoever waited for it to come would
    // miss all that happens until then.
    const { committedRevision } = this.#state;
    if (revision > committedRevision) throw neverReached(revision, committedRevision);
    return { selection, revision };
  }

  /**
   * Decides a write on the newest state and waits until it is durable. A refusal because of a state
   * that is not durable yet waits for that state too: it would be wrong if that state never came to
   * be, and whoever reads again after it must not find the state from before.
   */
  async #settle(
    kind: ResourceKind,
    key: string,
    decide: (previous: StoredObject | undefined) => Decision,
  ): Promise<KubeObject> {
    const resource = resourceNameOf(kind);
    for (;;) {
      const pending = this.#state.pending(resource, key);
      let decision: Decision;
      try {
        decision = decide(this.#state.newest(resource, key));
      } catch (refusal) {
        if (pending === undefined || (await isFulfilled(pending))) throw refusal;
        continue;
      }
      await decision.durable;
      return decision.object;
    }
  }

  #change(kind: ResourceKind, key: string, previous: StoredObject, change: ObjectChange): Decision {
    const input = this.#normalise(kind, change.apply(previous.object));
    if (keyOf(kind, refOf(input)) !== key) {
      const { name } = previous.object.metadata;
      throw invalidField(kind, name, "metadata.name", "field is immutable");
    }
    const isStatus = change.part === "status";
    const decide = isStatus ? objectToUpdateStatus : objectToUpdate;
    const decided = decide(kind, input, previous.object);
    if (decided === undefined) return this.#unchanged(kind, previous);
    const operation: Operation = isStatus ? "updateStatus" : "update";
    const next = this.#admit(kind, operation, decided, previous.object);
    const type = isReadyToRemove(next) ? "DELETED" : "MODIFIED";
    return this.#write(kind, key, type, next, previous, change);
  }

  #markOrRemove(
    kind: ResourceKind,
    key: string,
    previous: StoredObject,
    options: RemoveOptions,
  ): Decision {
    const { object } = previous;
    options.check?.(object);
    checkPreconditions(kind, object.metadata.name, options, object);
    this.#admission?.({ kind, operation: "delete", object, previous: object }, this.#view);
    if (!isHeld(object)) return this.#write(kind, key, "DELETED", object, previous, options);
    const marked = objectToMarkDeleted(object, formatTime(this.#clock.wallMs()));
    if (marked === undefined) return this.#unchanged(kind, previous);
    return this.#write(kind, key, "MODIFIED", marked, previous, options);
  }

  #normalise(kind: ResourceKind, object: KubeObject): KubeObject {
    const copy = JSON.parse(JSON.stringify(object)) as KubeObject;
    const apiVersion = apiVersionOf(kind);
    if (copy.apiVersion !== apiVersion || copy.kind !== kind.kind) {
      const found = `${copy.apiVersion} ${copy.kind}`;
      throw new StatusError(
        "BadRequest",
        `Cannot store object: it is a ${found}, want ${apiVersion} ${kind.kind}`,
      );
    }
    return copy;
  }

  #admit(
    kind: ResourceKind,
    operation: Operation,
    object: ObjectRecord,
    previous: KubeObject | undefined,
  ): ObjectRecord {
    if (this.#admission === undefined) return object;
    return this.#admission({ kind, operation, object, previous }, this.#view) as ObjectRecord;
  }

  #write(
    kind: ResourceKind,
    key: string,
    type: StoreEvent["type"],
    next: ObjectRecord,
    previous: StoredObject | undefined,
    { dryRun = false }: WriteOptions,
  ): Decision {
    if (dryRun) return { object: next, durable: undefined };
    this.#queue.assertOpen();
    const revision = this.#state.nextRevision();
    const after = this.#stored(kind, key, revision, withRevision(next, revision));
    const event: StoreEvent = {
      revision,
      resource: resourceNameOf(kind),
      type,
      after,
      before: previous,
      atMs: this.#clock.wallMs(),
    };
    const durable = this.#queue.push(event);
    this.#state.decide(event, durable);
    return { object: after.object, durable };
  }

  #stored(kind: ResourceKind, key: string, revision: number, object: ObjectRecord): StoredObject {
    const text = JSON.stringify(object);
    if (text.length > this.#limits.objectLengthMax) {
      const why = `${text.length} characters of JSON, want at most ${this.#limits.objectLengthMax}`;
      throw invalidField(kind, object.metadata.name, "metadata", why);
    }
    return { key, revision, object: rememberText(object, text), text };
  }

  #unchanged(kind: ResourceKind, { key, object }: StoredObject): Decision {
    return { object, durable: this.#state.pending(resourceNameOf(kind), key) };
  }

  #publish(events: readonly StoreEvent[]): void {
    for (const event of events) this.#state.commit(event);
    for (const resource of new Set(events.map((event) => event.resource))) {
      this.#changes.notify(resource);
    }
    if (this.#state.log.count > this.#limits.eventCountMax) this.#compact();
  }

  #compact(): void {
    const oldestMs = this.#clock.wallMs() - this.#limits.eventAgeMsMax;
    this.#state.log.compact(this.#limits.eventCountMax, oldestMs);
  }

  #scheduleCompaction(): Timer {
    return this.#clock.after(Math.max(this.#limits.eventAgeMsMax / 10, 1000), () => {
      this.#compact();
      this.#compaction = this.#scheduleCompaction();
    });
  }

  #admissionView(): AdmissionView {
    return {
      get: (kind, ref) => this.#state.newest(resourceNameOf(kind), keyOf(kind, ref))?.object,
      list: (kind) =>
        [...this.#state.newestRange(resourceNameOf(kind), "", undefined)].map(
          ({ object }) => object,
        ),
    };
  }
}

function checkPreconditions(
  kind: ResourceKind,
  name: string,
  wanted: DeleteOptions,
  { metadata }: KubeObject,
): void {
  for (const [field, word] of [
    ["uid", "UID"],
    ["resourceVersion", "ResourceVersion"],
  ] as const) {
    const want = wanted[field];
    if (want === undefined || want === metadata[field]) continue;
    const why = `Precondition failed: ${word} in precondition: ${want}, ${word} in object meta: ${metadata[field]}`;
    throw conflict(kind, name, why);
  }
}

async function isFulfilled(promise: Promise<void>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
