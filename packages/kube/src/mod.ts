/**
 * Access to objects, wherever they are kept.
 * @module
 */
export type { StoredObject, StoreEvent } from "./event-log.ts";
export { formatTime } from "./format-time.ts";
// Over the network.
export type { HttpLimits } from "./http-connection.ts";
export { defaultHttpLimits } from "./http-connection.ts";
export { HttpStore } from "./http-store.ts";
export type { InformerChange, InformerOptions } from "./informer.ts";
export { Informer } from "./informer.ts";
export type { Journal, JournalEntry } from "./journal.ts";
export type { ClusterAccess } from "./kubeconfig.ts";
export { KubeconfigError, readKubeconfig } from "./kubeconfig.ts";
export type { LabelTerm, LabelTerms } from "./label-selector.ts";
export { matchesLabelTerms, parseLabelSelector } from "./label-selector.ts";
export type { LeaderElectorOptions } from "./leader-election.ts";
export { LeaderElector } from "./leader-election.ts";
export type { MemoryStoreOptions } from "./memory-store.ts";
export { MemoryStore } from "./memory-store.ts";
export { jsonTextOf, rememberText } from "./object-text.ts";
export { alreadyExists, conflict, expired, notFound, resourceNameOf } from "./refusals.ts";
export type {
  StatusCause,
  StatusErrorOptions,
  StatusReason,
  StatusSubject,
} from "./status-error.ts";
export { isStatus, StatusError, statusReasons } from "./status-error.ts";
export type {
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectRef,
  Store,
  WatchEvent,
  WatchOptions,
} from "./store.ts";
export { parseRevision } from "./store-keys.ts";
export type {
  Admission,
  AdmissionRequest,
  AdmissionView,
  ObjectChange,
  RemoveOptions,
  RevisionListOptions,
  StoreLimits,
  VersionedStoreOptions,
  WriteOptions,
} from "./store-options.ts";
export { defaultStoreLimits } from "./store-options.ts";
export type { StoreSnapshot } from "./store-state.ts";
export { uuidFrom } from "./uuid.ts";
export { VersionedStore } from "./versioned-store.ts";
export type { WorkQueueOptions } from "./work-queue.ts";
export { WorkQueue } from "./work-queue.ts";
