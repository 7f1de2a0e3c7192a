/** One term of a policy made ready for one address family. */
import type { Family } from "@heddle/inet";
import { type AddressFamily, addressFamilies } from "../packet/address-family.ts";
import { afis, safis } from "../packet/iana.ts";
import { type Condition, conditionsOf } from "./conditions.ts";
import { looksAtKey, type PolicyMatch, type PolicyTerm } from "./policy.ts";
import { PrefixSet } from "./prefix-set.ts";

export interface CompiledTerm {
  /** Of the term in its policy. */
  readonly index: number;
  readonly term: PolicyTerm;
  readonly conditions: readonly Condition[];
  /** Undefined when the term does not look at keys. */
  readonly keys: PrefixSet | undefined;
}

export function compileTerm(term: PolicyTerm, index: number, family: AddressFamily): CompiledTerm {
  const { match } = term;
  const { prefixes, evpnRouteTypes } = match;
  return {
    index,
    term,
    conditions: conditionsOf(match),
    keys: looksAtKey(match) ? PrefixSet.of(prefixes, family, evpnRouteTypes) : undefined,
  };
}

/** The conditions that the family decides. */
export function matchesFamily(match: PolicyMatch, family: AddressFamily): boolean {
  if (match.families?.includes(family) === false) return false;
  return match.family === undefined || match.family === ipVersionOf(family);
}

/** Route target constraints travel under the AFI of IPv4, but are no IPv4 routes. */
function ipVersionOf(family: AddressFamily): Family | undefined {
  const { afi, safi } = addressFamilies[family];
  if (safi === safis.routeTarget) return undefined;
  return afi === afis.ipv4 ? 4 : afi === afis.ipv6 ? 6 : undefined;
}
