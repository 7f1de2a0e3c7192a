/**
 * Designated forwarder election (RFC 7432 8.5, RFC 8584): who of the nodes on a segment brings
 * broadcast, unknown and multicast frames to it, per Ethernet tag.
 */
import { compareIp, type Esi, esiToBytes, type Ip, ipToBytes } from "@heddle/inet";
import type { ElectionAlgorithm } from "./vrf.ts";

export interface SegmentMember {
  /** The originator of its type 4 route. */
  readonly address: Ip;
  /** Undefined for an algorithm that is not known here. */
  readonly algorithm: ElectionAlgorithm | undefined;
}

export interface Election {
  readonly forwarder: Ip;
  /** Who takes over; undefined when there is nobody. */
  readonly backup: Ip | undefined;
}

/**
 * `members` are all nodes on the segment with ourselves, in any order; undefined when there are
 * none. `ethernetTag` is uint32; with VXLAN it is the VNI (RFC 8365 7.1). When not all of them ask
 * for the same algorithm it is the modulo (RFC 8584 2.2.1).
 */
export function electForwarder(
  members: readonly SegmentMember[],
  esi: Esi,
  ethernetTag: number,
): Election | undefined {
  const sorted = [...members].sort((a, b) => compareIp(a.address, b.address));
  const [first] = sorted;
  if (first === undefined) return undefined;
  const agreed = sorted.every(({ algorithm }) => algorithm === first.algorithm);
  const ranked =
    agreed && first.algorithm === "highest-random-weight"
      ? byWeight(sorted, esi, ethernetTag)
      : byModulo(sorted, ethernetTag);
  return { forwarder: (ranked[0] as SegmentMember).address, backup: ranked[1]?.address };
}

/** RFC 7432 8.5: ordinals by ascending address. The backup is who would win without the winner. */
function byModulo(sorted: readonly SegmentMember[], ethernetTag: number): SegmentMember[] {
  const winner = sorted[ethernetTag % sorted.length] as SegmentMember;
  const others = sorted.filter((member) => member !== winner);
  const backup = others[ethernetTag % Math.max(1, others.length)];
  return backup === undefined ? [winner] : [winner, backup];
}

/** RFC 8584 3.2: the highest weight, of equal ones the lowest address. */
function byWeight(
  sorted: readonly SegmentMember[],
  esi: Esi,
  ethernetTag: number,
): SegmentMember[] {
  const digest = crc32([
    ...[24, 16, 8, 0].map((shift) => (ethernetTag >>> shift) & 0xff),
    ...esiToBytes(esi),
  ]);
  const weighed = sorted.map((member) => ({ member, weight: weightOf(member.address, digest) }));
  weighed.sort((a, b) => Number(b.weight - a.weight));
  return weighed.map(({ member }) => member);
}

const multiplier = 1103515245n;
const increment = 12345n;
const low31 = (1n << 31n) - 1n;

/** Wrand of RFC 8584 3.2; of the address the low 31 bits count. */
function weightOf(address: Ip, digest: number): bigint {
  let value = 0n;
  for (const octet of ipToBytes(address)) value = (value << 8n) | BigInt(octet);
  const inner = (multiplier * (value & low31) + increment) ^ BigInt(digest);
  return (multiplier * inner + increment) & low31;
}

/** CRC-32 of IEEE 802.3 (RFC 8584 3.2), reflected. */
function crc32(octets: readonly number[]): number {
  let crc = 0xffffffff;
  for (const octet of octets) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
