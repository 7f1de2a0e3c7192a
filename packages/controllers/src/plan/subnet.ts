/** Status of a Subnet: its Ports, its pools, and whether pods can get addresses of it. */
import {
  type IPPool,
  nativeVpcName,
  type Subnet,
  type SubnetAddresses,
  type SubnetStatus,
} from "@heddle/api";
import { type Family, parsePrefix } from "@heddle/inet";
import type { ClusterView } from "../cluster-state.ts";
import { formatCount, saturate } from "../usable-addresses.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";
import { poolFillOf } from "./ip-pool.ts";

/** @throws ParseError for a prefix that is none */
export function planSubnet(subnet: Subnet, view: ClusterView, at: string): SubnetStatus {
  const { name } = subnet.metadata;
  const pools = view.referrers(`Subnet/${name}`, "IPPool");
  const families = subnet.spec.cidrs.map((cidr) => parsePrefix(cidr).family).sort();
  const addresses = families.map((family) => addressesOf(family, subnet, pools, view));
  return {
    ...subnet.status,
    portCount: view.usage.portCountOfSubnet(name),
    poolCount: pools.length,
    addresses,
    conditions: conditionsOf(subnet, at, {
      Ready: readiness(subnet, families, pools, view),
      Exhausted: exhaustion(addresses, pools),
    }),
  };
}

function isOfFamily(pool: IPPool, family: Family): boolean {
  return parsePrefix(pool.spec.cidr).family === family;
}

function addressesOf(
  family: Family,
  subnet: Subnet,
  pools: readonly IPPool[],
  view: ClusterView,
): SubnetAddresses {
  let [capacity, allocated, free] = [0n, 0, 0n];
  for (const pool of pools) {
    if (!isOfFamily(pool, family)) continue;
    const fill = poolFillOf(pool, subnet, view.usage.ofPool(pool.metadata.name));
    capacity += fill.capacity;
    allocated += fill.allocated;
    if (pool.spec.allocation === "Dynamic" && !pool.spec.disabled) free += fill.free;
  }
  return {
    family: nameOfFamily(family),
    capacity: saturate(capacity),
    allocated,
    free: saturate(free),
    freeText: formatCount(free),
  };
}

function readiness(
  { spec: { vpc: name } }: Subnet,
  families: readonly Family[],
  pools: readonly IPPool[],
  view: ClusterView,
): Verdict {
  const vpc = view.get("Vpc", name);
  if (name !== nativeVpcName) {
    if (vpc === undefined) return no("VpcMissing", `there is no Vpc ${JSON.stringify(name)}`);
    if (vpc.status?.vrfId === undefined) return no("VrfIdPending", `Vpc ${name} has no VRF id`);
  }
  const without = families.find((family) => !pools.some((pool) => isOfFamily(pool, family)));
  return without === undefined
    ? yes("Serving", "its VPC and pools of every family are there")
    : no("PoolMissing", `no IPPool has ${nameOfFamily(without)} addresses of it`);
}

/** A pod gets an address of each family, or none. */
function exhaustion(addresses: readonly SubnetAddresses[], pools: readonly IPPool[]): Verdict {
  const full = addresses.find(
    ({ family, free }) => free === 0 && pools.some((pool) => isDynamicOf(pool, family)),
  );
  return full === undefined
    ? no("AddressesFree", "no family has run out of addresses")
    : yes("NoFreeAddress", `no ${full.family} address is free for a pod without an IPClaim`);
}

function isDynamicOf(pool: IPPool, family: SubnetAddresses["family"]): boolean {
  return (
    pool.spec.allocation === "Dynamic" &&
    nameOfFamily(parsePrefix(pool.spec.cidr).family) === family
  );
}

function nameOfFamily(family: Family): SubnetAddresses["family"] {
  return family === 4 ? "IPv4" : "IPv6";
}
