/**
 * Evaluation of a policy for one attribute block. Everything that depends on attributes is decided
 * here, once; what is left are prefix sets to be tried per route, and for most policies there are
 * none.
 */
import type { Asn, Family } from "@heddle/inet";
import { asPathLength, prependAsn } from "../packet/as-path.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy, PolicyActions, PolicyMatch, PolicyTerm } from "./policy.ts";
import { PrefixSet } from "./prefix-set.ts";

export type Verdict =
  | { readonly verdict: "reject" }
  | { readonly verdict: "accept"; readonly actions?: PolicyActions };

/**
 * What remains of a policy: the first set that contains the prefix gives the outcome, else the last
 * one holds.
 */
export interface Residue<T> {
  readonly prefixSets: readonly PrefixSet[];
  /** One per prefix set, and the final one. */
  readonly outcomes: readonly T[];
}

/** The index into `outcomes` for a prefix. */
export function outcomeIndexOf(
  prefixSets: readonly PrefixSet[],
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): number {
  let index = 0;
  while (index < prefixSets.length && !prefixSets[index]!.matches(w0, w1, w2, w3, length)) {
    index += 1;
  }
  return index;
}

/** The same residue with other outcomes. */
export function mapResidue<T, U>(residue: Residue<T>, f: (outcome: T) => U): Residue<U> {
  return { prefixSets: residue.prefixSets, outcomes: residue.outcomes.map(f) };
}

interface CompiledTerm {
  readonly term: PolicyTerm;
  readonly prefixes: PrefixSet | undefined;
}

/** A policy made ready for one address family. */
export class CompiledPolicy {
  readonly #terms: readonly CompiledTerm[];
  readonly #otherwise: Verdict;

  constructor(policy: Policy, family: Family) {
    this.#terms = policy.terms
      .filter((term) => term.match.family === undefined || term.match.family === family)
      .map((term) => ({
        term,
        prefixes:
          term.match.prefixes === undefined
            ? undefined
            : new PrefixSet(term.match.prefixes, family),
      }));
    this.#otherwise = { verdict: policy.otherwise };
  }

  evaluate(attributes: PathAttributes): Residue<Verdict> {
    const prefixSets: PrefixSet[] = [];
    const outcomes: Verdict[] = [];
    for (const { term, prefixes } of this.#terms) {
      if (!attributesMatch(term.match, attributes)) continue;
      outcomes.push(term);
      if (prefixes === undefined) return { prefixSets, outcomes };
      prefixSets.push(prefixes);
    }
    outcomes.push(this.#otherwise);
    return { prefixSets, outcomes };
  }
}

function attributesMatch(match: PolicyMatch, attributes: PathAttributes): boolean {
  const { communities, asPathContains, nextHops } = match;
  if (communities?.some((c) => attributes.communities.includes(c)) === false) return false;
  if (asPathContains?.some((asn) => containsAsn(attributes.asPath, asn)) === false) return false;
  if (nextHops?.includes(attributes.nextHop) === false) return false;
  const length = asPathLength(attributes.asPath);
  if (match.asPathLengthMin !== undefined && length < match.asPathLengthMin) return false;
  return match.asPathLengthMax === undefined || length <= match.asPathLengthMax;
}

/** Attributes after the actions; the same object when there are none. */
export function applyActions(
  attributes: PathAttributes,
  actions: PolicyActions | undefined,
): PathAttributes {
  if (actions === undefined) return attributes;
  const { med: oldMed, ...rest } = attributes;
  const med =
    actions.med === undefined ? oldMed : actions.med === "remove" ? undefined : actions.med;
  const { prepend } = actions;
  return {
    ...rest,
    ...(med === undefined ? {} : { med }),
    ...(actions.localPref === undefined ? {} : { localPref: actions.localPref }),
    communities: changedCommunities(attributes.communities, actions),
    asPath:
      prepend === undefined
        ? attributes.asPath
        : prependAsn(attributes.asPath, prepend.asn, prepend.count),
  };
}

function changedCommunities(
  communities: readonly number[],
  { addCommunities, removeCommunities }: PolicyActions,
): readonly number[] {
  const kept =
    removeCommunities === undefined
      ? communities
      : communities.filter((c) => !removeCommunities.includes(c));
  if (addCommunities === undefined) return kept;
  return [...new Set([...kept, ...addCommunities])].sort((a, b) => a - b);
}

export function containsAsn(path: PathAttributes["asPath"], asn: Asn): boolean {
  return path.some((segment) => segment.asns.includes(asn));
}
