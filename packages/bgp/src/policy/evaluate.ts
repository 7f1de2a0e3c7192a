/**
 * Evaluation of a policy for one attribute block. Everything that depends on attributes is decided
 * here, once; what is left are sets of routes to be tried per route, and for most policies there
 * are none.
 *
 * A `continue` term that looks at keys splits the rest of the policy in two: the routes that it
 * changed and the others. `checkPolicy` bounds how many outcomes that can lead to.
 */
import type { Family } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { type AppliedActions, applyActions, nextHopActionOf } from "./actions.ts";
import { checkPolicy } from "./check-policy.ts";
import { type CompiledTerm, compileTerm, matchesFamily } from "./compiled-term.ts";
import type { Condition } from "./conditions.ts";
import type { NextHopAction, Policy, PolicyActions, PolicyTerm } from "./policy.ts";
import type { PrefixSet } from "./prefix-set.ts";
import { type PolicyTrace, type RouteKey, traceTerms } from "./trace.ts";

export type Verdict =
  | { readonly verdict: "reject" }
  | {
      readonly verdict: "accept";
      /** What {@link applyActions} does; absent when nothing changes. */
      readonly actions?: AppliedActions;
      /**
       * The next hop that export has to give: an address is put in by the actions as well, `self`
       * and `unchanged` are left to whoever knows the session.
       */
      readonly nextHop?: NextHopAction;
    };

/**
 * What remains of a policy: the first set that contains the route gives the outcome, else the last
 * one holds.
 */
export interface Residue<T> {
  readonly prefixSets: readonly PrefixSet[];
  /** One per prefix set, and the final one. */
  readonly outcomes: readonly T[];
}

/** The index into `outcomes` for a route; arguments as of {@link PrefixSet.matches}. */
export function outcomeIndexOf(
  prefixSets: readonly PrefixSet[],
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
  prefixFamily?: Family,
  routeType?: number,
): number {
  for (let index = 0; index < prefixSets.length; index += 1) {
    if (prefixSets[index]!.matches(w0, w1, w2, w3, length, prefixFamily, routeType)) return index;
  }
  return prefixSets.length;
}

/** Terms whose bits fit an int32. */
const termBitsMax = 31;
/** Results that a policy keeps; each stands for another choice of terms. */
const knownCountMax = 1024;

interface MutableResidue {
  readonly prefixSets: PrefixSet[];
  readonly outcomes: Verdict[];
}

/** A policy made ready for one address family; 4 and 6 are the unicast families. */
export class CompiledPolicy {
  readonly #policy: Policy;
  readonly #family: AddressFamily;
  /** Those that can match routes of the family. */
  readonly #terms: readonly CompiledTerm[];
  /**
   * Results so far, by the terms that held, one bit each: blocks share them, so that an evaluation
   * leaves nothing for the garbage collector. Undefined where a term changes attributes before
   * others look at them, or the terms do not fit.
   */
  readonly #known: Map<number, Residue<Verdict>> | undefined;

  /** @throws BgpError `config` when `checkPolicy` does */
  constructor(policy: Policy, family: Family | AddressFamily) {
    checkPolicy(policy);
    this.#policy = policy;
    this.#family = family === 4 ? "ipv4-unicast" : family === 6 ? "ipv6-unicast" : family;
    this.#terms = policy.terms.flatMap((term, index) =>
      matchesFamily(term.match, this.#family) ? [compileTerm(term, index, this.#family)] : [],
    );
    const isPlain = this.#terms.every(({ term }) => term.verdict !== "continue");
    this.#known = isPlain && this.#terms.length <= termBitsMax ? new Map() : undefined;
  }

  /** The result may be shared: it is not written to. */
  evaluate(attributes: PathAttributes): Residue<Verdict> {
    const known = this.#known;
    if (known === undefined) return this.#evaluate(attributes);
    const held = this.#termsThatHold(attributes);
    const shared = known.get(held);
    if (shared !== undefined) return shared;
    const residue = this.#evaluate(attributes);
    if (known.size < knownCountMax) known.set(held, residue);
    return residue;
  }

  /** A bit per term, up to the one that decides for every key. */
  #termsThatHold(attributes: PathAttributes): number {
    const terms = this.#terms;
    let held = 0;
    for (let at = 0; at < terms.length; at += 1) {
      const { conditions, keys } = terms[at]!;
      if (!allHold(conditions, attributes)) continue;
      held |= 1 << at;
      if (keys === undefined) break;
    }
    return held;
  }

  #evaluate(attributes: PathAttributes): Residue<Verdict> {
    const residue: MutableResidue = { prefixSets: [], outcomes: [] };
    residue.outcomes.push(this.#decide(0, attributes, [], undefined, residue));
    return residue;
  }

  /**
   * How the policy comes to its verdict on one route, for people. `words` are those of the prefix in
   * the route's key, as `NlriCodec.prefixInto` gives them, `length` its length or -1.
   */
  trace(
    attributes: PathAttributes,
    words: ArrayLike<number>,
    length: number,
    prefixFamily?: Family,
    routeType?: number,
  ): PolicyTrace {
    const key: RouteKey = { words, length, prefixFamily, routeType };
    return traceTerms(this.#policy, this.#family, this.#terms, attributes, key);
  }

  /**
   * Puts the outcomes for the routes inside `within` into `residue` and returns the one of the
   * routes that no set of it contains.
   */
  #decide(
    from: number,
    received: PathAttributes,
    inherited: readonly PolicyActions[],
    within: PrefixSet | undefined,
    residue: MutableResidue,
  ): Verdict {
    let attributes = received;
    const applied = [...inherited];
    for (let at = from; at < this.#terms.length; at += 1) {
      const { term, conditions, keys } = this.#terms[at]!;
      if (!allHold(conditions, attributes)) continue;
      const set = within === undefined ? keys : keys?.within(within);
      if (term.verdict !== "continue") {
        const verdict = verdictOf(term.verdict, withActions(applied, term));
        if (set === undefined) return verdict;
        residue.prefixSets.push(set);
        residue.outcomes.push(verdict);
      } else if (set === undefined) {
        attributes = applyActions(attributes, term.actions);
        if (term.actions !== undefined) applied.push(term.actions);
      } else {
        const changed = applyActions(attributes, term.actions);
        const before = withActions(applied, term);
        const rest = this.#decide(at + 1, changed, before, set, residue);
        residue.prefixSets.push(set);
        residue.outcomes.push(rest);
      }
    }
    return verdictOf(this.#policy.otherwise, applied);
  }
}

function allHold(conditions: readonly Condition[], attributes: PathAttributes): boolean {
  for (const condition of conditions) if (!condition.holds(attributes)) return false;
  return true;
}

/** A new list, as the one at hand grows with the terms that follow. */
function withActions(
  applied: readonly PolicyActions[],
  term: PolicyTerm,
): readonly PolicyActions[] {
  if (term.verdict === "reject" || term.actions === undefined) return [...applied];
  return [...applied, term.actions];
}

function verdictOf(verdict: "accept" | "reject", applied: readonly PolicyActions[]): Verdict {
  if (verdict === "reject") return rejected;
  if (applied.length === 0) return accepted;
  const actions = applied.length === 1 ? applied[0]! : applied;
  const nextHop = nextHopActionOf(applied);
  return { verdict, actions, ...(nextHop === undefined ? {} : { nextHop }) };
}

const rejected: Verdict = { verdict: "reject" };
const accepted: Verdict = { verdict: "accept" };
