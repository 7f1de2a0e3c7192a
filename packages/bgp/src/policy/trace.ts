/** How a policy comes to its verdict on one route, step by step, for people. */
import { type Family, formatPrefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { prefixFromWords4, prefixFromWords6 } from "../packet/nlri.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { applyActions, nextHopActionOf } from "./actions.ts";
import { type CompiledTerm, matchesFamily } from "./compiled-term.ts";
import { formatAttribute, formatField, tracedAttributes } from "./format-policy.ts";
import type { NextHopAction, Policy, PolicyActions, PolicyMatch, PolicyTerm } from "./policy.ts";
import { PrefixSet, prefixFamilyOf } from "./prefix-set.ts";

/** The part of a route that is not attributes; see {@link PrefixSet.matches}. */
export interface RouteKey {
  readonly words: ArrayLike<number>;
  readonly length: number;
  readonly prefixFamily: Family | undefined;
  readonly routeType: number | undefined;
}

/** Why a term did not match: its first condition that does not hold. */
export interface FailedCondition {
  readonly field: keyof PolicyMatch;
  /** What the route has, as text. */
  readonly found: string;
  /** What the term asks for, as text. */
  readonly wanted: string;
}

/** One term that was tried. */
export interface TermTrace {
  /** Of the term in the policy. */
  readonly index: number;
  readonly name?: string;
  readonly verdict: PolicyTerm["verdict"];
  /** Absent when the term matched. */
  readonly failed?: FailedCondition;
}

/** An attribute before and after the policy, as text. */
export interface AttributeChange {
  readonly attribute: string;
  readonly before: string;
  readonly after: string;
}

export interface PolicyTrace {
  readonly policy: string;
  /** In the order tried; the last one decided, unless `decidedBy` is `otherwise`. */
  readonly terms: readonly TermTrace[];
  readonly decidedBy: number | "otherwise";
  readonly verdict: "accept" | "reject";
  /** After all actions; of a rejected route too, as the terms before the last may have some. */
  readonly attributes: PathAttributes;
  readonly changes: readonly AttributeChange[];
  /** The next hop action in force, if any; `self` and `unchanged` are not in `changes`. */
  readonly nextHop?: NextHopAction;
}

/** `compiled` are the terms of `policy` that can match in `family`. */
export function traceTerms(
  policy: Policy,
  family: AddressFamily,
  compiled: readonly CompiledTerm[],
  received: PathAttributes,
  key: RouteKey,
): PolicyTrace {
  const terms: TermTrace[] = [];
  const byIndex = new Map(compiled.map((one) => [one.index, one]));
  const applied: PolicyActions[] = [];
  let attributes = received;
  const result = (
    decidedBy: PolicyTrace["decidedBy"],
    verdict: PolicyTrace["verdict"],
  ): PolicyTrace => {
    const changes = changesOf(received, attributes);
    const nextHop = nextHopActionOf(applied);
    const common = { policy: policy.name, terms, decidedBy, verdict, attributes, changes };
    return nextHop === undefined ? common : { ...common, nextHop };
  };
  for (const [index, term] of policy.terms.entries()) {
    const ready = byIndex.get(index);
    const failed =
      ready === undefined
        ? failedFamily(term.match, family)
        : failedCondition(ready, family, attributes, key);
    const { name, verdict } = term;
    terms.push({
      index,
      verdict,
      ...(name === undefined ? {} : { name }),
      ...(failed === undefined ? {} : { failed }),
    });
    if (failed !== undefined) continue;
    if (term.verdict !== "reject" && term.actions !== undefined) {
      applied.push(term.actions);
      attributes = applyActions(attributes, term.actions);
    }
    if (term.verdict !== "continue") return result(index, term.verdict);
  }
  return result("otherwise", policy.otherwise);
}

function failedFamily(match: PolicyMatch, family: AddressFamily): FailedCondition {
  const { family: version, ...rest } = match;
  const field = matchesFamily(rest, family) ? "family" : "families";
  return { field, found: family, wanted: formatField(match, field) };
}

function failedCondition(
  { term, conditions, keys }: CompiledTerm,
  family: AddressFamily,
  attributes: PathAttributes,
  key: RouteKey,
): FailedCondition | undefined {
  const { match } = term;
  const failed = conditions.find(({ holds }) => !holds(attributes));
  if (failed !== undefined) {
    const { field } = failed;
    return {
      field,
      found: formatAttribute(field, attributes),
      wanted: formatField(match, field),
    };
  }
  if (keys === undefined || contains(keys, key)) return undefined;
  const typesOnly = PrefixSet.of(undefined, family, match.evpnRouteTypes);
  return contains(typesOnly, key)
    ? { field: "prefixes", found: keyText(family, key), wanted: formatField(match, "prefixes") }
    : {
        field: "evpnRouteTypes",
        found: key.routeType === undefined ? "none" : String(key.routeType),
        wanted: formatField(match, "evpnRouteTypes"),
      };
}

function contains(set: PrefixSet, { words, length, prefixFamily, routeType }: RouteKey): boolean {
  const word = (index: number): number => (index < words.length ? (words[index] as number) : 0);
  return set.matches(word(0), word(1), word(2), word(3), length, prefixFamily, routeType);
}

function keyText(family: AddressFamily, { words, length, prefixFamily }: RouteKey): string {
  const version = prefixFamily ?? prefixFamilyOf(family);
  if (length < 0 || version === undefined) return "none";
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = Array.from(words);
  const prefix =
    version === 4 ? prefixFromWords4(w0, length) : prefixFromWords6(w0, w1, w2, w3, length);
  return formatPrefix(prefix);
}

function changesOf(before: PathAttributes, after: PathAttributes): readonly AttributeChange[] {
  if (before === after) return [];
  return Object.entries(tracedAttributes).flatMap(([attribute, format]) => {
    const change = { attribute, before: format(before), after: format(after) };
    return change.before === change.after ? [] : [change];
  });
}
