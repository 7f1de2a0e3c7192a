/**
 * How many addresses and blocks are in use, kept as sums: a Port or a block that comes or goes
 * costs the same whatever else there is. The sums equal a count of everything at any time.
 *
 * Which pool an address belongs to follows from the pools of its subnet, and for the infrastructure
 * address of a Port in another VPC from those of the native subnets. When these change, which
 * people do now and then, the sums concerned are made anew from the Ports at the next question.
 */
import { type IPBlock, type IPPool, nativeVpcName, type Port, type Subnet } from "@heddle/api";
import { containsIp, ParseError, type Prefix, parseIp, parsePrefix } from "@heddle/inet";
import { must } from "@heddle/std";

export interface PoolUsage {
  /** Addresses that Ports have. */
  readonly allocated: number;
  readonly blockCount: number;
  /** Blocks whose Node is none of the known ones. */
  readonly orphanedBlockCount: number;
}

/** Addresses of one address space: of a subnet, or the infrastructure addresses. */
interface AddressSums {
  /** Local name of each Port, and the addresses it was counted with. */
  readonly ports: Map<string, readonly string[]>;
  /** Undefined where a foreign API server has let a text through that is no prefix. */
  readonly pools: Map<string, Prefix | undefined>;
  /** Addresses of Ports by pool; undefined after the pools have changed. */
  allocated: Map<string, number> | undefined;
}

export class AddressUsage {
  readonly #subnets = new Map<string, AddressSums>();
  readonly #nativeSubnets = new Set<string>();
  readonly #infrastructure: AddressSums = newSums();
  readonly #subnetOfPool = new Map<string, string>();
  readonly #portsOfVpc = new Map<string, number>();
  readonly #blocksOfPool = new Map<string, number>();
  readonly #orphansOfPool = new Map<string, number>();
  /** Blocks by node, then by pool. */
  readonly #blocksOfNode = new Map<string, Map<string, number>>();
  readonly #nodes = new Set<string>();

