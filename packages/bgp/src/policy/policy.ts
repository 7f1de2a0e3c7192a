/**
 * Routing policy as data: an ordered list of terms, tried one after the other. A term whose
 * conditions all hold accepts, rejects, or changes the route and lets the next terms see it as
 * changed (`continue`). It is a closed language without loops or callbacks, so it can be checked,
 * printed, compared and evaluated once per distinct attribute block instead of once per route.
 *
 * What no term decides gets `otherwise`. A session without a policy follows RFC 8212: nothing in
 * either direction over eBGP, everything over iBGP.
 */
import type { Asn, Family, Ip, Prefix, RouteTarget } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { Origin } from "../packet/path-attributes.ts";
import type { AsPathPattern } from "./as-path-pattern.ts";

/**
 * Matches a prefix inside `prefix` whose length is from `ge` to `le`; without both, `prefix`
 * itself.
 */
export interface PrefixRule {
  readonly prefix: Prefix;
  /** Shortest length that matches; `prefix.length` when only `le` is given. */
  readonly ge?: number;
  /** Longest length that matches; the family's width when only `ge` is given. */
  readonly le?: number;
}

/** Inclusive bounds; an absent one does not limit. */
export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}

/** A part of a community that a pattern leaves open. */
export type CommunityPart = number | "any";

/** A community (RFC 1997, uint32), or its two 16-bit halves with parts left open. */
export type CommunityPattern = number | readonly [CommunityPart, CommunityPart];

/** A large community (RFC 8092), each part uint32 or left open. */
export type LargeCommunityPattern = readonly [CommunityPart, CommunityPart, CommunityPart];

/**
 * An extended community (RFC 4360, uint64 in wire order), or those that are equal to `value` in the
 * bits of `mask`.
 */
export type ExtendedCommunityPattern = bigint | { readonly value: bigint; readonly mask: bigint };

/** A condition on the communities of one kind; all fields that are present must hold. */
export interface CommunityMatch<Pattern> {
  /** One of the route's matches one of these. An empty list matches nothing. */
  readonly anyOf?: readonly Pattern[];
  /** Each of these is matched by one of the route's. */
  readonly allOf?: readonly Pattern[];
  /** None of the route's matches any of these. */
  readonly noneOf?: readonly Pattern[];
  /** As `allOf`, and the route has no others. An empty list: no communities of the kind. */
  readonly exactly?: readonly Pattern[];
}

/** All conditions that are present must hold; an empty condition list matches everything. */
export interface PolicyMatch {
  /**
   * Any of the rules; an empty list matches nothing. Of a VPN route the prefix behind the route
   * distinguisher counts, of an EVPN route the address or prefix it carries, of a flow
   * specification its destination. A route without any matches nothing.
   */
  readonly prefixes?: readonly PrefixRule[];
  /** Unicast, VPN and flow specifications of the IP version; EVPN belongs to neither. */
  readonly family?: Family;
  readonly families?: readonly AddressFamily[];
  /** Route types of RFC 7432 7 and RFC 9136 3; no route of another family matches. */
  readonly evpnRouteTypes?: readonly number[];
  /** A list means any of it. */
  readonly communities?: readonly number[] | CommunityMatch<CommunityPattern>;
  readonly extendedCommunities?: CommunityMatch<ExtendedCommunityPattern>;
  readonly largeCommunities?: CommunityMatch<LargeCommunityPattern>;
  /** Any of these. */
  readonly routeTargets?: readonly RouteTarget[];
  /** The security tag, of several the first; a route without one matches no range. */
  readonly tag?: NumberRange | "absent";
  /** The AS path contains any of these, in segments of any kind. */
  readonly asPathContains?: readonly Asn[];
  /** The AS that sent the route to us is one of these. */
  readonly neighborAsns?: readonly Asn[];
  /** The AS at the far end of the path is one of these; of an AS_SET there, any member. */
  readonly originAsns?: readonly Asn[];
  /** Bounds of the AS path length as RFC 4271 9.1.2.2 a) counts it. */
  readonly asPathLengthMin?: number;
  readonly asPathLengthMax?: number;
  /** The whole path, without confederation segments. */
  readonly asPath?: AsPathPattern;
  /** Any of these next hops. */
  readonly nextHops?: readonly Ip[];
  /** The next hop lies in one of these. */
  readonly nextHopPrefixes?: readonly Prefix[];
  /** Any of these. */
  readonly origins?: readonly Origin[];
  /** A route without MULTI_EXIT_DISC matches no range. */
  readonly med?: NumberRange | "absent";
  /** A route without LOCAL_PREF matches no range. */
  readonly localPref?: NumberRange | "absent";
}

/**
 * What is put into NEXT_HOP. `self` and `unchanged` are for export, where they override what the
 * kind of the session would do; on import they change nothing.
 */
export type NextHopAction = Ip | "self" | "unchanged";

/**
 * Applied in the order of the fields. Absent fields leave the attribute alone. Lists of communities
 * come out sorted and without duplicates once they are changed.
 */
export interface PolicyActions {
  /** uint32. */
  readonly localPref?: number;
  /**
   * uint32, or `remove`. Sums stop at 0 and at 2^32 - 1; an absent MED counts 0 (RFC 4271 9.1.2.2).
   */
  readonly med?: number | "remove" | { readonly add: number } | { readonly subtract: number };
  readonly origin?: Origin;
  /** Replaces all of the kind. */
  readonly setCommunities?: readonly number[];
  readonly removeCommunities?: readonly CommunityPattern[];
  readonly addCommunities?: readonly number[];
  readonly setExtendedCommunities?: readonly bigint[];
  readonly removeExtendedCommunities?: readonly ExtendedCommunityPattern[];
  readonly addExtendedCommunities?: readonly bigint[];
  readonly setLargeCommunities?: readonly (readonly [number, number, number])[];
  readonly removeLargeCommunities?: readonly LargeCommunityPattern[];
  readonly addLargeCommunities?: readonly (readonly [number, number, number])[];
  /** The security tag, uint32; replaces the one that is there. */
  readonly tag?: number | "remove";
  /** `count` from 1 to 255. */
  readonly prepend?: { readonly asn: Asn; readonly count: number };
  /** An address takes the place of the link-local next hop too. */
  readonly nextHop?: NextHopAction;
}

export type PolicyTerm =
  | { readonly name?: string; readonly match: PolicyMatch; readonly verdict: "reject" }
  | {
      readonly name?: string;
      readonly match: PolicyMatch;
      readonly verdict: "accept" | "continue";
      readonly actions?: PolicyActions;
    };

export interface Policy {
  /** For people: shown by `explain`. */
  readonly name: string;
  readonly terms: readonly PolicyTerm[];
  readonly otherwise: "accept" | "reject";
}

/** True when the conditions look at the route's key, so that they are left to be tried per route. */
export function looksAtKey(match: PolicyMatch): boolean {
  return match.prefixes !== undefined || match.evpnRouteTypes !== undefined;
}
