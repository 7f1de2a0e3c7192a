/** What the speaker tells about its peers. */
import type { AddressFamily, RibPeerCounts, SessionStateKind } from "@heddle/bgp";
import type { Asn, Ip, Ip4 } from "@heddle/inet";
import type { BfdState } from "./bfd/packet.ts";
import type { PeerKind } from "./config.ts";

export interface PeerStatus {
  readonly address: Ip;
  readonly asn: Asn;
  readonly kind: PeerKind;
  readonly state: SessionStateKind;
  /** Since the session became Established; 0 while it is not. */
  readonly uptimeMs: number;
  /** Times that the session became Established. */
  readonly establishedCount: number;
  /** Of the session; empty while there is none. */
  readonly families: readonly AddressFamily[];
  /** The peer's BGP Identifier, once known. */
  readonly routerId: Ip4 | undefined;
  readonly counts: ReadonlyMap<AddressFamily, RibPeerCounts>;
  /** Negotiated; while there is no session, what we propose. */
  readonly holdTimeMs: number;
  /** Octets written that the peer has not taken; bounded. */
  readonly sendQueueLength: number;
  /** Why the last session or attempt ended. */
  readonly lastError: { readonly message: string; readonly atWallMs: number } | undefined;
  /** Undefined without BFD. */
  readonly bfd: BfdState | undefined;
  readonly gracefulRestart: GracefulRestartStatus;
}

export interface GracefulRestartStatus {
  /** Both sides announced it. */
  readonly negotiated: boolean;
  /** The peer is away or back without End-of-RIB, and its routes of these families are kept. */
  readonly staleFamilies: readonly AddressFamily[];
}
