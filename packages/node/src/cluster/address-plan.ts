/**
 * Subnet, IPPool and Vpc objects as native values, parsed once at this edge. An object that is
 * wrong in a way that the API should have refused is left out and named in `problems`; the others
 * serve.
 */
import { blockLengthOf, type IPPool, matchesLabels, nativeVpcName, type Subnet } from "@heddle/api";
import {
  type Family,
  ParseError,
  parsePrefix,
  parseVrfId,
  type VrfId,
  widthOf,
} from "@heddle/inet";
import {
  IpamError,
  makePool,
  type Pool,
  parseReservations,
  type SubnetReservation,
} from "@heddle/ipam";
import type { ClusterObjects } from "./cluster-objects.ts";

export interface PoolPlan {
  readonly pool: Pool;
  readonly subnet: string;
  /** Serves claims only: its blocks are single addresses. */
  readonly isFixed: boolean;
  /** This node may claim blocks and give new addresses. */
  readonly isOpen: boolean;
}

export interface SubnetPlan {
  readonly name: string;
  readonly vpc: string;
  /** Undefined when the Vpc does not exist or has no VRF yet. */
  readonly vrf: VrfId | undefined;
  /** By family; a pod gets one address of each family that the subnet has. */
  readonly reservations: ReadonlyMap<Family, SubnetReservation>;
  readonly pools: readonly PoolPlan[];
  readonly subnet: Subnet;
}

/** A Subnet whose addresses may be given: its VRF is known. */
export interface RoutedSubnet extends SubnetPlan {
  readonly vrf: VrfId;
}

export function isRouted(subnet: SubnetPlan): subnet is RoutedSubnet {
  return subnet.vrf !== undefined;
}

export interface AddressPlan {
  readonly subnets: ReadonlyMap<string, SubnetPlan>;
  readonly problems: readonly string[];
}

export function readAddressPlan(objects: ClusterObjects): AddressPlan {
  const problems: string[] = [];
  const attempt = <T>(what: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ParseError) && !(error instanceof IpamError)) throw error;
      problems.push(`${what}: ${error.message}`);
      return undefined;
    }
  };
  const labels = objects.nodeLabels();
  const pools = objects.pools.list().flatMap((pool) => {
    const plan = attempt(`IPPool ${pool.metadata.name}`, () => readPool(pool, labels));
    return plan === undefined ? [] : [plan];
  });
  const subnets = new Map<string, SubnetPlan>();
  for (const subnet of objects.subnets.list()) {
    const plan = attempt(`Subnet ${subnet.metadata.name}`, () =>
      readSubnet(subnet, pools, objects),
    );
    if (plan !== undefined) subnets.set(plan.name, plan);
  }
  return { subnets, problems };
}

function readPool(pool: IPPool, labels: Readonly<Record<string, string>>): PoolPlan {
  const prefix = parsePrefix(pool.spec.cidr);
  const isFixed = pool.spec.allocation === "Fixed";
  const { nodeSelector, disabled } = pool.spec;
  return {
    // An address of a Fixed pool moves alone, so its block is the address.
    pool: isFixed
      ? { name: pool.metadata.name, prefix, blockLength: widthOf(prefix.family) }
      : makePool(pool.metadata.name, prefix, blockLengthOf(pool)),
    subnet: pool.spec.subnet,
    isFixed,
    isOpen: !disabled && (nodeSelector === undefined || matchesLabels(nodeSelector, labels)),
  };
}

function readSubnet(
  subnet: Subnet,
  pools: readonly PoolPlan[],
  objects: ClusterObjects,
): SubnetPlan {
  return {
    name: subnet.metadata.name,
    vpc: subnet.spec.vpc,
    vrf: vrfOf(subnet.spec.vpc, objects),
    reservations: parseReservations(subnet.spec),
    pools: pools
      .filter((pool) => pool.subnet === subnet.metadata.name)
      .toSorted((a, b) => (a.pool.name < b.pool.name ? -1 : 1)),
    subnet,
  };
}

function vrfOf(vpc: string, objects: ClusterObjects): VrfId | undefined {
  if (vpc === nativeVpcName) return parseVrfId(0);
  const id = objects.vpcs.get({ name: vpc })?.status?.vrfId;
  return id === undefined ? undefined : parseVrfId(id);
}
