/**
 * The seam between whoever keeps objects and whoever uses them: list, watch from a revision,
 * compare-and-swap. Three things implement it: MemoryStore (tests), the API server's SQLite
 * storage, and the HTTP client of any Kubernetes-style API server. One conformance suite
 * (`store-conformance.ts`) runs against all of them.
 */
import type { KubeObject, ResourceKind } from "@heddle/api";

/** Which object. `namespace` is absent for cluster-scoped kinds. */
export interface ObjectRef {
  readonly name: string;
  readonly namespace?: string;
}

export interface ListOptions {
  /** All namespaces when absent. */
  readonly namespace?: string;
  /** Kubernetes label selector text: `app=web,tier in (a,b),!canary`. */
  readonly labelSelector?: string;
  /**
   * Kubernetes field selector text; every store supports metadata.name, metadata.namespace and the
   * paths of the kind.
   */
  readonly fieldSelector?: string;
  /** Largest number of items in one answer. */
  readonly limit?: number;
  /** Token of the previous answer; the list stays at that answer's revision. */
  readonly continueToken?: string;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  /** Watch from here to see every later change exactly once. */
  readonly resourceVersion: string;
  readonly continueToken?: string;
  readonly remainingItemCount?: number;
}

export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Nothing changed up to this revision: a watch may be resumed from here. */
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this revision. */
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
}

export interface DeleteOptions {
  /** Fails with Conflict when the object is another one, or another revision. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Every method rejects with {@link StatusError}; nothing else. */
export interface Store {
  /** @throws StatusError NotFound */
  get<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef): Promise<T>;
  list<T extends KubeObject>(kind: ResourceKind<T>, options?: ListOptions): Promise<ListResult<T>>;
  /**
   * Ends when `signal` aborts. @throws StatusError Expired (410) when the revision was compacted.
   */
  watch<T extends KubeObject>(
    kind: ResourceKind<T>,
    options: WatchOptions,
  ): AsyncIterable<WatchEvent<T>>;
  /**
   * Sets uid, creationTimestamp, generation 1 and resourceVersion. @throws StatusError
   * AlreadyExists, Invalid
   */
  create<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T>;
  /**
   * Replaces everything but status. With `metadata.resourceVersion` it is a compare-and-swap.
   * @throws StatusError Conflict, NotFound, Invalid
   */
  update<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T>;
  /** Replaces status only. @throws StatusError Conflict, NotFound, Invalid */
  updateStatus<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<T>;
  /**
   * Sets deletionTimestamp while finalizers remain; removes the object otherwise. @throws
   * StatusError NotFound, Conflict
   */
  delete<T extends KubeObject>(
    kind: ResourceKind<T>,
    ref: ObjectRef,
    options?: DeleteOptions,
  ): Promise<void>;
}
