/** Which function says what the status of an object should be, by kind. */
import type { ClusterView } from "../cluster-state.ts";
import type { ObjectsByKind } from "../model.ts";
import { planBgpPeer } from "./bgp-peer.ts";
import { planFabric, planLink, planSwitch } from "./fabric.ts";
import { planIpBlock } from "./ip-block.ts";
import { planIpClaim } from "./ip-claim.ts";
import { planIpPool } from "./ip-pool.ts";
import { planSubnet } from "./subnet.ts";
import { planVpc } from "./vpc.ts";

/** Kinds whose status the controllers write. Those of Ports and Nodes are for nodes to say. */
export type PlannedKind = Exclude<keyof ObjectsByKind, "Port" | "Node">;

/**
 * Pure and total: the same objects give the same status, which is the object's own when nothing has
 * to be written. `at` is the time of transitions.
 */
export const planners: {
  readonly [K in PlannedKind]: (
    object: ObjectsByKind[K],
    view: ClusterView,
    at: string,
  ) => ObjectsByKind[K]["status"];
} = {
  Vpc: planVpc,
  Subnet: planSubnet,
  IPPool: planIpPool,
  IPBlock: planIpBlock,
  IPClaim: planIpClaim,
  Fabric: planFabric,
  Switch: planSwitch,
  Link: planLink,
  BGPPeer: planBgpPeer,
};

export function isPlanned(kind: string): kind is PlannedKind {
  return Object.hasOwn(planners, kind);
}
