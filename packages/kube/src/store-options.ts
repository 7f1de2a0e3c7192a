/** What a versioned store is opened with, and what its writes can be asked for beyond `Store`. */
import type { KubeObject, ResourceKind } from "@heddle/api";
import type { Clock, Rng } from "@heddle/std";
import type { Journal } from "./journal.ts";
import type { DeleteOptions, ListOptions, ObjectRef } from "./store.ts";
import type { StoreSnapshot } from "./store-state.ts";

export interface StoreLimits {
  /** Changes that are kept for watches and continue tokens. */
  readonly eventCountMax: number;
  readonly eventAgeMsMax: number;
  /** Writes that wait for the journal. */
  readonly queueCountMax: number;
  /** A quiet watch gets a bookmark this often. */
  readonly bookmarkIntervalMs: number;
  /** JSON characters of one object. */
  readonly objectLengthMax: number;
}

export const defaultStoreLimits: StoreLimits = {
  eventCountMax: 100_000,
  eventAgeMsMax: 30 * 60_000,
  queueCountMax: 10_000,
  bookmarkIntervalMs: 30_000,
  objectLengthMax: 1_536 * 1024,
};

/** Newest states, durable or not: what admission decides on. */
export interface AdmissionView {
  get(kind: ResourceKind, ref: ObjectRef): KubeObject | undefined;
  list(kind: ResourceKind): readonly KubeObject[];
}

export interface AdmissionRequest {
  readonly kind: ResourceKind;
  readonly operation: "create" | "update" | "updateStatus" | "delete";
  /** The object as it would be stored; for delete the object that goes. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
}

/**
 * Completes and judges a write; returns the object to store (ignored for delete). Runs without
 * waiting.
 * @throws StatusError to refuse it.
 */
export type Admission = (request: AdmissionRequest, view: AdmissionView) => KubeObject;

export interface VersionedStoreOptions {
  readonly journal: Journal;
  readonly snapshot: StoreSnapshot;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly admission?: Admission;
  readonly limits?: Partial<StoreLimits>;
}

export interface WriteOptions {
  /** Decides and answers as usual, and changes nothing. */
  readonly dryRun?: boolean;
}

/** A change of an existing object, computed from its newest state. */
export interface ObjectChange extends WriteOptions {
  readonly part: "object" | "status";
  readonly apply: (current: KubeObject) => KubeObject;
}

export interface RemoveOptions extends DeleteOptions, WriteOptions {
  /** Called with the object before it goes. @throws StatusError to refuse. */
  readonly check?: (current: KubeObject) => void;
}

/** Lists may also be asked for as of a revision. */
export interface RevisionListOptions extends ListOptions {
  readonly exactRevision?: number;
}
