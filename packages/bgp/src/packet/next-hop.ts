/**
 * Next hops in MP_REACH_NLRI. Which forms a family has, in octets:
 *
 *      ipv4-unicast            4; 16 or 32 with RFC 8950
 *      ipv6-unicast            16 or 32 (RFC 2545 3)
 *      ipv4-vpn                12 (RFC 4364 4.3.2); 24 or 48 with RFC 8950, 16 or 32 as of RFC 5549
 *      ipv6-vpn                24 or 48 (RFC 4659 3.2.1)
 *      evpn, route-target      4 or 16 (RFC 7432 7, RFC 4684 4)
 *      flow specifications     0, and ignored whatever it is (RFC 8955 4)
 *
 * Twice the length of one IPv6 address is a global and a link-local one. VPN families put a route
 * distinguisher of zero before each address.
 */
import { type Ip, type Ip4, type Ip6, ipFromBytes, ipToBytes, isLinkLocal6 } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import type { AddressFamily } from "./address-family.ts";
import { noNextHop } from "./path-attributes.ts";

const rdLength = 8;

/** A next hop as received; both addresses are owned values. */
export interface DecodedNextHop {
  readonly nextHop: Ip;
  readonly linkLocalNextHop?: Ip6;
}

/** False for flow specifications. */
export function hasNextHop(family: AddressFamily): boolean {
  return family !== "ipv4-flowspec" && family !== "ipv6-flowspec";
}

/** The addresses of `bytes`, or a text that says which lengths are wanted. */
export function decodeNextHop(
  family: AddressFamily,
  bytes: Uint8Array,
  extendedNextHop: boolean,
): DecodedNextHop | string {
  const { length } = bytes;
  switch (family) {
    case "ipv4-unicast":
      if (length === 4) return { nextHop: ipFromBytes(bytes) as Ip4 };
      if (!extendedNextHop) return "4";
      return isPair(length, 0) ? decodePair(bytes, 0) : "4, 16 or 32";
    case "ipv6-unicast":
      return isPair(length, 0) ? decodePair(bytes, 0) : "16 or 32";
    case "ipv4-vpn":
      if (length === rdLength + 4) return { nextHop: ipFromBytes(bytes.subarray(rdLength)) as Ip4 };
      if (!extendedNextHop) return "12";
      if (isPair(length, 0)) return decodePair(bytes, 0);
      return isPair(length, rdLength) ? decodePair(bytes, rdLength) : "12, 24 or 48";
    case "ipv6-vpn":
      return isPair(length, rdLength) ? decodePair(bytes, rdLength) : "24 or 48";
    case "evpn":
    case "route-target":
      return length === 4 || length === 16 ? { nextHop: ipFromBytes(bytes) } : "4 or 16";
    case "ipv4-flowspec":
    case "ipv6-flowspec":
      return { nextHop: noNextHop };
  }
}

function isPair(length: number, skipped: number): boolean {
  return length === skipped + 16 || length === 2 * (skipped + 16);
}

/**
 * A second address that is not link-local is dropped. One link-local address alone, as unnumbered
 * peers have, is sent in different ways: twice, or with :: as the global one; it is the next hop in
 * all of them.
 */
function decodePair(bytes: Uint8Array, skipped: number): DecodedNextHop {
  const first = ipFromBytes(bytes.subarray(skipped, skipped + 16)) as Ip6;
  if (bytes.length === skipped + 16) return { nextHop: first };
  const second = ipFromBytes(bytes.subarray(2 * skipped + 16)) as Ip6;
  if (!isLinkLocal6(second) || second === first) return { nextHop: first };
  return first === 0n ? { nextHop: second } : { nextHop: first, linkLocalNextHop: second };
}

/**
 * Octets of the field; `linkLocalNextHop` counts only beside an IPv6 next hop of a family that has
 * the form with both. Whether the peer takes an IPv6 next hop for IPv4 is the caller's to know (RFC
 * 8950). An IPv4 next hop of an `ipv6-vpn` route is mapped into IPv6 (RFC 4659 3.2.1.2).
 * @throws BgpError `encode` for an `ipv6-unicast` route with an IPv4 next hop
 */
export function encodeNextHop(
  family: AddressFamily,
  nextHop: Ip,
  linkLocalNextHop?: Ip6,
): Uint8Array {
  switch (family) {
    case "ipv4-unicast":
      return encodePair(nextHop, linkLocalNextHop, 0);
    case "ipv6-unicast":
      if (typeof nextHop === "number") {
        throw new BgpError("encode", "Cannot encode next hop of ipv6-unicast: IPv4, want IPv6");
      }
      return encodePair(nextHop, linkLocalNextHop, 0);
    case "ipv4-vpn":
      return encodePair(nextHop, linkLocalNextHop, rdLength);
    case "ipv6-vpn": {
      const mapped = typeof nextHop === "number" ? mappedIp6(nextHop) : nextHop;
      return encodePair(mapped, linkLocalNextHop, rdLength);
    }
    case "evpn":
    case "route-target":
      return ipToBytes(nextHop);
    case "ipv4-flowspec":
    case "ipv6-flowspec":
      return new Uint8Array(0);
  }
}

function encodePair(nextHop: Ip, linkLocal: Ip6 | undefined, skipped: number): Uint8Array {
  const addresses = [nextHop, ...(linkLocal === undefined ? [] : [linkLocal])];
  const sent = typeof nextHop === "number" ? [nextHop] : addresses;
  const octets = sent.flatMap((ip) => [...new Uint8Array(skipped), ...ipToBytes(ip)]);
  return Uint8Array.from(octets);
}

/** ::ffff:a.b.c.d (RFC 4291 2.5.5.2). */
function mappedIp6(address: Ip4): Ip6 {
  return ((0xffffn << 32n) | BigInt(address)) as Ip6;
}
