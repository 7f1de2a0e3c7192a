/**
 * A pool is a prefix cut into blocks of equal length. A block belongs to at most one node, so
 * addresses inside it are handed out without asking anybody.
 *
 * Nodes that claim at the same moment must not all try the same block. Each node walks the pool in
 * an order of its own, a permutation that only depends on its name: two nodes rarely meet, a node
 * that comes back tries the block it had, and every block is reached. The walk goes through windows
 * of 2^16 blocks, so that a huge IPv6 pool hands out low, short addresses before high ones.
 */
import {
  containsIp,
  type Family,
  formatPrefix,
  type Ip,
  type Prefix,
  prefixOf,
  subPrefix,
  widthOf,
} from "@heddle/inet";
import { IpamError } from "./errors.ts";
import { hash32 } from "./hash32.ts";

/** A block holds at most this many addresses: its table is kept in memory, one byte for each. */
const blockBitsMax = 16;

const windowBits = 16;

export interface Pool {
  readonly name: string;
  readonly prefix: Prefix;
  /** Prefix length of a block, from the pool's own length to the width of the family. */
  readonly blockLength: number;
}

export function familyOfPool(pool: Pool): Family {
  return pool.prefix.family;
}

/** @throws IpamError InvalidPool when the block length does not fit the prefix. */
export function makePool(name: string, prefix: Prefix, blockLength: number): Pool {
  const width = widthOf(prefix.family);
  const shortest = Math.max(prefix.length, width - blockBitsMax);
  if (!Number.isInteger(blockLength) || blockLength < shortest || blockLength > width) {
    throw new IpamError(
      "InvalidPool",
      `Cannot cut pool ${name} (${formatPrefix(prefix)}) into blocks: ` +
        `block length ${blockLength}, want ${shortest} to ${width}`,
    );
  }
  return { name, prefix, blockLength };
}

/** Number of blocks in the pool. */
export function blockCountOf(pool: Pool): bigint {
  return 1n << BigInt(pool.blockLength - pool.prefix.length);
}

/** The block of the pool that contains `ip`; undefined when the pool does not. */
export function blockOf(pool: Pool, ip: Ip): Prefix | undefined {
  return containsIp(pool.prefix, ip) ? prefixOf(ip, pool.blockLength) : undefined;
}

/**
 * Every block of the pool once, in the order in which `node` tries them. Lazy: a caller takes as
 * many as it needs.
 */
export function* blockCandidates(pool: Pool, node: string): Generator<Prefix> {
  const bits = pool.blockLength - pool.prefix.length;
  const windowSize = 2 ** Math.min(bits, windowBits);
  const windowCount = 1n << BigInt(Math.max(0, bits - windowBits));
  const start = hash32(`${pool.name}/${node}`) % windowSize;
  // An odd step visits every index of a power-of-two window exactly once.
  const step = ((hash32(`${node}/${pool.name}`) | 1) >>> 0) % windowSize || 1;
  for (let window = 0n; window < windowCount; window += 1n) {
    for (let i = 0; i < windowSize; i += 1) {
      const index = window * BigInt(windowSize) + BigInt((start + i * step) % windowSize);
      yield subPrefix(pool.prefix, pool.blockLength, index);
    }
  }
}
