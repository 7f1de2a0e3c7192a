/**
 * A copy of all objects of a kind, kept by list and watch.
 *
 * Invariants: `onChange` sees every difference between two states of the copy exactly once and in
 * order, also across a new list after the server has forgotten our revision; before `isSynced`,
 * absence of an object means nothing. It never gives up: after a failure it waits (doubling,
 * jittered, bounded) and goes on from the last revision.
 */
import type { KubeObject, ResourceKind } from "@heddle/api";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import { isStatus } from "./status-error.ts";
import type { ListOptions, ObjectRef, Store } from "./store.ts";

export type InformerChange<T> =
  | { readonly type: "added"; readonly object: T }
  | { readonly type: "updated"; readonly object: T; readonly previous: T }
  | { readonly type: "deleted"; readonly previous: T };

export interface InformerOptions<T extends KubeObject> {
  readonly store: Store;
  readonly kind: ResourceKind<T>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Called after the copy has changed; must not throw. */
  readonly onChange?: (change: InformerChange<T>) => void;
  /** Called when a list is complete, after its changes. */
  readonly onSynced?: () => void;
}

const pageSize = 500;
const retryMinMs = 200;
const retryMaxMs = 10_000;

export class Informer<T extends KubeObject> implements AsyncDisposable {
  readonly #options: InformerOptions<T>;
  readonly #objects: Map<string, T> = new Map();
  readonly #abort: AbortController = new AbortController();
  readonly #running: Promise<void>;
  readonly #syncedOnce: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #revision: string | undefined;
  #isSynced = false;
  #lastError: Error | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Resolves when the first list is in; never rejects. */
  get synced(): Promise<void> {
    return this.#syncedOnce.promise;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** What went wrong last; undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  get(ref: ObjectRef): T | undefined {
    return this.#objects.get(keyOf(ref));
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let failureCount = 0;
    while (!signal.aborted) {
      try {
        if (this.#revision === undefined) await this.#list();
        for await (const _event of this.#watch()) failureCount = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, "Expired")) this.#revision = undefined;
        this.#lastError = error instanceof Error ? error : new Error(String(error));
        const delayMs = this.#delayMs(failureCount);
        failureCount += 1;
        const { kind } = this.#options.kind;
        this.#options.log.warn("watch broke; it goes on", { kind, delayMs, error });
        await this.#sleep(delayMs);
      }
    }
  }

  async #list(): Promise<void> {
    const { store, kind, namespace, labelSelector, fieldSelector } = this.#options;
    const selection = {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
    const found = new Map<string, T>();
    let page: ListOptions = { ...selection, limit: pageSize };
    let revision = "";
    for (;;) {
      const { items, resourceVersion, continueToken } = await store.list(kind, page);
      for (const item of items) found.set(keyOf(item.metadata), item);
      revision = resourceVersion;
      if (continueToken === undefined) break;
      page = { ...selection, limit: pageSize, continueToken };
    }
    for (const key of [...this.#objects.keys()]) if (!found.has(key)) this.#delete(key);
    for (const [key, object] of found) this.#put(key, object);
    this.#revision = revision;
    this.#isSynced = true;
    this.#lastError = undefined;
    this.#syncedOnce.resolve();
    this.#options.onSynced?.();
  }

  /** Yields once per event, after it has been applied. */
  async *#watch(): AsyncIterable<void> {
    const { store, kind, namespace, labelSelector, fieldSelector } = this.#options;
    const events = store.watch(kind, {
      resourceVersion: this.#revision as string,
      signal: this.#abort.signal,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    });
    for await (const event of events) {
      this.#lastError = undefined;
      if (event.type === "BOOKMARK") {
        this.#revision = event.resourceVersion;
      } else {
        const key = keyOf(event.object.metadata);
        if (event.type === "DELETED") this.#delete(key);
        else this.#put(key, event.object);
        this.#revision = event.object.metadata.resourceVersion;
      }
      yield;
    }
  }

  #put(key: string, object: T): void {
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    if (previous === undefined) this.#options.onChange?.({ type: "added", object });
    else if (previous.metadata.resourceVersion !== object.metadata.resourceVersion) {
      this.#options.onChange?.({ type: "updated", object, previous });
    }
  }

  #delete(key: string): void {
    const previous = this.#objects.get(key);
    if (previous === undefined) return;
    this.#objects.delete(key);
    this.#options.onChange?.({ type: "deleted", previous });
  }

  /**
   * Between half and the whole of the doubled delay, so that many clients do not come back at once.
   */
  #delayMs(failureCount: number): number {
    const fullMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failureCount, 10));
    return Math.round(fullMs / 2 + ((this.#options.rng.uint32() / 2 ** 32) * fullMs) / 2);
  }

  #sleep(delayMs: number): Promise<void> {
    const { signal } = this.#abort;
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const done = (): void => {
        timer?.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      timer = this.#options.clock.after(delayMs, done);
      signal.addEventListener("abort", done);
    });
  }
}

function keyOf(ref: ObjectRef): string {
  return ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
}
