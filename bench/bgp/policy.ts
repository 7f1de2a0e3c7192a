/**
 * The policy that every speaker under test has, as values that each configuration is written from:
 *
 * - import: nothing inside `bogonPrefixes`, nothing that passed `bogonAsn`; what carries
 *   `preferred` gets LOCAL_PREF 200 and `marked`; everything else as it is.
 * - export: nothing that carries `hidden`; between ASes what carries `marked` gets MED 10.
 *
 * The generator sends nothing that the rejecting terms would stop: a route that goes missing is an
 * error. A reflector changes no attribute of what it reflects, so it has no MED term.
 */
import type { Policy, PolicyTerm } from "@heddle/bgp";
import { parseAsn, parsePrefix } from "@heddle/inet";
import type { RouteAttributes } from "./attributes.ts";

/** A standard community of the AS under test (RFC 1997). */
export interface NamedCommunity {
  readonly value: number;
  /** As every configuration language writes it. */
  readonly text: string;
}

function community(number: number): NamedCommunity {
  return { value: 65000 * 0x10000 + number, text: `65000:${number}` };
}

export const preferred: NamedCommunity = community(100);
export const marked: NamedCommunity = community(1100);
export const hidden: NamedCommunity = community(666);
export const preferredLocalPref = 200;
export const markedMed = 10;
/** AS_TRANS, which no path may show (RFC 7607 and RFC 6793). */
export const bogonAsn = 23456;
export const bogonPrefixes: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
];

export const importPolicy: Policy = {
  name: "import",
  terms: [
    {
      match: { prefixes: bogonPrefixes.map((text) => ({ prefix: parsePrefix(text), le: 32 })) },
      verdict: "reject",
    },
    { match: { asPathContains: [parseAsn(bogonAsn)] }, verdict: "reject" },
    {
      match: { communities: [preferred.value] },
      verdict: "accept",
      actions: { localPref: preferredLocalPref, addCommunities: [marked.value] },
    },
  ],
  otherwise: "accept",
};

const hiddenTerm: PolicyTerm = { match: { communities: [hidden.value] }, verdict: "reject" };

export const transitExportPolicy: Policy = {
  name: "export",
  terms: [
    hiddenTerm,
    { match: { communities: [marked.value] }, verdict: "accept", actions: { med: markedMed } },
  ],
  otherwise: "accept",
};

export const reflectorExportPolicy: Policy = {
  name: "export",
  terms: [hiddenTerm],
  otherwise: "accept",
};

/** What import makes of attributes. */
export function imported(attributes: RouteAttributes): RouteAttributes {
  const { communities } = attributes;
  if (!communities.includes(preferred.value)) return attributes;
  return {
    ...attributes,
    localPref: preferredLocalPref,
    communities: [...communities, marked.value],
  };
}

/** What an eBGP neighbor is sent: LOCAL_PREF and the MED of other ASes stay here (RFC 4271 5.1). */
export function exported(attributes: RouteAttributes): RouteAttributes {
  const { med: _med, localPref: _localPref, ...rest } = attributes;
  return attributes.communities.includes(marked.value) ? { ...rest, med: markedMed } : rest;
}
