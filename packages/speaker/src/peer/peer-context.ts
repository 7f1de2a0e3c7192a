import type { Rib } from "@heddle/bgp";
import type { Fd } from "@heddle/native";
import type { Clock, Log, Rng } from "@heddle/std";
import type { BfdHandle, BfdWatcher } from "../bfd/bfd.ts";
import type { GracefulRestartConfig, PeerConfig, SessionTimers } from "../config.ts";
import type { Convergence } from "../convergence.ts";
import type { Observers } from "../observe/observers.ts";
import type { RibDriver } from "../rib-driver.ts";
import type { TlsConfig } from "../tcp/tls.ts";
import type { SpeakerIdentity } from "./session-facts.ts";

/** What all peers of a speaker share. */
export interface PeerContext {
  readonly speaker: SpeakerIdentity;
  readonly gracefulRestart: GracefulRestartConfig | undefined;
  readonly rib: Rib;
  readonly driver: RibDriver;
  /** When routes may be selected and sent. */
  readonly selection: Convergence;
  /** When routes that the kernel had at start and nobody confirmed may go. */
  readonly sweep: Convergence;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly observers: Observers;
  readonly timers: SessionTimers;
  readonly netns: Fd | undefined;
  /** Who we are over TLS, as of now. */
  tls(): TlsConfig | undefined;
  /** Undefined when the peer has no BFD. */
  watchBfd(peer: PeerConfig, watcher: BfdWatcher): BfdHandle | undefined;
}
