import type { LocRibChange, RouteChange } from "@heddle/bgp";

/** Where the Loc-RIB goes: the kernel's routing table, or nowhere for a route server. */
export interface FibSink {
  /**
   * Makes the forwarding state equal to `changes`: each replaces what its prefix had, and no next
   * hops means no route. The next call comes after the promise is settled; a rejection is a fault
   * of the sink, not of a route.
   */
  apply(changes: readonly LocRibChange[]): Promise<void>;
  /**
   * All peers have sent what they have (or the wait for them is over), and `apply` has had all of
   * it: routes found at start that were not confirmed since are to go (RFC 4724 4.1). Called once.
   */
  converged(): Promise<void>;
}

/** Takes everything and does nothing. */
export const noFib: FibSink = {
  async apply(): Promise<void> {},
  async converged(): Promise<void> {},
};

/** Where the best routes of `SpeakerConfig.watchedFamilies` go: whoever makes VRFs of them. */
export interface RouteSink {
  /** Each change replaces what its key had. The next call comes after the promise is settled. */
  apply(changes: readonly RouteChange[]): Promise<void>;
}
