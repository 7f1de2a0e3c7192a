/**
 * Compiles what a node knows (its pods, its blocks, its own addresses) into what its data plane
 * holds. Pure: no I/O, no clock; the same input gives the same output, in whatever order it
 * arrived.
 * @module
 */
export { nativeVrf } from "./claim.ts";
export { compile } from "./compile.ts";
export type {
  DataplaneState,
  RouteEntry,
  RouteKey,
  RouteTarget,
  Translation,
  VifEntry,
} from "./dataplane-state.ts";
export {
  emptyDataplaneState,
  equalTargets,
  equalVifs,
  formatRoute,
  formatVif,
  routeKey,
} from "./dataplane-state.ts";
export type { Endpoint, NodeState, OwnBlock } from "./node-state.ts";
export { emptyNodeState } from "./node-state.ts";
export type { Op } from "./plan.ts";
export { formatOp, plan } from "./plan.ts";
export { VRouter } from "./vrouter.ts";
