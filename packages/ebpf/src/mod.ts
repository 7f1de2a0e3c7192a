/**
 * eBPF objects as typed resources: maps with generated codecs, programs, links, pins. The agent
 * loads what `bpf/` builds; layouts are compared before anything is attached.
 * @module
 */
export { ensureBpfFs } from "./bpffs.ts";
export type { Btf, BtfMember, BtfType } from "./btf.ts";
export { btfOfObject, decodeBtf } from "./btf.ts";
export type { ValueCodec } from "./codec.ts";
export { getBytes, getText, putBytes, putText, u32Codec } from "./codec.ts";
export type { EbpfErrorCode } from "./errors.ts";
export {
  EbpfError,
  isKernelAtLeast,
  LayoutError,
  requireKernel,
  UnsupportedKernelError,
  VerifierError,
} from "./errors.ts";
export { BpfLink } from "./link.ts";
export { migratePinnedMap } from "./loose-map.ts";
export type { MapSpec } from "./map.ts";
export { BpfMap, BpfPerCpuArray } from "./map.ts";
export type { AnyMapSpec, LoadOptions, ObjectSpec } from "./object.ts";
export { BpfObject } from "./object.ts";
export { BpfProgram } from "./program.ts";
