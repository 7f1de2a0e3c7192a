/** The table of every kind of group heddle.io. */

import { apiVersionOf, type ResourceKind } from "./kind.ts";
import { bgpConfigurationKind } from "./kinds/bgp-configuration.ts";
import { bgpPeerKind } from "./kinds/bgp-peer.ts";
import { fabricKind } from "./kinds/fabric.ts";
import { ipBlockKind } from "./kinds/ip-block.ts";
import { ipClaimKind } from "./kinds/ip-claim.ts";
import { ipPoolKind } from "./kinds/ip-pool.ts";
import { linkKind } from "./kinds/link.ts";
import { portKind } from "./kinds/port.ts";
import { subnetKind } from "./kinds/subnet.ts";
import { switchKind } from "./kinds/switch.ts";
import { vpcKind } from "./kinds/vpc.ts";

/** Every kind of group heddle.io, in the order in which objects refer to each other. */
export const kinds: readonly ResourceKind[] = [
  vpcKind,
  subnetKind,
  ipPoolKind,
  ipBlockKind,
  ipClaimKind,
  portKind,
  bgpConfigurationKind,
  bgpPeerKind,
  fabricKind,
  switchKind,
  linkKind,
];

const byName: ReadonlyMap<string, ResourceKind> = new Map(
  kinds.map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]),
);

/** The kind of group heddle.io that an object says it is; undefined when there is none. */
export function kindOf(apiVersion: string, kind: string): ResourceKind | undefined {
  return byName.get(`${apiVersion}/${kind}`);
}
