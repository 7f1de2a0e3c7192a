/** Configuration of a speaker; `check-config.ts` makes the checks that no type can. */
import {
  type AddPathOffer,
  type AddressFamily,
  type BgpRole,
  bgpPort,
  type LocalAttributes,
  type LongLivedTime,
  type MultipathConfig,
  type Policy,
  type RouteOwnership,
} from "@heddle/bgp";
import type { Asn, Ifindex, Ip, Ip4, Ip6, Prefix } from "@heddle/inet";
import type { TlsConfig, TlsPeerConfig } from "./tcp/tls.ts";

export interface SpeakerConfig {
  /** Our AS; with `confederation`, our member AS. */
  readonly asn: Asn;
  /** BGP Identifier; not 0. */
  readonly routerId: Ip4;
  /** RFC 4456; `routerId` when absent. */
  readonly clusterId?: Ip4;
  /** RFC 5065: the AS that the confederation is to the outside. */
  readonly confederation?: { readonly identifier: Asn };
  readonly families: readonly AddressFamily[];
  /** Where connections are accepted; empty: nowhere. */
  readonly listen: readonly ListenAddress[];
  /** Who we are to peers over TLS. */
  readonly tls?: TlsConfig;
  readonly peers: readonly PeerConfig[];
  /** Peers that are not known before they connect. */
  readonly dynamicPeers?: readonly DynamicPeersConfig[];
  /** Peers at the other end of a link, whatever their address is. */
  readonly unnumberedPeers?: readonly UnnumberedPeerConfig[];
  readonly multipath: MultipathConfig;
  readonly gracefulRestart?: GracefulRestartConfig;
  readonly timers?: Partial<SessionTimers>;
  /** Name of this system for the peers' operators (FQDN capability); at most 64 octets. */
  readonly hostname?: string;
  /** False for a route server or reflector: the Loc-RIB is not handed to the sink; default true. */
  readonly forwarding?: boolean;
  /** Families that are not plain unicast whose best routes go to `SpeakerDeps.routes`. */
  readonly watchedFamilies?: readonly AddressFamily[];
  /** Who may announce what; asked for peers with `ownRoutesOnly`. */
  readonly ownership?: RouteOwnership;
}

export interface ListenAddress {
  readonly address: Ip;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Connections are TLS, of peers with `tls`; default plain TCP, of those without. */
  readonly tls?: boolean;
}

/** Both wildcard addresses at the port of BGP. */
export const defaultListen: readonly ListenAddress[] = [
  { address: 0 as Ip4, port: bgpPort },
  { address: 0n as Ip6, port: bgpPort },
];

/** RFC 4724, in both roles; it is in force with peers that announce it, too. */
export interface GracefulRestartConfig {
  /** How long peers shall keep our routes while we are away; whole seconds up to 4095 s. */
  readonly restartTimeMs: number;
  /**
   * The speaker was restarted and the kernel has forwarded meanwhile: selection waits until the
   * peers have sent their tables, and they are asked to keep what we announced.
   */
  readonly restarting: boolean;
  /**
   * Addresses of peers by range that had a session before the restart: they are waited for as the
   * configured ones are. Nobody, when absent: peers by range are not known before they connect.
   */
  readonly formerPeers?: readonly Ip[];
  /** Longest wait for the peers' End-of-RIB (Selection_Deferral_Timer). */
  readonly deferralMs: number;
  /** Longest a returned peer's old routes are kept for its End-of-RIB. */
  readonly staleTimeMs: number;
  /**
   * RFC 9494: families whose routes peers shall keep past the restart time, and for how long; whole
   * seconds, less than 2^24. We keep theirs no longer either, whatever they ask.
   */
  readonly longLived?: readonly LongLivedTime[];
  /** Bound of these times where we keep a peer's routes; default 24 hours. */
  readonly longLivedTimeMsMax?: number;
  /**
   * RFC 9494 4.6, while some routers of the AS or confederation do not know such routes: those get
   * them, too, with NO_EXPORT, and everybody inside with LOCAL_PREF 0; default false.
   */
  readonly longLivedPartial?: boolean;
}

export const defaultLongLivedTimeMsMax = 86_400_000;

export const defaultGracefulRestart: GracefulRestartConfig = {
  restartTimeMs: 120_000,
  restarting: false,
  deferralMs: 30_000,
  staleTimeMs: 180_000,
};

/**
 * A fabric peer is a leaf in another AS; a reflector session stays inside the AS, on either side of
 * it.
 */
export type PeerKind = "fabric" | "reflector";

