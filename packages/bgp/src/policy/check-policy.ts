/**
 * Validation of policies, once, when they are configured: what passes here can be compiled and
 * evaluated in bounded time and space.
 */
import { type Asn, familyOf, formatIp, type Ip, widthOf } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import { addressFamilies } from "../packet/address-family.ts";
import {
  type AsPathPattern,
  patternDepthMax,
  patternPositionCountMax,
  positionCountOf,
} from "./as-path-pattern.ts";
import { communityMatchOf } from "./conditions.ts";
import {
  type CommunityMatch,
  type CommunityPart,
  type CommunityPattern,
  type ExtendedCommunityPattern,
  type LargeCommunityPattern,
  looksAtKey,
  type NumberRange,
  type Policy,
  type PolicyActions,
  type PolicyMatch,
  type PolicyTerm,
  type PrefixRule,
} from "./policy.ts";

/** Most terms of a policy. */
export const termCountMax = 4096;
/** Most entries of one list in a condition or an action. */
export const listLengthMax = 65536;
/**
 * Most outcomes that `continue` terms which look at keys may spread one attribute block over: each
 * of them doubles what follows it.
 */
export const outcomeCountMax = 256;

const uint16Max = 0xffff;
const uint32Max = 0xffffffff;
const uint64Max = 0xffff_ffff_ffff_ffffn;

/** Says what is wrong with a field: what was found there and what is wanted. */
type Complain = (field: string, found: unknown, want: string) => never;

/** What is wrong with a policy, and where. */
export class PolicyError extends BgpError {
  override readonly name = "PolicyError";
  /** Index of the term; undefined when it is about all of the policy. */
  readonly term: number | undefined;
  /** Inside the term, conditions without `match.` before them; or words for all of the policy. */
  readonly field: string;
  readonly found: string;
  readonly want: string;

  constructor(
    policy: string,
    { term, field, found, want }: Pick<PolicyError, "term" | "field" | "found" | "want">,
  ) {
    const where = term === undefined ? field : `term ${term}, ${field}`;
    const text = `Cannot accept policy ${JSON.stringify(policy)}: ${where} is ${found}`;
    super("config", `${text}, want ${want}`);
    this.term = term;
    this.field = field;
    this.found = found;
    this.want = want;
  }
}

/** @throws PolicyError that names the policy, the term and the field */
export function checkPolicy(policy: Policy): void {
  const { name, terms } = policy;
  const complainOf =
    (term: number | undefined): Complain =>
    (field, found, want) => {
      throw new PolicyError(name, { term, field, found: String(found), want });
    };
  const complain: Complain = complainOf(undefined);
  if (name === "") complain("name", "empty", "a text");
  if (terms.length > termCountMax) {
    complain("number of terms", terms.length, `at most ${termCountMax}`);
  }
  checkWord("otherwise", policy.otherwise, ["accept", "reject"], complain);
  for (const [index, term] of terms.entries()) {
    checkTerm(term, complainOf(index));
  }
  checkOutcomeCount(terms, complain);
}

function checkTerm(term: PolicyTerm, complain: Complain): void {
  checkWord("verdict", term.verdict, ["accept", "reject", "continue"], complain);
  checkKeyConditions(term.match, complain);
  checkPathConditions(term.match, complain);
  checkCommunityConditions(term.match, complain);
  if (term.verdict !== "reject" && term.actions !== undefined) checkActions(term.actions, complain);
}

function checkKeyConditions(match: PolicyMatch, complain: Complain): void {
  if (match.family !== undefined && match.family !== 4 && match.family !== 6) {
    complain("family", match.family, "4 or 6");
  }
  const names = Object.keys(addressFamilies);
  checkList("families", match.families, complain, (field, family) => {
    checkWord(field, family, names, complain);
  });
  checkList("evpnRouteTypes", match.evpnRouteTypes, complain, (field, type) => {
    checkInteger(field, type, 1, 255, complain);
  });
  checkList("prefixes", match.prefixes, complain, (field, rule) => {
    checkPrefixRule(field, rule, complain);
  });
}

function checkPrefixRule(field: string, { prefix, ge, le }: PrefixRule, complain: Complain): void {
  const width = widthOf(prefix.family);
  if (ge !== undefined) checkInteger(`${field}.ge`, ge, prefix.length, width, complain);
  const min = ge === undefined ? prefix.length : ge;
  if (le !== undefined) checkInteger(`${field}.le`, le, min, width, complain);
}

