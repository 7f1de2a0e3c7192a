/**
 * Empties namespaces that are being deleted. Admission gives every Namespace a finalizer, so its
 * deletion only marks it; this takes away what is in it, and then the finalizer.
 */
import { type KubeObject, type Namespace, namespaceKind, type ResourceKind } from "@heddle/api";
import { isStatus, type Store, type VersionedStore } from "@heddle/kube";
import type { Clock, Log, Timer } from "@heddle/std";
import { namespaceFinalizer } from "../rest/admission.ts";

/** Objects that other finalizers hold are looked at again this often. */
const retryMs = 2_000;

export interface NamespaceCollectorOptions {
  readonly store: VersionedStore;
  readonly kinds: readonly ResourceKind[];
  readonly clock: Clock;
  readonly log: Log;
}

export class NamespaceCollector implements AsyncDisposable {
  readonly #options: NamespaceCollectorOptions;
  readonly #stop: AbortController = new AbortController();
  readonly #dirty: Set<string> = new Set();
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  readonly #watching: Promise<void>;

  constructor(options: NamespaceCollectorOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#timer?.cancel();
    await this.#watching;
    await this.#work;
  }

  async #watch(): Promise<void> {
    const { store } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { items, resourceVersion } = await store.list(namespaceKind);
      for (const namespace of items) this.#see(namespace);
      try {
        for await (const event of store.watch(namespaceKind, { resourceVersion, signal })) {
          if (event.type !== "BOOKMARK" && event.type !== "DELETED") this.#see(event.object);
        }
        return;
      } catch (error) {
        if (!isStatus(error, "Expired")) throw error;
      }
    }
  }

  #see({ metadata: { name, deletionTimestamp } }: Namespace): void {
    if (deletionTimestamp === undefined || this.#dirty.has(name)) return;
    this.#dirty.add(name);
    this.#schedule();
  }

  #schedule(): void {
    this.#work = this.#work.then(() => this.#collectAll());
  }

  async #collectAll(): Promise<void> {
    for (const name of this.#dirty) {
      if (this.#stop.signal.aborted) return;
      try {
        if (await this.#collect(name)) this.#dirty.delete(name);
      } catch (error) {
        this.#options.log.warn("a namespace could not be emptied; it is tried again", {
          name,
          error,
        });
      }
    }
    if (this.#dirty.size === 0 || this.#stop.signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(retryMs, () => this.#schedule());
  }

  /** True when the namespace is gone. */
  async #collect(namespace: string): Promise<boolean> {
    const { store, kinds } = this.#options;
    let remaining = 0;
    for (const kind of kinds) {
      if (!kind.namespaced) continue;
      const { items } = await store.list<KubeObject>(kind, { namespace });
      for (const { metadata } of items) await removeIfThere(store, kind, metadata.name, namespace);
      remaining += (await store.list<KubeObject>(kind, { namespace, limit: 1 })).items.length;
    }
    if (remaining > 0) return false;
    await this.#release(namespace);
    return true;
  }

  async #release(name: string): Promise<void> {
    const { store } = this.#options;
    const apply = (namespace: KubeObject): KubeObject => {
      const { finalizers, resourceVersion: _, ...metadata } = namespace.metadata;
      const left = finalizers?.filter((finalizer) => finalizer !== namespaceFinalizer);
      return {
        ...namespace,
        metadata: { ...metadata, ...(left === undefined ? {} : { finalizers: left }) },
      };
    };
    try {
      await store.modify(namespaceKind, { name }, { part: "object", apply });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}

async function removeIfThere(
  store: Store,
  kind: ResourceKind,
  name: string,
  namespace: string,
): Promise<void> {
  try {
    await store.delete(kind, { name, namespace });
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error;
  }
}
