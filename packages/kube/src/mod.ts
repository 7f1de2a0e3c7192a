/**
 * Access to objects, wherever they are kept.
 * @module
 */
export type { StatusCause, StatusReason } from "./status-error.ts";
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
