/**
 * Patterns over communities of the three kinds, made into predicates. A pattern that leaves nothing
 * open is compared as a value.
 */
import type {
  CommunityMatch,
  CommunityPart,
  CommunityPattern,
  ExtendedCommunityPattern,
  LargeCommunityPattern,
} from "./policy.ts";

export type LargeCommunity = readonly [number, number, number];

/** Says whether a community is one that the pattern means. */
export type PatternTest<Community, Pattern> = (community: Community, pattern: Pattern) => boolean;

export function isCommunity(community: number, pattern: CommunityPattern): boolean {
  if (typeof pattern === "number") return community === pattern;
  return isPart(community >>> 16, pattern[0]) && isPart(community & 0xffff, pattern[1]);
}

export function isExtendedCommunity(community: bigint, pattern: ExtendedCommunityPattern): boolean {
  if (typeof pattern === "bigint") return community === pattern;
  return (community & pattern.mask) === (pattern.value & pattern.mask);
}

export function isLargeCommunity(
  community: LargeCommunity,
  pattern: LargeCommunityPattern,
): boolean {
  return pattern.every((part, i) => isPart(community[i]!, part));
}

function isPart(value: number, part: CommunityPart): boolean {
  return part === "any" || part === value;
}

export function communitiesMatch<Community, Pattern>(
  communities: readonly Community[],
  match: CommunityMatch<Pattern>,
  isOne: PatternTest<Community, Pattern>,
): boolean {
  const { anyOf, allOf, noneOf, exactly } = match;
  const present = (pattern: Pattern): boolean => communities.some((c) => isOne(c, pattern));
  if (anyOf !== undefined && !anyOf.some(present)) return false;
  if (allOf !== undefined && !allOf.every(present)) return false;
  if (noneOf?.some(present) === true) return false;
  if (exactly === undefined) return true;
  return exactly.every(present) && communities.every((c) => exactly.some((p) => isOne(c, p)));
}

/** What an action makes of a list: replace, then remove, then add. */
export interface CommunityChange<Community, Pattern> {
  readonly set: readonly Community[] | undefined;
  readonly remove: readonly Pattern[] | undefined;
  readonly add: readonly Community[] | undefined;
  readonly isOne: PatternTest<Community, Pattern>;
  readonly compare: (a: Community, b: Community) => number;
}

/** The same list where nothing changes it; else sorted and without duplicates. */
export function changedCommunities<Community, Pattern>(
  communities: readonly Community[],
  change: CommunityChange<Community, Pattern>,
): readonly Community[] {
  const { set, remove, add, isOne, compare } = change;
  if (set === undefined && remove === undefined && add === undefined) return communities;
  const base = set ?? communities;
  const kept =
    remove === undefined ? base : base.filter((c) => !remove.some((pattern) => isOne(c, pattern)));
  if (set === undefined && add === undefined) {
    return kept.length === communities.length ? communities : kept;
  }
  const all = add === undefined ? [...kept] : [...kept, ...add];
  return all.sort(compare).filter((c, i) => i === 0 || compare(all[i - 1]!, c) !== 0);
}

export function compareLarge(a: LargeCommunity, b: LargeCommunity): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export function compareExtended(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
