/**
 * The per-peer header (RFC 7854 4.2).
 *
 *      peer type (1) | peer flags (1) | peer distinguisher (8)
 *      | peer address (16, IPv4 in the last 4) | peer AS (4) | peer BGP ID (4)
 *      | timestamp: seconds (4), microseconds (4)
 *
 * Of the Loc-RIB (RFC 9069 4.1) address and distinguisher are 0, and the flags are others.
 */
import type { Reader, Writer } from "@heddle/codec";
import { type Ip, ip4FromNumber, ipFromBytes, ipToBytes } from "@heddle/inet";
import { bmpLocRibFlags, bmpPeerFlags, bmpPeerTypes } from "./iana.ts";
import type { BmpPeer } from "./message.ts";

const usPerSecond = 1_000_000n;

/** @throws BoundsError */
export function decodePerPeerHeader(r: Reader): BmpPeer {
  const type = r.u8();
  const octet = r.u8();
  const isLocRib = type === bmpPeerTypes.locRib;
  const flags = isLocRib ? 0 : octet;
  const distinguisher = r.u64();
  const address = readAddress(r, (flags & bmpPeerFlags.ipv6) !== 0);
  const asn = r.u32();
  const routerId = ip4FromNumber(r.u32());
  const atUs = BigInt(r.u32()) * usPerSecond + BigInt(r.u32());
  return {
    ...{ type, distinguisher, address, asn, routerId, atUs },
    postPolicy: (flags & bmpPeerFlags.postPolicy) !== 0,
    twoOctetAs: (flags & bmpPeerFlags.twoOctetAs) !== 0,
    adjRibOut: (flags & bmpPeerFlags.adjRibOut) !== 0,
    filtered: isLocRib && (octet & bmpLocRibFlags.filtered) !== 0,
  };
}

export function encodePerPeerHeader(w: Writer, peer: BmpPeer): void {
  const { type, distinguisher, address, asn, routerId, atUs } = peer;
  w.u8(type).u8(flagsOf(peer)).u64(distinguisher);
  writeAddress(w, address);
  w.u32(asn).u32(routerId);
  w.u32(Number(atUs / usPerSecond)).u32(Number(atUs % usPerSecond));
}

function flagsOf(peer: BmpPeer): number {
  if (peer.type === bmpPeerTypes.locRib) return peer.filtered ? bmpLocRibFlags.filtered : 0;
  return (
    (typeof peer.address === "bigint" ? bmpPeerFlags.ipv6 : 0) |
    (peer.postPolicy ? bmpPeerFlags.postPolicy : 0) |
    (peer.twoOctetAs ? bmpPeerFlags.twoOctetAs : 0) |
    (peer.adjRibOut ? bmpPeerFlags.adjRibOut : 0)
  );
}

/** 16 octets; of IPv4 the last four. */
export function readAddress(r: Reader, isIpv6: boolean): Ip {
  const bytes = r.bytes(16);
  return ipFromBytes(isIpv6 ? bytes : bytes.subarray(12));
}

export function writeAddress(w: Writer, address: Ip): void {
  if (typeof address === "number") w.zeros(12);
  w.bytes(ipToBytes(address));
}