  ofPool(name: string): PoolUsage {
    const subnet = this.#subnetOfPool.get(name);
    const sums = subnet === undefined ? undefined : this.#subnets.get(subnet);
    const own = sums === undefined ? 0 : countAt(allocatedIn(sums), name);
    return {
      allocated: own + countAt(allocatedIn(this.#infrastructure), name),
      blockCount: countAt(this.#blocksOfPool, name),
      // Where no Node is registered, an absent one says nothing.
      orphanedBlockCount: this.#nodes.size === 0 ? 0 : countAt(this.#orphansOfPool, name),
    };
  }

  portCountOfSubnet(name: string): number {
    const sums = this.#subnets.get(name);
    return sums === undefined ? 0 : sums.ports.size;
  }

  portCountOfVpc(name: string): number {
    return countAt(this.#portsOfVpc, name);
  }

  /** Pools that addresses of the Port may be in, each with its subnet. */
  *poolsOfPort(port: Port): Generator<readonly [pool: string, subnet: string]> {
    const { subnet } = port.spec;
    const sums = this.#subnets.get(subnet);
    if (sums !== undefined) for (const pool of sums.pools.keys()) yield [pool, subnet];
    for (const address of infrastructureOf(port)) {
      const pool = poolOf(this.#infrastructure.pools, address);
      if (pool !== undefined) yield [pool, must(this.#subnetOfPool.get(pool), "pools have one")];
    }
  }

  /** Pools with a block of the node. */
  poolsOfNode(name: string): Iterable<string> {
    const pools = this.#blocksOfNode.get(name);
    return pools === undefined ? [] : pools.keys();
  }

  setSubnet(name: string, after: Subnet | undefined): void {
    const isNative = after?.spec.vpc === nativeVpcName;
    if (this.#nativeSubnets.has(name) === isNative) return;
    if (isNative) this.#nativeSubnets.add(name);
    else this.#nativeSubnets.delete(name);
    for (const [pool, prefix] of this.#subnets.get(name)?.pools ?? []) {
      changePool(this.#infrastructure, pool, isNative, prefix);
    }
  }

  setPool(before: IPPool | undefined, after: IPPool | undefined): void {
    const isSame = before?.spec.subnet === after?.spec.subnet;
    if (isSame && before?.spec.cidr === after?.spec.cidr) return;
    for (const [pool, exists] of [
      [before, false],
      [after, true],
    ] as const) {
      if (pool === undefined) continue;
      const { metadata, spec } = pool;
      const prefix = orUndefined(() => parsePrefix(spec.cidr));
      changePool(this.#sumsOf(spec.subnet), metadata.name, exists, prefix);
      if (this.#nativeSubnets.has(spec.subnet)) {
        changePool(this.#infrastructure, metadata.name, exists, prefix);
      }
      if (exists) this.#subnetOfPool.set(metadata.name, spec.subnet);
      else this.#subnetOfPool.delete(metadata.name);
      this.#forgetIfEmpty(spec.subnet);
    }
  }

  /** `name` is unique among Ports. */
  setPort(name: string, before: Port | undefined, after: Port | undefined): void {
    if (before !== undefined) {
      const { subnet, vpc } = before.spec;
      dropPort(this.#sumsOf(subnet), name);
      dropPort(this.#infrastructure, name);
      addTo(this.#portsOfVpc, vpc, -1);
      this.#forgetIfEmpty(subnet);
    }
    if (after !== undefined) {
      const { subnet, vpc, addresses } = after.spec;
      addPort(this.#sumsOf(subnet), name, addresses);
      const infrastructure = infrastructureOf(after);
      if (infrastructure.length > 0) addPort(this.#infrastructure, name, infrastructure);
      addTo(this.#portsOfVpc, vpc, 1);
    }
  }

  setBlock(before: IPBlock | undefined, after: IPBlock | undefined): void {
    if (before !== undefined) this.#addBlock(before, -1);
    if (after !== undefined) this.#addBlock(after, 1);
  }

  setNode(name: string, exists: boolean): void {
    if (this.#nodes.has(name) === exists) return;
    if (exists) this.#nodes.add(name);
    else this.#nodes.delete(name);
    const blocks = this.#blocksOfNode.get(name);
    if (blocks === undefined) return;
    for (const [pool, count] of blocks) addTo(this.#orphansOfPool, pool, exists ? -count : count);
  }

  #addBlock({ spec: { pool, node } }: IPBlock, sign: 1 | -1): void {
    addTo(this.#blocksOfPool, pool, sign);
    if (node === undefined) return;
    const ofNode = this.#blocksOfNode.get(node) ?? new Map<string, number>();
    addTo(ofNode, pool, sign);
    if (ofNode.size === 0) this.#blocksOfNode.delete(node);
    else this.#blocksOfNode.set(node, ofNode);
    if (!this.#nodes.has(node)) addTo(this.#orphansOfPool, pool, sign);
  }

  #sumsOf(subnet: string): AddressSums {
    const known = this.#subnets.get(subnet);
    if (known !== undefined) return known;
    const sums = newSums();
    this.#subnets.set(subnet, sums);
    return sums;
  }

  #forgetIfEmpty(subnet: string): void {
    const sums = this.#subnets.get(subnet);
    if (sums?.ports.size === 0 && sums.pools.size === 0) this.#subnets.delete(subnet);
  }
}

function newSums(): AddressSums {
  return { ports: new Map(), pools: new Map(), allocated: undefined };
}

/** In the native VPC they are the addresses that are counted already. */
function infrastructureOf({ spec }: Port): readonly string[] {
  return spec.vpc === nativeVpcName ? [] : spec.infrastructureAddresses;
}

function changePool(
  sums: AddressSums,
  name: string,
  exists: boolean,
  prefix: Prefix | undefined,
): void {
  if (exists) sums.pools.set(name, prefix);
  else sums.pools.delete(name);
  sums.allocated = undefined;
}

function addPort(sums: AddressSums, name: string, addresses: readonly string[]): void {
  sums.ports.set(name, addresses);
  if (sums.allocated !== undefined) addAddresses(sums.pools, sums.allocated, addresses, 1);
}

function dropPort(sums: AddressSums, name: string): void {
  const addresses = sums.ports.get(name);
  if (addresses === undefined) return;
  sums.ports.delete(name);
  if (sums.allocated !== undefined) addAddresses(sums.pools, sums.allocated, addresses, -1);
}

function allocatedIn(sums: AddressSums): ReadonlyMap<string, number> {
  if (sums.allocated !== undefined) return sums.allocated;
  const allocated = new Map<string, number>();
  for (const addresses of sums.ports.values()) addAddresses(sums.pools, allocated, addresses, 1);
  sums.allocated = allocated;
  return allocated;
}

function addAddresses(
  pools: AddressSums["pools"],
  allocated: Map<string, number>,
  addresses: readonly string[],
  sign: 1 | -1,
): void {
  for (const address of addresses) {
    const pool = poolOf(pools, address);
    if (pool !== undefined) addTo(allocated, pool, sign);
  }
}

function poolOf(pools: AddressSums["pools"], address: string): string | undefined {
  const ip = orUndefined(() => parseIp(address));
  if (ip === undefined) return undefined;
  for (const [name, prefix] of pools) {
    if (prefix !== undefined && containsIp(prefix, ip)) return name;
  }
  return undefined;
}

/** Sums are told of changes by watches, which cannot refuse; what is wrong is left out of them. */
function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

function countAt(counts: ReadonlyMap<string, number>, key: string): number {
  return counts.get(key) ?? 0;
}

function addTo(counts: Map<string, number>, key: string, amount: number): void {
  const sum = countAt(counts, key) + amount;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
