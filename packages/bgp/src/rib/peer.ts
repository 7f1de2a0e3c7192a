/** What the RIB knows of a peer: its configuration, and what a session with it negotiated. */
import type { Asn, Ifindex, Ip, Ip4, Ip6 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { CodecContext } from "../packet/context.ts";
import type { Policy } from "../policy/policy.ts";
import type { Ineligible } from "./ineligible.ts";

/**
 * A small integer that names a peer from `addPeer` to `removePeer`; numbers are reused afterwards.
 */
export type PeerIndex = number;

/** This speaker itself: it owns the routes originated here. */
export const localPeer: PeerIndex = 0;

/** How routes of a peer spread (RFC 4271 9.2, RFC 4456 6, RFC 5065 4). */
export type PeerType = "local" | "external" | "confederation" | "internal" | "client";

export interface RibPeer {
  /** Remote address of the session; the last tie-break of the decision process. */
  readonly address: Ip;
  readonly asn: Asn;
  /** RFC 4456: an iBGP peer that is a client of this speaker. Not allowed on eBGP peers. */
  readonly reflectorClient: boolean;
  /** Absent: accept all over iBGP, reject all over eBGP (RFC 8212). */
  readonly importPolicy?: Policy;
  readonly exportPolicy?: Policy;
  /**
   * Own addresses put into NEXT_HOP and MP_REACH_NLRI; a family without one is not announced as
   * next-hop-self.
   */
  readonly nextHop4?: Ip4;
  readonly nextHop6?: Ip6;
  /** iBGP only: announce routes learned by eBGP with an own next hop. eBGP peers always get one. */
  readonly nextHopSelf: boolean;
  /**
   * The interface of a directly connected session; the scope of link-local next hops learned from
   * this peer.
   */
  readonly ifindex?: Ifindex;
  /** Number of prefixes per family above which `receive` reports the peer; absent: no limit. */
  readonly prefixCountMax?: number;
  /**
   * RFC 5065: the peer is in another member AS of our confederation; `RibConfig.confederation` says
   * which one we are. Not with `reflectorClient`.
   */
  readonly confederationMember?: boolean;
  /** RFC 7947: the peer is a client of a route server; paths pass without our AS and next hop. */
  readonly routeServerClient?: boolean;
  /** Our role towards the peer (RFC 9234); absent: no Only-to-Customer procedures. */
  readonly role?: BgpRole;
  /**
   * RFC 7311 3.4.3: what is added to AIGP of a route that the peer is sent with another next hop,
   * uint32, at least 1; default 1.
   */
  readonly aigpMetric?: number;
  /** Most paths per prefix that an add-path session is sent (RFC 7911); default 8, at most 64. */
  readonly addPathSendMax?: number;
  /** Routes of the peer are accepted only where `RibConfig.ownership` says that they are its own. */
  readonly ownRoutesOnly?: boolean;
  /**
   * False: flow specifications of the peer need not agree with unicast routing (RFC 8955 6); for a
   * controller that is trusted.
   */
  readonly flowSpecValidation?: boolean;
}

/** RFC 9234 3.1; ours, seen from here. */
export type BgpRole = "provider" | "rs" | "rs-client" | "customer" | "peer";

/** What the OPEN exchange of an Established session settled. */
export interface RibSession {
  /** Of the session; its families are the ones exchanged. */
  readonly cx: CodecContext;
  /** The peer's BGP Identifier. */
  readonly routerId: Ip4;
  /**
   * The peer's AS, on the same side of ours as `RibPeer.asn`; absent: that of the session before, at
   * first `RibPeer.asn`.
   */
  readonly asn?: Asn;
  /** Longest message the peer takes: 4096, or 65535 with RFC 8654. */
  readonly messageLengthMax: number;
  /** Families in which the peer takes several paths per prefix (RFC 7911); absent: none. */
  readonly addPathSend?: readonly AddressFamily[];
  /** Families in which the peer keeps routes past the restart time (RFC 9494); absent: none. */
  readonly longLived?: readonly AddressFamily[];
}

/** Prefixes of one peer and family. */
export interface RibPeerCounts {
  /** In the Adj-RIB-In, accepted or not. */
  readonly received: number;
  /** Of `received`, those that policy and loop checks let into the decision process. */
  readonly accepted: number;
  /** Of `received`, the others, by what keeps them out. */
  readonly notUsed: ReadonlyMap<Ineligible, number>;
  /** Of `received`, those kept from a session that ended (RFC 4724). */
  readonly stale: number;
  /** In the Adj-RIB-Out once the peer is in sync. */
  readonly advertised: number;
}
