/** How many addresses of a pool can serve a pod: all but those that its subnet reserves. */
import type { IPPool, Subnet } from "@heddle/api";
import {
  containsPrefix,
  type Ip,
  lastIp,
  type Prefix,
  parsePrefix,
  sizeOf,
  widthOf,
} from "@heddle/inet";
import { parseReservations, type SubnetReservation } from "@heddle/ipam";

/** Inclusive. */
type Range = readonly [first: bigint, last: bigint];

/**
 * Agrees with `isReserved` of `@heddle/ipam`, address by address, without visiting them. 0 when the
 * pool lies in none of the subnet's prefixes.
 * @throws ParseError
 */
export function countUsable(pool: IPPool, subnet: Subnet): bigint {
  const prefix = parsePrefix(pool.spec.cidr);
  const reservation = parseReservations(subnet.spec).get(prefix.family);
  if (reservation === undefined || !containsPrefix(reservation.subnet, prefix)) return 0n;
  return sizeOf(prefix) - sizeOfUnion(reservedRanges(reservation), rangeOf(prefix));
}

/** Nothing for an address or a range of the other family. */
function reservedRanges({ subnet, gateways, excluded }: SubnetReservation): Range[] {
  const isOfFamily = (ip: Ip): boolean => typeof ip === typeof subnet.address;
  return [
    ...edgesOf(subnet),
    ...gateways.filter(isOfFamily).map((ip): Range => [numberOf(ip), numberOf(ip)]),
    ...excluded
      .filter(({ first }) => isOfFamily(first))
      .map(({ first, last }): Range => [numberOf(first), numberOf(last)]),
  ];
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

/** For people: the number, or the nearest power of two when {@link saturate} would cut it. */
export function formatCount(count: bigint): string {
  if (count <= BigInt(Number.MAX_SAFE_INTEGER)) return String(count);
  return `~2^${Math.round(Math.log2(Number(count)))}`;
}
