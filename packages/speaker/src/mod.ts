/**
 * TCP, timers and BFD around the BGP engine, and the kernel's routes from its Loc-RIB.
 * @module
 */
// Sessions, BFD and the speaker.
export type { BfdState } from "./bfd/packet.ts";
export type { BmpExporterDeps, BmpStationStatus } from "./bmp/bmp-exporter.ts";
export { BmpExporter } from "./bmp/bmp-exporter.ts";
export type { BmpIdentity, BmpStationConfig, BmpView } from "./bmp/config.ts";
export { bmpViews } from "./bmp/config.ts";
export type { CaptureOptions } from "./capture/capture.ts";
export { Capture } from "./capture/capture.ts";
export { checkConfig } from "./check-config.ts";
export type {
  AnnounceOptions,
  AsnRange,
  BfdPeerConfig,
  DynamicPeersConfig,
  GracefulRestartConfig,
  ListenAddress,
  PeerConfig,
  PeerKind,
  PeerTemplate,
  SessionTimers,
  SpeakerConfig,
  UnnumberedPeerConfig,
} from "./config.ts";
export {
  defaultGracefulRestart,
  defaultHoldTimeMs,
  defaultListen,
  defaultLongLivedTimeMsMax,
  defaultSessionTimers,
} from "./config.ts";
export type { SpeakerErrorCode } from "./errors.ts";
export { SpeakerError } from "./errors.ts";
// The kernel's routes.
export type { FibStatus, KernelFibConfig, KernelFibDeps } from "./fib/kernel-fib.ts";
export { KernelFib } from "./fib/kernel-fib.ts";
export type { FibSink, RouteSink } from "./fib-sink.ts";
export { noFib } from "./fib-sink.ts";
export type {
  Endpoint,
  MessageDirection,
  ObservedSession,
  SessionEnd,
  SpeakerObserver,
} from "./observe/observer.ts";
export type { MessageCounts, SentCounts } from "./peer/message-counters.ts";
export type { PeerName } from "./peer/peer-name.ts";
export type { RecordingOptions } from "./peer/session-recorder.ts";
export type {
  PeerIdentity,
  Route,
  RoutesFilter,
  SpeakerDeps,
} from "./speaker.ts";
export { Speaker } from "./speaker.ts";
export type {
  CapabilityStatus,
  GracefulRestartStatus,
  PeerFailure,
  PeerStatus,
} from "./status.ts";
export type { TlsConfig, TlsPeerConfig } from "./tcp/tls.ts";
