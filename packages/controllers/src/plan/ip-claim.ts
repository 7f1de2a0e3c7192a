/** Conditions of an IPClaim; its phase, addresses and holder are written by nodes. */
import type { IPClaim, IPClaimStatus, IPPool } from "@heddle/api";
import { containsIp, type Ip, parseIp, parsePrefix } from "@heddle/inet";
import type { ClusterView } from "../cluster-state.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";

/** @throws ParseError for an address that is none */
export function planIpClaim(claim: IPClaim, view: ClusterView, at: string): IPClaimStatus {
  return {
    ...(claim.status ?? { phase: "Pending", addresses: [] }),
    conditions: conditionsOf(claim, at, { Ready: readiness(claim, view) }),
  };
}

function readiness({ spec, status }: IPClaim, view: ClusterView): Verdict {
  const holder = status?.holder?.node;
  if (holder !== undefined && view.isNodeMissing(holder)) {
    const message = `there is no Node ${JSON.stringify(holder)}, which holds the addresses`;
    return no("HolderMissing", message);
  }
  const fault = spec.subnet === undefined ? undefined : faultIn(spec.subnet, spec.addresses, view);
  if (fault !== undefined) return fault;
  return status?.phase === "Bound"
    ? yes("Bound", "a pod has the addresses")
    : yes("Available", "a pod can have the addresses");
}

/** Without a subnet of its own the claim is about that of its pod, which is not known here. */
function faultIn(
  subnet: string,
  addresses: readonly string[],
  view: ClusterView,
): Verdict | undefined {
  if (view.get("Subnet", subnet) === undefined) {
    return no("SubnetMissing", `there is no Subnet ${JSON.stringify(subnet)}`);
  }
  const pools = view
    .referrers(`Subnet/${subnet}`, "IPPool")
    .filter(({ spec }) => spec.allocation === "Fixed");
  if (pools.length === 0) {
    return no("PoolMissing", `no IPPool of Subnet ${subnet} has allocation Fixed`);
  }
  const outside = addresses.find((address) => !isInOne(pools, parseIp(address)));
  if (outside === undefined) return undefined;
  const message = `${outside} is in no IPPool of Subnet ${subnet} with allocation Fixed`;
  return no("AddressOutsidePools", message);
}

function isInOne(pools: readonly IPPool[], ip: Ip): boolean {
  return pools.some(({ spec }) => containsIp(parsePrefix(spec.cidr), ip));
}
