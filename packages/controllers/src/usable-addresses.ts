/** How many addresses of a pool can serve a pod: all but those that its subnet reserves. */
import type { IPPool, Subnet } from "@heddle/api";
import {
  containsIp,
  type Ip,
  lastIp,
  type Prefix,
  parseIp,
  parsePrefix,
  sizeOf,
  widthOf,
} from "@heddle/inet";

/** Inclusive. */
type Range = readonly [first: bigint, last: bigint];

/**
 * Agrees with `isReserved` of `@heddle/ipam`, address by address, without visiting them. 0 when the
 * pool lies in none of the subnet's prefixes.
 * @throws ParseError
 */
export function countUsable(pool: IPPool, subnet: Subnet): bigint {
  const prefix = parsePrefix(pool.spec.cidr);
  const around = subnet.spec.cidrs
    .map(parsePrefix)
    .find(({ family, length }) => family === prefix.family && length <= prefix.length);
  if (around === undefined || !containsIp(around, prefix.address)) return 0n;
  const texts = [...subnet.spec.gateways, ...subnet.spec.excludedAddresses];
  const reserved = [...edgesOf(around), ...texts.flatMap((text) => rangeIn(text, prefix))];
  return sizeOf(prefix) - sizeOfUnion(reserved, rangeOf(prefix));
}

/** Network and broadcast address, subnet-router anycast address (RFC 1122, RFC 4291). */
function edgesOf(subnet: Prefix): Range[] {
  if (subnet.length >= widthOf(subnet.family) - 1) return [];
  const [first, last] = rangeOf(subnet);
  return subnet.family === 4
    ? [
        [first, first],
        [last, last],
      ]
    : [[first, first]];
}

/** Nothing for an address or a prefix of another family. */
function rangeIn(text: string, { family }: Prefix): Range[] {
  if (text.includes("/")) {
    const prefix = parsePrefix(text);
    return prefix.family === family ? [rangeOf(prefix)] : [];
  }
  const ip = parseIp(text);
  return typeof ip === (family === 4 ? "number" : "bigint") ? [[BigInt(ip), BigInt(ip)]] : [];
}

function rangeOf(prefix: Prefix): Range {
  return [numberOf(prefix.address), numberOf(lastIp(prefix))];
}

function numberOf(ip: Ip): bigint {
  return BigInt(ip);
}

/** Number of addresses of `within` that are in one of the ranges. */
function sizeOfUnion(ranges: readonly Range[], [start, end]: Range): bigint {
  let size = 0n;
  let next = start;
  for (const [first, last] of ranges.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (first > next) next = first;
    const after = last < end ? last + 1n : end + 1n;
    if (after <= next) continue;
    size += after - next;
    next = after;
  }
  return size;
}

/** What fits in an integer of JSON: 2^53-1 stands for so many and more. */
export function saturate(count: bigint): number {
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(count > max ? max : count);
}
