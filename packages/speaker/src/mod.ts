/**
 * TCP, timers and BFD around the BGP engine, and the kernel's routes from its Loc-RIB.
 * @module
 */
// Sessions, BFD and the speaker.
export type { BfdState } from "./bfd/packet.ts";
export type {
  AnnounceOptions,
  BfdPeerConfig,
  GracefulRestartConfig,
  ListenAddress,
  PeerConfig,
  PeerKind,
  SessionTimers,
  SpeakerConfig,
} from "./config.ts";
export {
  defaultGracefulRestart,
  defaultHoldTimeMs,
  defaultListen,
  defaultSessionTimers,
} from "./config.ts";
export type { SpeakerErrorCode } from "./errors.ts";
export { SpeakerError } from "./errors.ts";
// The kernel's routes.
export type { FibStatus, KernelFibConfig, KernelFibDeps } from "./fib/kernel-fib.ts";
export { KernelFib } from "./fib/kernel-fib.ts";
export type { FibSink } from "./fib-sink.ts";
export { noFib } from "./fib-sink.ts";
export type { Route, RoutesFilter, SpeakerDeps } from "./speaker.ts";
export { Speaker } from "./speaker.ts";
export type { GracefulRestartStatus, PeerStatus } from "./status.ts";
