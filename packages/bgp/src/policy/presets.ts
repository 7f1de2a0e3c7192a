/** Policies that the product needs by name. */
import { defaultPrefix, type Prefix } from "@heddle/inet";
import type { Policy } from "./policy.ts";

export const acceptAll: Policy = { name: "accept-all", terms: [], otherwise: "accept" };

/** RFC 8212: what an eBGP session without a policy gets in either direction. */
export const rejectAll: Policy = { name: "reject-all", terms: [], otherwise: "reject" };

/** Import of a fabric session: the default routes and nothing else, whatever the leaf sends. */
export const acceptDefaultOnly: Policy = {
  name: "accept-default-only",
  terms: [
    {
      match: { prefixes: [{ prefix: defaultPrefix(4) }, { prefix: defaultPrefix(6) }] },
      verdict: "accept",
    },
  ],
  otherwise: "reject",
};

/**
 * Export of a node: exactly these prefixes, and only routes that originate here (an empty AS path),
 * so that a node never becomes transit between its leaves.
 */
export function announceOwn(prefixes: readonly Prefix[]): Policy {
  return {
    name: "announce-own",
    terms: [
      {
        match: { prefixes: prefixes.map((prefix) => ({ prefix })), asPathLengthMax: 0 },
        verdict: "accept",
      },
    ],
    otherwise: "reject",
  };
}