export interface PeerConfig extends PeerTemplate {
  /** Remote address; the identity of the peer. */
  readonly address: Ip;
}

/** Both ends belong to it. */
export interface AsnRange {
  readonly first: Asn;
  readonly last: Asn;
}

/** All of a peer but its address. */
export interface PeerTemplate {
  /** Remote port when we initiate; default 179. */
  readonly port?: number;
  readonly asn: Asn;
  /**
   * ASes that the peer may have instead of `asn`, as its OPEN says: `external` any but ours. Fabric
   * peers only.
   */
  readonly otherAsns?: readonly AsnRange[] | "external";
  readonly kind: PeerKind;
  readonly families: readonly AddressFamily[];
  readonly localAddress?: Ip;
  /** The interface of a directly connected peer: scope of link-local addresses, and of BFD. */
  readonly ifindex?: Ifindex;
  /** Own next hop in IPv4 NLRI; default: `localAddress` when that is IPv4. */
  readonly nextHop4?: Ip4;
  /** Own next hop in IPv6 NLRI; default: `localAddress` when that is IPv6. */
  readonly nextHop6?: Ip6;
  /** Over iBGP, announce routes of other ASes with an own next hop; eBGP always does. */
  readonly nextHopSelf?: boolean;
  /** RFC 8950: take and send IPv4 routes with IPv6 next hops where the peer can. */
  readonly extendedNextHop?: boolean;
  /** Absent: nothing over eBGP (RFC 8212), all over iBGP. */
  readonly importPolicy?: Policy;
  /** Absent: nothing over eBGP (RFC 8212), all over iBGP. */
  readonly exportPolicy?: Policy;
  /** RFC 4456: the peer is our client. Reflector sessions only. */
  readonly reflectorClient?: boolean;
  /** RFC 7947: the peer is a client of this route server. Other ASes only. */
  readonly routeServerClient?: boolean;
  /** RFC 5065: the peer is in another member AS of our confederation. */
  readonly confederationMember?: boolean;
  /** Our role towards the peer (RFC 9234). Other ASes only. */
  readonly role?: BgpRole;
  /** RFC 9234 4.2: refuse a peer that names no role. */
  readonly strictRole?: boolean;
  /**
   * RFC 7911, per family; absent: neither direction. (FRR 8.4 says that it receives several paths
   * to flow specifications, and resets the session for the first that comes.)
   */
  readonly addPath?: readonly AddPathOffer[];
  /** Most paths per prefix sent to an add-path peer, 1 to 64; default 8. */
  readonly addPathSendMax?: number;
  /**
   * AIGP (RFC 7311) is taken from the peer and sent to it; default inside the AS and confederation
   * only. Elsewhere it is for one administration that runs several ASes.
   */
  readonly aigp?: boolean;
  /** Added to AIGP of what the peer is sent with another next hop, 1 to 2^32 - 1; default 1. */
  readonly aigpMetric?: number;
  /**
   * False: flow specifications of the peer need not agree with unicast routing (RFC 8955 6), for a
   * controller that is trusted; default true.
   */
  readonly flowSpecValidation?: boolean;
  /** The peer may announce only what `SpeakerConfig.ownership` says is its own. */
  readonly ownRoutesOnly?: boolean;
  /** Proposed hold time; 0, or whole seconds from 3 s; default 9 s. */
  readonly holdTimeMs?: number;
  /**
   * Between KEEPALIVEs, at most a third of the hold time, and shortened to a third of the
   * negotiated one; default that third.
   */
  readonly keepaliveMs?: number;
  /** Offer graceful restart to this peer; default true where the speaker has it configured. */
  readonly gracefulRestart?: boolean;
  /** Never initiate. */
  readonly passive?: boolean;
  /** DelayOpenTime (RFC 4271 8.1.1): how long our OPEN waits for the peer's; default not at all. */
  readonly delayOpenMs?: number;
  /** AllowAutomaticStart: false waits for `Speaker.enablePeer`; default true. */
  readonly automaticStart?: boolean;
  /**
   * CollisionDetectEstablishedState: a colliding connection may replace an Established session;
   * default false.
   */
  readonly collisionDetectEstablished?: boolean;
  /** RFC 2385 password, 1 to 80 octets. Never logged. */
  readonly md5?: string;
  /** RFC 5082: the peer is one hop away and proves it with TTL 255. Both sides must have it. */
  readonly ttlSecurity?: boolean;
  /** The session runs inside TLS 1.3; not with `md5` or `ttlSecurity`. */
  readonly tls?: TlsPeerConfig;
  /** Needs `localAddress` for a peer that is configured by its address. */
  readonly bfd?: BfdPeerConfig;
  /** Prefixes per family above which the session is closed with Cease/1; default: no limit. */
  readonly prefixCountMax?: number;
  /** Percentage of `prefixCountMax` above which the log and the status warn, 1 to 99. */
  readonly prefixWarningPercent?: number;
  /**
   * How long a peer that was closed for its prefixes stays down; `never` waits for
   * `Speaker.enablePeer`; default: the back-off of any failure.
   */
  readonly prefixRestartMs?: number | "never";
  /**
   * Why the peer is held down although configured, for example a password that cannot be read;
   * shown in the status.
   */
  readonly heldDown?: string;
}

