/** What the speaker tells about its peers. */
import type {
  AddressFamily,
  BgpRole,
  DiscardCounts,
  RibPeerCounts,
  SessionStateKind,
} from "@heddle/bgp";
import type { Asn, Ifindex, Ip, Ip4 } from "@heddle/inet";
import type { BfdState } from "./bfd/packet.ts";
import type { PeerKind } from "./config.ts";
import type { MessageCounts, SentCounts } from "./peer/message-counters.ts";

export interface PeerStatus {
  readonly address: Ip;
  /** Where the peer's link-local address belongs; undefined for any other. */
  readonly ifindex: Ifindex | undefined;
  /** Of the session, or as configured without one. */
  readonly asn: Asn;
  readonly kind: PeerKind;
  /** Name of the range that the peer connected from; undefined for a configured peer. */
  readonly dynamic: string | undefined;
  /** What the peer's certificate calls it; undefined over plain TCP or without a session. */
  readonly certificateName: string | undefined;
  readonly state: SessionStateKind;
  /** Why there is no session, as far as it is known; undefined while there is one. */
  readonly reason: string | undefined;
  /** Since the session became Established; 0 while it is not. */
  readonly uptimeMs: number;
  /** Times that the session became Established. */
  readonly establishedCount: number;
  /** Of the session; empty while there is none. */
  readonly families: readonly AddressFamily[];
  /** The peer's BGP Identifier, once known. */
  readonly routerId: Ip4 | undefined;
  readonly counts: ReadonlyMap<AddressFamily, RibPeerCounts>;
  /** What of its routes was thrown away for their form (RFC 7606), over all sessions. */
  readonly discards: DiscardCounts;
  /** Route refreshes asked of the peer (RFC 2918), where RFC 7313 makes an answer known. */
  readonly unansweredRefreshes: readonly UnansweredRefresh[];
  /** Families that have come near `prefixCountMax`. */
  readonly prefixWarnings: readonly AddressFamily[];
  /** Negotiated; while there is no session, what we propose. */
  readonly holdTimeMs: number;
  /** Between our KEEPALIVEs, before jitter. */
  readonly keepaliveMs: number;
  /** Octets written that the peer has not taken; bounded. */
  readonly sendQueueLength: number;
  /** How long the peer has taken less than there is for it; undefined when it keeps up. */
  readonly slowForMs: number | undefined;
  readonly messages: { readonly received: MessageCounts; readonly sent: SentCounts };
  /** RFC 4271 8: attempts that failed since the last start. */
  readonly connectRetryCounter: number;
  /** What the back-off counts (DampPeerOscillations). */
  readonly failureCount: number;
  /** Why the last session or attempt ended. */
  readonly lastError: PeerFailure | undefined;
  /** Why the last session that was Established ended. */
  readonly lastLoss: PeerFailure | undefined;
  /** Undefined without BFD. */
  readonly bfd: BfdState | undefined;
  readonly gracefulRestart: GracefulRestartStatus;
  /** Undefined while there is no session. */
  readonly capabilities: CapabilityStatus | undefined;
}

export interface PeerFailure {
  /** Who ended it: a NOTIFICATION of the peer's, one of ours, or neither. */
  readonly direction: "received" | "sent" | "local";
  readonly message: string;
  /** Of the NOTIFICATION. */
  readonly code?: number;
  readonly subcode?: number;
  readonly atWallMs: number;
}

export interface GracefulRestartStatus {
  /** Both sides announced it. */
  readonly negotiated: boolean;
  /** The peer is away or back without End-of-RIB, and its routes of these families are kept. */
  readonly staleFamilies: readonly AddressFamily[];
  /** Of them, those past the restart time (RFC 9494). */
  readonly longLivedFamilies: readonly AddressFamily[];
}

/** What a session does beyond RFC 4271. */
export interface CapabilityStatus {
  readonly fourOctetAs: boolean;
  readonly extendedMessage: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly addPathReceive: readonly AddressFamily[];
  readonly addPathSend: readonly AddressFamily[];
  readonly extendedNextHop: readonly AddressFamily[];
  readonly longLived: readonly AddressFamily[];
  readonly bfdStrict: boolean;
  readonly peerRole: BgpRole | undefined;
  readonly peerHostname: string | undefined;
  /** Families that the peer is sending again, delimited (RFC 7313). */
  readonly refreshing: readonly AddressFamily[];
}

export interface UnansweredRefresh {
  readonly family: AddressFamily;
  /** Since when. */
  readonly askedAtWallMs: number;
}
