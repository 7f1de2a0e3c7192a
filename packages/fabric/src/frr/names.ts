/** Names that one part of the configuration defines and another refers to. */
import type { VrfConfig } from "../switch-config.ts";

export interface FamilyName {
  readonly number: 4 | 6;
  /** Of `address-family`. */
  readonly word: "ipv4" | "ipv6";
  /** Of `prefix-list` and `match`. */
  readonly match: "ip" | "ipv6";
}

export const families: readonly FamilyName[] = [
  { number: 4, word: "ipv4", match: "ip" },
  { number: 6, word: "ipv6", match: "ipv6" },
];

export interface PolicyNames {
  /** Prefix list and route map: what nodes may announce. */
  readonly fromNodes: string;
  /** Route map: nothing but the default route, which does not pass through it. */
  readonly toNodes: string;
  /** Route map: a route that proves that the fabric is reachable. */
  readonly defaultWhen: string;
  /** Route map: VRF -> EVPN. */
  readonly toEvpn: string;
  /** Community list: routes that came from another VTEP. */
  readonly fromFabric: string;
}

export function policyNames(vrf: VrfConfig, family: FamilyName): PolicyNames {
  const suffix = `${vrf.name}-${family.word}`;
  return {
    fromNodes: `FROM-NODES-${suffix}`,
    toNodes: `TO-NODES-${suffix}`,
    defaultWhen: `DEFAULT-WHEN-${suffix}`,
    toEvpn: `TO-EVPN-${suffix}`,
    fromFabric: `FROM-FABRIC-${vrf.name}`,
  };
}
