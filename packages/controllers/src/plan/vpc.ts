/** Status of a Vpc, apart from its VRF id, which `vrf-allocator.ts` gives. */
import { nativeVpcName, type Vpc, type VpcStatus } from "@heddle/api";
import type { ClusterView } from "../cluster-state.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";

export function planVpc(vpc: Vpc, view: ClusterView, at: string): VpcStatus {
  const { name } = vpc.metadata;
  const vrfId = name === nativeVpcName ? 0 : vpc.status?.vrfId;
  return {
    ...vpc.status,
    ...(vrfId === undefined ? {} : { vrfId }),
    subnetCount: view.referrers(`Vpc/${name}`, "Subnet").length,
    portCount: view.usage.portCountOfVpc(name),
    conditions: conditionsOf(vpc, at, { Ready: readiness(vpc, vrfId, view) }),
  };
}

function readiness(vpc: Vpc, vrfId: number | undefined, view: ClusterView): Verdict {
  if (vpc.metadata.name === nativeVpcName) {
    return yes("Native", "its addresses are routed in the underlay of the data centre");
  }
  if (vrfId === undefined) return no("VrfIdPending", "it has no VRF id");
  // An id is given once; two of the same can only be the work of a restored or an edited status.
  const owner = view.referrers(`Vrf/${vrfId}`, "Vpc").reduce(older, vpc);
  return owner.metadata.name === vpc.metadata.name
    ? yes("VrfIdGiven", `its VRF id is ${vrfId}`)
    : no("VrfIdConflict", `Vpc ${owner.metadata.name} is older and has VRF id ${vrfId} too`);
}

/** By creation, then by name: the same of two for both. */
function older(one: Vpc, other: Vpc): Vpc {
  const order = (vpc: Vpc): string => `${vpc.metadata.creationTimestamp} ${vpc.metadata.name}`;
  return order(other) < order(one) ? other : one;
}
