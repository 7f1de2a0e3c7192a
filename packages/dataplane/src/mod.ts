/**
 * The data plane of a node: pod interfaces, eBPF programs and tables, uplinks. `WorkerDataplane` is
 * what an agent uses; `InProcessDataplane` is the same in the caller's thread.
 * @module
 */
export type {
  AttachedPod,
  Dataplane,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "./dataplane.ts";
export type { DataplaneErrorCode } from "./dataplane-error.ts";
export { DataplaneError } from "./dataplane-error.ts";
export { InProcessDataplane } from "./in-process-dataplane.ts";
export type { KernelDataplaneOptions } from "./kernel-dataplane.ts";
export { protoHeddle } from "./links/pod-mark.ts";
export type { UplinkAttachment } from "./uplinks.ts";
export type { WorkerDataplaneOptions } from "./worker-dataplane.ts";
export { WorkerDataplane } from "./worker-dataplane.ts";
