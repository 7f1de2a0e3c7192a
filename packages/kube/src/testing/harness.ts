/** What the conformance suite needs of a store under test, and the objects it works with. */
import {
  type ConfigMap,
  configMapKind,
  type KubeObject,
  type Node,
  type ResourceKind,
} from "@heddle/api";
import type { Store, WatchEvent, WatchOptions } from "../store.ts";

export interface StoreUnderTest extends AsyncDisposable {
  /** Empty but for what a server makes for itself; namespaces `default` and `kube-system` exist. */
  readonly store: Store;
}

export interface ConformanceLimits {
  /** The store forgets changes beyond the newest so many. */
  readonly eventCountMax: number;
  readonly bookmarkIntervalMs: number;
}

/** Opens an empty store with these limits. */
export type OpenStore = (limits: ConformanceLimits) => Promise<StoreUnderTest>;

export const conformanceLimits: ConformanceLimits = { eventCountMax: 64, bookmarkIntervalMs: 40 };

export function configMap(name: string, fields: Partial<ConfigMap> = {}): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    ...fields,
    metadata: { name, namespace: "default", ...fields.metadata },
  };
}

export function node(name: string, fields: Partial<Node> = {}): Node {
  return { apiVersion: "v1", kind: "Node", metadata: { name }, spec: {}, ...fields };
}

/** A watch that is read step by step. */
export class WatchReader<T extends KubeObject> implements AsyncDisposable {
  readonly #abort: AbortController = new AbortController();
  readonly #iterator: AsyncIterator<WatchEvent<T>>;

  constructor(store: Store, kind: ResourceKind<T>, options: Omit<WatchOptions, "signal">) {
    const watch = store.watch(kind, { ...options, signal: this.#abort.signal });
    this.#iterator = watch[Symbol.asyncIterator]();
  }

  /** The next event of any type. */
  async nextEvent(): Promise<WatchEvent<T>> {
    const { value, done } = await this.#iterator.next();
    if (done === true) throw new Error("the watch has ended");
    return value;
  }

  /** The next change, without bookmarks, as `TYPE name`. */
  async next(): Promise<string> {
    for (;;) {
      const event = await this.nextEvent();
      if (event.type !== "BOOKMARK") return `${event.type} ${event.object.metadata.name}`;
    }
  }

  async take(count: number): Promise<string[]> {
    const seen: string[] = [];
    while (seen.length < count) seen.push(await this.next());
    return seen;
  }

  /** Aborts, and waits until the watch has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#iterator.return?.();
  }
}

export function watchConfigMaps(
  store: Store,
  resourceVersion: string,
  selection: { readonly labelSelector?: string; readonly fieldSelector?: string } = {},
): WatchReader<ConfigMap> {
  return new WatchReader(store, configMapKind, {
    resourceVersion,
    namespace: "default",
    ...selection,
  });
}
