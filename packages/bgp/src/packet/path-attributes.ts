/**
 * Path attributes of an UPDATE as values (RFC 4271 4.3, 5). The decoder fills them once per
 * distinct attribute block; the RIB keeps one copy and refers to it by id. What this speaker does
 * not know survives in `unknown`.
 */
import type { Asn, Ip, Ip4 } from "@heddle/inet";
import type { PmsiTunnel } from "./pmsi-tunnel.ts";
import type { Tunnel } from "./tunnel-encapsulation.ts";

/** Stands for the next hop of a route that has none: flow specifications (RFC 8955 4). */
export const noNextHop: Ip = 0 as Ip4;

/** RFC 4271 4.3 ORIGIN. */
export const origins = { igp: 0, egp: 1, incomplete: 2 } as const;
export type Origin = (typeof origins)[keyof typeof origins];

/** RFC 4271 4.3 AS_PATH, RFC 5065 3 for the confederation types. */
export interface AsPathSegment {
  readonly type: "set" | "sequence" | "confed-sequence" | "confed-set";
  readonly asns: readonly Asn[];
}

/**
 * An attribute kept as received. `flags` as on the wire; Partial is set when it is passed on (RFC
 * 4271 9).
 */
export interface RawAttribute {
  readonly flags: number;
  readonly type: number;
  /** Owned copy. */
  readonly value: Uint8Array;
}

export interface PathAttributes {
  readonly origin: Origin;
  readonly asPath: readonly AsPathSegment[];
  /**
   * Of NEXT_HOP, or the global address of MP_REACH_NLRI; the link-local one (RFC 2545 3) is
   * `linkLocalNextHop`. {@link noNextHop} where the family has none.
   */
  readonly nextHop: Ip;
  readonly linkLocalNextHop?: Ip;
  readonly med?: number;
  readonly localPref?: number;
  readonly atomicAggregate: boolean;
  readonly aggregator?: { readonly asn: Asn; readonly address: Ip4 };
  /** RFC 1997, each uint32. */
  readonly communities: readonly number[];
  /** RFC 4360, each uint64. */
  readonly extendedCommunities: readonly bigint[];
  /** RFC 8092. */
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  /** RFC 4456. */
  readonly originatorId?: Ip4;
  readonly clusterList: readonly Ip4[];
  /** RFC 9234 5: the AS that sent the route to a customer or peer first. */
  readonly onlyToCustomer?: Asn;
  /** RFC 6514 5, RFC 7432 11.2. */
  readonly pmsiTunnel?: PmsiTunnel;
  /** RFC 9012 2; at least one. */
  readonly tunnels?: readonly Tunnel[];
  /** RFC 5701, each 20 octets as one number; at least one. */
  readonly ipv6ExtendedCommunities?: readonly bigint[];
  /** RFC 7311: the accumulated IGP metric, uint64; only of sessions where it is enabled. */
  readonly aigp?: bigint;
  /** RFC 7311 3: TLVs of other types, as received; only with `aigp`. Passed on. */
  readonly aigpUnknownTlvs?: Uint8Array;
  /**
   * Types of known attributes that somebody on the way did not understand (Partial bit); at least
   * one, ascending. They are passed on with the bit (RFC 4271 5).
   */
  readonly partial?: readonly number[];
  readonly unknown: readonly RawAttribute[];
}
