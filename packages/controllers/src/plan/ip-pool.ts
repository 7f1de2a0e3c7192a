/** Status of an IPPool: how full it is, and whether it can serve. */
import {
  blockLengthOf,
  checkPoolInSubnet,
  type IPPool,
  type IPPoolStatus,
  type Subnet,
} from "@heddle/api";
import { parsePrefix } from "@heddle/inet";
import type { PoolUsage } from "../address-usage.ts";
import type { ClusterView } from "../cluster-state.ts";
import { countUsable, formatCount, saturate } from "../usable-addresses.ts";
import { conditionsOf, no, type Verdict, yes } from "./conditions.ts";

/** Addresses of a pool; exact, since IPv6 pools have more than a number can count. */
export interface PoolFill {
  readonly capacity: bigint;
  readonly allocated: number;
  readonly free: bigint;
}

/** @throws ParseError for a pool or a subnet that is none */
export function poolFillOf(pool: IPPool, subnet: Subnet, usage: PoolUsage): PoolFill {
  const capacity = countUsable(pool, subnet);
  const { allocated, blockCount } = usage;
  // A block of a Fixed pool is one address, which a claim keeps also while no pod has it.
  const isFixed = pool.spec.allocation === "Fixed";
  const taken = BigInt(isFixed ? Math.max(blockCount, allocated) : allocated);
  return { capacity, allocated, free: capacity > taken ? capacity - taken : 0n };
}

/** @throws ParseError */
export function planIpPool(pool: IPPool, view: ClusterView, at: string): IPPoolStatus {
  const subnet = view.get("Subnet", pool.spec.subnet);
  const usage = view.usage.ofPool(pool.metadata.name);
  const { allocated, blockCount, orphanedBlockCount } = usage;
  const status = { ...withoutFill(pool.status), allocated, blockCount, orphanedBlockCount };
  if (subnet === undefined) {
    const message = `there is no Subnet ${JSON.stringify(pool.spec.subnet)}`;
    return {
      ...status,
      conditions: conditionsOf(pool, at, { Ready: no("SubnetMissing", message) }),
    };
  }
  const fill = poolFillOf(pool, subnet, usage);
  return {
    ...status,
    capacity: saturate(fill.capacity),
    free: saturate(fill.free),
    capacityText: formatCount(fill.capacity),
    freeText: formatCount(fill.free),
    conditions: conditionsOf(pool, at, {
      Ready: readiness(pool, subnet),
      Exhausted: exhaustion(pool, fill, blockCount),
    }),
  };
}

/** The fill is unknown while there is no subnet. */
function withoutFill(status: IPPoolStatus = { conditions: [] }): IPPoolStatus {
  const { capacity: _, free: _free, capacityText: _text, freeText: _freeText, ...kept } = status;
  return kept;
}

function readiness(pool: IPPool, subnet: Subnet): Verdict {
  const [problem] = checkPoolInSubnet(pool, subnet);
  if (problem !== undefined) return no("OutsideSubnet", problem.message);
  return pool.spec.disabled
    ? yes("Disabled", "existing addresses stay, no new one is given")
    : yes("Serving", "nodes claim blocks and give addresses");
}

function exhaustion(pool: IPPool, { capacity, free }: PoolFill, blockCount: number): Verdict {
  if (capacity === 0n) return yes("NoUsableAddress", "its subnet leaves it no address for pods");
  if (free === 0n) return yes("NoFreeAddress", "every address has been given");
  const lengthOfPool = parsePrefix(pool.spec.cidr).length;
  const blockCountMax = 1n << BigInt(blockLengthOf(pool) - lengthOfPool);
  return BigInt(blockCount) >= blockCountMax
    ? no("NoFreeBlock", "every block is claimed: only nodes that have one can give addresses")
    : no("AddressesFree", "addresses and blocks are free");
}
