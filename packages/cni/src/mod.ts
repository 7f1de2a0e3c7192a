/**
 * The Container Network Interface, specification 1.1: requests, network configuration, results,
 * errors, and the socket server behind the `heddle-cni` executable.
 * @module
 */
export type { CniArgs } from "./cni-args.ts";
export { parseCniArgs } from "./cni-args.ts";
export type { CniHandler, CniServerOptions } from "./cni-server.ts";
export { CniServer } from "./cni-server.ts";
export type { CniErrorCode, CniErrorDocument } from "./errors.ts";
export { CniError, cniErrorCodes, formatCniError } from "./errors.ts";
export type { Attachment, NetworkConfig } from "./network-config.ts";
export { findCniVersion, parseNetworkConfig } from "./network-config.ts";
export type {
  AddRequest,
  CheckRequest,
  CniRequest,
  DelRequest,
  Envelope,
  GcRequest,
  StatusRequest,
} from "./request.ts";
export { decodeEnvelope, parseRequest } from "./request.ts";
export type { CniDns, CniInterface, CniIp, CniResult, CniRoute } from "./result.ts";
export { chainResult, formatResult } from "./result.ts";
export type { CniVerb, CniVersion } from "./version.ts";
export { cniVerbs, cniVersions, newestCniVersion } from "./version.ts";