function checkPathConditions(match: PolicyMatch, complain: Complain): void {
  for (const field of ["asPathContains", "neighborAsns", "originAsns"] as const) {
    checkList(field, match[field], complain, (at, asn) => checkAsn(at, asn, complain));
  }
  const { asPathLengthMin = 0, asPathLengthMax } = match;
  checkInteger("asPathLengthMin", asPathLengthMin, 0, uint32Max, complain);
  if (asPathLengthMax !== undefined) {
    checkInteger("asPathLengthMax", asPathLengthMax, asPathLengthMin, uint32Max, complain);
  }
  if (match.asPath !== undefined) checkPattern(match.asPath, complain);
  checkList("nextHops", match.nextHops, complain, () => undefined);
  checkList("nextHopPrefixes", match.nextHopPrefixes, complain, () => undefined);
  checkList("origins", match.origins, complain, (field, origin) => {
    checkInteger(field, origin, 0, 2, complain);
  });
  checkRange("med", match.med, complain);
  checkRange("localPref", match.localPref, complain);
  checkRange("tag", match.tag, complain);
}

function checkPattern(pattern: AsPathPattern, complain: Complain): void {
  const count = positionCountOf(pattern);
  if (count === Number.POSITIVE_INFINITY) {
    complain("asPath", "nested deeper", `at most ${patternDepthMax} levels`);
  }
  if (count > patternPositionCountMax) {
    complain("asPath", `${count} ASes long`, `at most ${patternPositionCountMax}`);
  }
  checkPatternPart("asPath", pattern, complain);
}

function checkPatternPart(field: string, pattern: AsPathPattern, complain: Complain): void {
  switch (pattern.kind) {
    case "any":
      return;
    case "in":
    case "not-in":
      checkList(`${field}.asns`, pattern.asns, complain, (at, one) => {
        if (typeof one === "number") {
          checkAsn(at, one, complain);
        } else {
          checkAsn(`${at}.from`, one.from, complain);
          checkInteger(`${at}.to`, one.to, one.from, uint32Max, complain);
        }
      });
      return;
    case "sequence":
    case "alternatives":
      if (pattern.kind === "alternatives" && pattern.items.length === 0) {
        complain(`${field}.items`, "empty", "at least one alternative");
      }
      for (const [i, item] of pattern.items.entries()) {
        checkPatternPart(`${field}.items[${i}]`, item, complain);
      }
      return;
    case "repeat":
      checkInteger(`${field}.min`, pattern.min, 0, patternPositionCountMax, complain);
      if (pattern.max !== undefined) {
        const { min, max } = pattern;
        checkInteger(`${field}.max`, max, Math.max(min, 1), patternPositionCountMax, complain);
      }
      checkPatternPart(`${field}.item`, pattern.item, complain);
  }
}

function checkCommunityConditions(match: PolicyMatch, complain: Complain): void {
  const { communities, extendedCommunities, largeCommunities } = match;
  const standard = communities === undefined ? undefined : communityMatchOf(communities);
  checkCommunityMatch("communities", standard, complain, checkCommunity);
  checkCommunityMatch("extendedCommunities", extendedCommunities, complain, checkExtended);
  checkCommunityMatch("largeCommunities", largeCommunities, complain, checkLarge);
  checkList("routeTargets", match.routeTargets, complain, (field, routeTarget) => {
    checkUint64(field, routeTarget, complain);
  });
}

function checkCommunityMatch<P>(
  field: string,
  match: CommunityMatch<P> | undefined,
  complain: Complain,
  check: (field: string, pattern: P, complain: Complain) => void,
): void {
  for (const key of ["anyOf", "allOf", "noneOf", "exactly"] as const) {
    checkList(`${field}.${key}`, match?.[key], complain, (at, one) => check(at, one, complain));
  }
}

function checkCommunity(field: string, pattern: CommunityPattern, complain: Complain): void {
  if (typeof pattern === "number") {
    checkInteger(field, pattern, 0, uint32Max, complain);
  } else {
    checkParts(field, pattern, 2, uint16Max, complain);
  }
}

function checkLarge(field: string, pattern: LargeCommunityPattern, complain: Complain): void {
  checkParts(field, pattern, 3, uint32Max, complain);
}

function checkParts(
  field: string,
  parts: readonly CommunityPart[],
  count: number,
  max: number,
  complain: Complain,
): void {
  if (parts.length !== count) complain(field, `${parts.length} parts`, `${count} parts`);
  for (const [i, part] of parts.entries()) {
    if (part !== "any") checkInteger(`${field}[${i}]`, part, 0, max, complain);
  }
}

function checkExtended(field: string, pattern: ExtendedCommunityPattern, complain: Complain): void {
  if (typeof pattern === "bigint") {
    checkUint64(field, pattern, complain);
  } else {
    checkUint64(`${field}.value`, pattern.value, complain);
    checkUint64(`${field}.mask`, pattern.mask, complain);
  }
}

