/**
 * Routing policy as data: an ordered list of terms, the first whose conditions all hold decides. It
 * is a closed language without loops or callbacks, so it can be printed, compared and evaluated
 * once per distinct attribute block instead of once per route.
 *
 * What no term decides gets `otherwise`. A session without a policy follows RFC 8212: nothing in
 * either direction over eBGP, everything over iBGP.
 */
import type { Asn, Family, Ip, Prefix } from "@heddle/inet";

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

/** All conditions that are present must hold; an empty condition list matches everything. */
export interface PolicyMatch {
  /** Any of the rules; an empty list matches nothing. */
  readonly prefixes?: readonly PrefixRule[];
  readonly family?: Family;
  /** Any of these standard communities (RFC 1997), each uint32. */
  readonly communities?: readonly number[];
  /** The AS path contains any of these. */
  readonly asPathContains?: readonly Asn[];
  /** Bounds of the AS path length as RFC 4271 9.1.2.2 a) counts it. */
  readonly asPathLengthMin?: number;
  readonly asPathLengthMax?: number;
  /** Any of these next hops. */
  readonly nextHops?: readonly Ip[];
}

/** Applied in the order of the fields. Absent fields leave the attribute alone. */
export interface PolicyActions {
  /** uint32. */
  readonly localPref?: number;
  /** uint32, or `remove`. */
  readonly med?: number | "remove";
  readonly removeCommunities?: readonly number[];
  readonly addCommunities?: readonly number[];
  readonly prepend?: { readonly asn: Asn; readonly count: number };
}

export type PolicyTerm =
  | { readonly match: PolicyMatch; readonly verdict: "reject" }
  | { readonly match: PolicyMatch; readonly verdict: "accept"; readonly actions?: PolicyActions };

export interface Policy {
  /** For people: shown by `explain`. */
  readonly name: string;
  readonly terms: readonly PolicyTerm[];
  readonly otherwise: "accept" | "reject";
}