/** Peers by address range: whoever connects from it becomes a peer of this description. */
export interface DynamicPeersConfig {
  /** For people, unique. */
  readonly name: string;
  readonly prefix: Prefix;
  /** They connect to us: `passive` is implied; no `heldDown` or `port`. */
  readonly template: PeerTemplate;
  /** Peers of the range at a time, 1 to 10000. */
  readonly peerCountMax: number;
  /** A peer without a session for so long is forgotten; default 5 minutes. */
  readonly idleTimeMs?: number;
}

export const defaultDynamicIdleTimeMs = 300_000;

/**
 * The router at the other end of a point-to-point link is the peer, over link-local addresses that
 * both learn by Router Advertisements (RFC 4861); IPv4 routes need `extendedNextHop`.
 */
export interface UnnumberedPeerConfig {
  /** Of the interface, for people. */
  readonly name: string;
  readonly ifindex: Ifindex;
  /** Without addresses, `ifindex` and `heldDown`. */
  readonly template: PeerTemplate;
  /** Between our Router Advertisements; default 10 s. */
  readonly advertisementIntervalMs?: number;
}

export const defaultAdvertisementIntervalMs = 10_000;

/** RFC 5880 timers of one session. */
export interface BfdPeerConfig {
  /** Desired Min TX Interval once Up; default 300 ms. */
  readonly txIntervalMs?: number;
  /** Required Min RX Interval; default 300 ms. */
  readonly rxIntervalMs?: number;
  /** Packets missed before the session is down; default 3. */
  readonly detectMultiplier?: number;
  /**
   * draft-ietf-idr-bgp-bfd-strict-mode: where the peer offers it too, the session does not come up
   * before BFD; default false, which brings BGP up on its own.
   */
  readonly strict?: boolean;
  /**
   * RFC 5883: the peer is not on our own link, and at most so many links away, 1 to 255; absent: it
   * is on our link (RFC 5881).
   */
  readonly hopCountMax?: number;
}

export const defaultHoldTimeMs = 9000;

export interface SessionTimers {
  /** Before a connection attempt is given up and made again. */
  readonly connectRetryMs: number;
  /**
   * Back-off of a peer after a failure: first, and its limit; doubled by each failure, jittered
   * (DampPeerOscillations).
   */
  readonly idleHoldMinMs: number;
  readonly idleHoldMaxMs: number;
  /** Each such time that a session holds halves what the failures before it count. */
  readonly idleHoldDecayMs: number;
  /** Longest wait for the peer's OPEN (RFC 4271 8.2.2 suggests 4 minutes). */
  readonly openHoldMs: number;
  /** Longest wait for BFD in strict mode where no hold time bounds it. */
  readonly bfdHoldMs: number;
  /** Least time that a peer may take nothing of what we send (RFC 9687 suggests 8 minutes). */
  readonly sendHoldMinMs: number;
  /** Longest wait for the end of a refresh that the peer began (RFC 7313 4). */
  readonly refreshStaleMs: number;
  /** A peer that has not begun to answer a refresh by then counts as one that does not. */
  readonly refreshAnswerMs: number;
  /** Longest wait for a peer's route target memberships (RFC 4684 6 suggests 60 s). */
  readonly membershipWaitMs: number;
}

export const defaultSessionTimers: SessionTimers = {
  connectRetryMs: 5000,
  idleHoldMinMs: 1000,
  idleHoldMaxMs: 15_000,
  idleHoldDecayMs: 15_000,
  openHoldMs: 60_000,
  bfdHoldMs: 30_000,
  sendHoldMinMs: 480_000,
  refreshStaleMs: 360_000,
  refreshAnswerMs: 30_000,
  membershipWaitMs: 60_000,
};

/** Attributes of an announced prefix; absent ones take their defaults. */
export type AnnounceOptions = LocalAttributes;