function checkActions(actions: PolicyActions, complain: Complain): void {
  const at = (field: keyof PolicyActions): string => `actions.${field}`;
  const uint32 = (field: keyof PolicyActions, value: number | undefined): void => {
    if (value !== undefined) checkInteger(at(field), value, 0, uint32Max, complain);
  };
  const { med, tag, prepend, nextHop } = actions;
  uint32("localPref", actions.localPref);
  if (typeof med === "object") uint32("med", "add" in med ? med.add : med.subtract);
  else if (med !== "remove") uint32("med", med);
  if (tag !== "remove") uint32("tag", tag);
  if (actions.origin !== undefined) checkInteger(at("origin"), actions.origin, 0, 2, complain);
  for (const field of ["setCommunities", "removeCommunities", "addCommunities"] as const) {
    checkAll<CommunityPattern>(at(field), actions[field], complain, checkCommunity);
  }
  const extended = [
    "setExtendedCommunities",
    "removeExtendedCommunities",
    "addExtendedCommunities",
  ] as const;
  for (const field of extended) {
    checkAll<ExtendedCommunityPattern>(at(field), actions[field], complain, checkExtended);
  }
  const large = ["setLargeCommunities", "removeLargeCommunities", "addLargeCommunities"] as const;
  for (const field of large) {
    checkAll<LargeCommunityPattern>(at(field), actions[field], complain, checkLarge);
  }
  if (prepend !== undefined) {
    checkAsn(`${at("prepend")}.asn`, prepend.asn, complain);
    checkInteger(`${at("prepend")}.count`, prepend.count, 1, 255, complain);
  }
  if (nextHop !== undefined && nextHop !== "self" && nextHop !== "unchanged") {
    checkHostAddress(at("nextHop"), nextHop, complain);
  }
}

/**
 * A term decides for its routes or not, so one more outcome per term that looks at keys; a
 * `continue` term that does splits the rest in two.
 */
function checkOutcomeCount(terms: readonly PolicyTerm[], complain: Complain): void {
  if (!terms.some((term) => term.verdict === "continue" && looksAtKey(term.match))) return;
  let count = 1;
  for (const [index, { match, verdict }] of [...terms.entries()].reverse()) {
    if (!looksAtKey(match)) continue;
    count = verdict === "continue" ? count * 2 : count + 1;
    if (count > outcomeCountMax) {
      const what = `number of outcomes from term ${index} on`;
      complain(what, `more than ${outcomeCountMax}`, "fewer continue terms that look at prefixes");
    }
  }
}

function checkAll<P>(
  field: string,
  list: readonly P[] | undefined,
  complain: Complain,
  check: (field: string, one: P, complain: Complain) => void,
): void {
  checkList(field, list, complain, (at, one) => check(at, one, complain));
}

function checkList<T>(
  field: string,
  list: readonly T[] | undefined,
  complain: Complain,
  check: (field: string, one: T) => void,
): void {
  if (list === undefined) return;
  if (list.length > listLengthMax) {
    complain(field, `a list of ${list.length}`, `at most ${listLengthMax}`);
  }
  for (const [i, one] of list.entries()) check(`${field}[${i}]`, one);
}

function checkRange(
  field: string,
  range: NumberRange | "absent" | undefined,
  complain: Complain,
): void {
  if (range === undefined || range === "absent") return;
  const { min = 0, max } = range;
  checkInteger(`${field}.min`, min, 0, uint32Max, complain);
  if (max !== undefined) checkInteger(`${field}.max`, max, min, uint32Max, complain);
}

function checkAsn(field: string, asn: Asn, complain: Complain): void {
  checkInteger(field, asn, 1, uint32Max, complain);
}

function checkHostAddress(field: string, address: Ip, complain: Complain): void {
  const isMulticast =
    familyOf(address) === 4 ? Number(address) >= 0xe0000000 : BigInt(address) >> 120n === 0xffn;
  if (BigInt(address) === 0n || isMulticast) complain(field, formatIp(address), "a host address");
}

function checkInteger(
  field: string,
  value: number,
  min: number,
  max: number,
  complain: Complain,
): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    complain(field, value, `${min} to ${max}`);
  }
}

function checkUint64(field: string, value: bigint, complain: Complain): void {
  if (value < 0n || value > uint64Max) complain(field, value, `0 to ${uint64Max}`);
}

function checkWord(
  field: string,
  word: string,
  words: readonly string[],
  complain: Complain,
): void {
  if (!words.includes(word)) complain(field, word, words.join(" or "));
}
