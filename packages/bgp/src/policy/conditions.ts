/**
 * The conditions of a term that look at attributes, as a list of predicates; what looks at the key
 * is a `PrefixSet`.
 */
import { type Asn, containsIp } from "@heddle/inet";
import { asPathLength, firstAsnOf } from "../packet/as-path.ts";
import { securityTagOf } from "../packet/extended-community.ts";
import type { AsPathSegment, PathAttributes } from "../packet/path-attributes.ts";
import { AsPathMatcher } from "./as-path-pattern.ts";
import {
  communitiesMatch,
  isCommunity,
  isExtendedCommunity,
  isLargeCommunity,
} from "./community-pattern.ts";
import type { CommunityMatch, CommunityPattern, NumberRange, PolicyMatch } from "./policy.ts";

/** A field of {@link PolicyMatch} that is decided by attributes alone. */
export type AttributeField = Exclude<
  keyof PolicyMatch,
  "prefixes" | "family" | "families" | "evpnRouteTypes"
>;

export interface Condition {
  readonly field: AttributeField;
  readonly holds: (attributes: PathAttributes) => boolean;
}

type Compile<Wanted> = (wanted: Wanted) => (attributes: PathAttributes) => boolean;

/** In the order in which conditions are tried: cheap ones first. */
const compilers: { readonly [F in AttributeField]: Compile<NonNullable<PolicyMatch[F]>> } = {
  origins: (origins) => (a) => origins.includes(a.origin),
  med: (range) => (a) => isWithin(a.med, range),
  localPref: (range) => (a) => isWithin(a.localPref, range),
  nextHops: (nextHops) => (a) => nextHops.includes(a.nextHop),
  nextHopPrefixes: (prefixes) => (a) => prefixes.some((p) => containsIp(p, a.nextHop)),
  asPathLengthMin: (min) => (a) => asPathLength(a.asPath) >= min,
  asPathLengthMax: (max) => (a) => asPathLength(a.asPath) <= max,
  neighborAsns: (asns) => (a) => {
    const neighbor = firstAsnOf(a.asPath);
    return neighbor !== undefined && asns.includes(neighbor);
  },
  originAsns: (asns) => (a) => originAsnsOf(a.asPath).some((asn) => asns.includes(asn)),
  asPathContains: (asns) => (a) => asns.some((asn) => containsAsn(a.asPath, asn)),
  asPath: (pattern) => {
    const matcher = new AsPathMatcher(pattern);
    return (a) => matcher.matches(a.asPath);
  },
  communities: (wanted) => {
    const match = communityMatchOf(wanted);
    return (a) => communitiesMatch(a.communities, match, isCommunity);
  },
  extendedCommunities: (match) => (a) =>
    communitiesMatch(a.extendedCommunities, match, isExtendedCommunity),
  largeCommunities: (match) => (a) => communitiesMatch(a.largeCommunities, match, isLargeCommunity),
  routeTargets: (targets) => (a) => targets.some((t) => a.extendedCommunities.includes(t)),
  tag: (range) => (a) => isWithin(securityTagOf(a.extendedCommunities), range),
};

const fields: readonly AttributeField[] = Object.keys(compilers) as AttributeField[];

/** All of them have to hold. */
export function conditionsOf(match: PolicyMatch): readonly Condition[] {
  return fields.flatMap((field) => conditionOf(match, field));
}

function conditionOf<F extends AttributeField>(match: PolicyMatch, field: F): Condition[] {
  const wanted = match[field];
  if (wanted === undefined) return [];
  return [{ field, holds: compilers[field](wanted) }];
}

/** A list of communities means any of them. */
export function communityMatchOf(
  wanted: NonNullable<PolicyMatch["communities"]>,
): CommunityMatch<CommunityPattern> {
  return isList(wanted) ? { anyOf: wanted } : wanted;
}

function isList(wanted: NonNullable<PolicyMatch["communities"]>): wanted is readonly number[] {
  return Array.isArray(wanted);
}

function isWithin(value: number | undefined, range: NumberRange | "absent"): boolean {
  if (value === undefined || range === "absent") return value === undefined && range === "absent";
  return (
    (range.min === undefined || value >= range.min) &&
    (range.max === undefined || value <= range.max)
  );
}

/** The AS at the far end; all members of an AS_SET there; none of a path that is empty. */
export function originAsnsOf(path: readonly AsPathSegment[]): readonly Asn[] {
  const last = path.findLast((s) => s.type === "sequence" || s.type === "set");
  if (last === undefined) return [];
  return last.type === "set" ? last.asns : last.asns.slice(-1);
}

/** In segments of any kind. */
export function containsAsn(path: readonly AsPathSegment[], asn: Asn): boolean {
  return path.some((segment) => segment.asns.includes(asn));
}
