/**
 * Encoding of path attributes, in the order of their type codes (RFC 4271 5). What is encoded is
 * what the caller wants sent: nothing is dropped or added here for the kind of the session.
 */
import type { Writer } from "@heddle/codec";
import type { Ip, Ip6 } from "@heddle/inet";
import { ipToBytes } from "@heddle/inet";
import { type AddressFamily, addressFamilies } from "./address-family.ts";
import { encodeAsPath, needsFourOctets, withoutConfederation } from "./as-path.ts";
import { aigpTlvLength, aigpTlvType } from "./attribute-codec.ts";
import type { CodecContext } from "./context.ts";
import type { SharedAttributes } from "./decoded-attributes.ts";
import { asTrans, attributeFlags, attributeTypes } from "./iana.ts";
import { encodeNextHop } from "./next-hop.ts";
import type { PathAttributes } from "./path-attributes.ts";
import { encodePmsiTunnel } from "./pmsi-tunnel.ts";
import { encodeTunnels } from "./tunnel-encapsulation.ts";

const wellKnown: number = attributeFlags.transitive;
const optionalNonTransitive: number = attributeFlags.optional;

export type EncodeContext = Pick<CodecContext, "fourOctetAs" | "aigp">;

/**
 * Writes the attributes of routes that travel in the NLRI field: NEXT_HOP is one of them.
 * `attributes.nextHop` must be IPv4.
 */
export function encodeAttributes4(w: Writer, attributes: PathAttributes, cx: EncodeContext): void {
  encodeShared(w, attributes, cx, attributes.nextHop);
}

/**
 * Writes the attributes of routes that travel in MP_REACH_NLRI, without that attribute itself: see
 * {@link encodeReachHead}.
 */
export function encodeSharedAttributes(
  w: Writer,
  attributes: SharedAttributes,
  cx: EncodeContext,
): void {
  encodeShared(w, attributes, cx, undefined);
}

function encodeShared(
  w: Writer,
  a: SharedAttributes,
  cx: EncodeContext,
  nextHop: Ip | undefined,
): void {
  let start = beginAttribute(w, wellKnown, attributeTypes.origin);
  w.u8(a.origin);
  endAttribute(w, start);
  start = beginAttribute(w, wellKnown, attributeTypes.asPath);
  encodeAsPath(w, a.asPath, cx.fourOctetAs ? 4 : 2);
  endAttribute(w, start);
  if (nextHop !== undefined) encodeHop(w, nextHop);
  encodeNumber(w, optionalNonTransitive, attributeTypes.multiExitDisc, a.med);
  encodeNumber(w, wellKnown, attributeTypes.localPref, a.localPref);
  if (a.atomicAggregate) {
    endAttribute(w, beginAttribute(w, wellKnown, attributeTypes.atomicAggregate));
  }
  encodeAggregator(w, a, cx);
  encodeLists(w, a);
  encodeAs4(w, a, cx);
  encodeTunnelling(w, a);
  encodeAigp(w, a, cx);
  encodeLarge(w, a);
  for (const raw of a.unknown) {
    // RFC 4271 9: whoever passes on what it does not understand says so.
    start = beginAttribute(w, raw.flags | attributeFlags.partial, raw.type);
    w.bytes(raw.value);
    endAttribute(w, start);
  }
}

function encodeHop(w: Writer, nextHop: Ip): void {
  const start = beginAttribute(w, wellKnown, attributeTypes.nextHop);
  if (typeof nextHop === "number") w.u32(nextHop);
  else w.bytes(ipToBytes(nextHop));
  endAttribute(w, start);
}

/** A uint32, where there is one. */
function encodeNumber(w: Writer, flags: number, type: number, value: number | undefined): void {
  if (value === undefined) return;
  const start = beginAttribute(w, flags, type);
  w.u32(value);
  endAttribute(w, start);
}

function encodeAggregator(w: Writer, a: SharedAttributes, cx: EncodeContext): void {
  const { aggregator } = a;
  if (aggregator === undefined) return;
  const start = beginTransitive(w, a, attributeTypes.aggregator);
  if (cx.fourOctetAs) w.u32(aggregator.asn);
  else w.u16(aggregator.asn > 0xffff ? asTrans : aggregator.asn);
  w.u32(aggregator.address);
  endAttribute(w, start);
}

function encodeLists(w: Writer, a: SharedAttributes): void {
  if (a.communities.length > 0) {
    const start = beginTransitive(w, a, attributeTypes.communities);
    for (const community of a.communities) w.u32(community);
    endAttribute(w, start);
  }
  encodeNumber(w, optionalNonTransitive, attributeTypes.originatorId, a.originatorId);
  if (a.clusterList.length > 0) {
    const start = beginAttribute(w, optionalNonTransitive, attributeTypes.clusterList);
    for (const id of a.clusterList) w.u32(id);
    endAttribute(w, start);
  }
  if (a.extendedCommunities.length > 0) {
    const start = beginTransitive(w, a, attributeTypes.extendedCommunities);
    for (const community of a.extendedCommunities) w.u64(community);
    endAttribute(w, start);
  }
}

function encodeTunnelling(w: Writer, a: SharedAttributes): void {
  const { pmsiTunnel, tunnels, ipv6ExtendedCommunities } = a;
  if (pmsiTunnel !== undefined) {
    const start = beginTransitive(w, a, attributeTypes.pmsiTunnel);
    encodePmsiTunnel(w, pmsiTunnel);
    endAttribute(w, start);
  }
  if (tunnels !== undefined) {
    const start = beginTransitive(w, a, attributeTypes.tunnelEncapsulation);
    encodeTunnels(w, tunnels);
    endAttribute(w, start);
  }
  if (ipv6ExtendedCommunities !== undefined) {
    const start = beginTransitive(w, a, attributeTypes.ipv6ExtendedCommunities);
    for (const community of ipv6ExtendedCommunities) {
      w.u64(community >> 96n).u64((community >> 32n) & 0xffffffffffffffffn);
      w.u32(Number(community & 0xffffffffn));
    }
    endAttribute(w, start);
  }
}

/** RFC 7311 3.3: only where it is enabled. */
function encodeAigp(w: Writer, a: SharedAttributes, cx: EncodeContext): void {
  const metric = a.aigp;
  if (metric === undefined || cx.aigp !== true) return;
  const start = beginAttribute(w, optionalNonTransitive, attributeTypes.aigp);
  w.u8(aigpTlvType).u16(aigpTlvLength).u64(metric);
  if (a.aigpUnknownTlvs !== undefined) w.bytes(a.aigpUnknownTlvs);
  endAttribute(w, start);
}

function encodeLarge(w: Writer, a: SharedAttributes): void {
  if (a.largeCommunities.length > 0) {
    const start = beginTransitive(w, a, attributeTypes.largeCommunities);
    for (const [global, local1, local2] of a.largeCommunities) {
      w.u32(global).u32(local1).u32(local2);
    }
    endAttribute(w, start);
  }
  const { onlyToCustomer } = a;
  if (onlyToCustomer !== undefined) {
    const start = beginTransitive(w, a, attributeTypes.onlyToCustomer);
    w.u32(onlyToCustomer);
    endAttribute(w, start);
  }
}

/** RFC 6793 4.2.2: an old peer gets the wide numbers in AS4_PATH and AS4_AGGREGATOR. */
function encodeAs4(w: Writer, a: SharedAttributes, cx: EncodeContext): void {
  if (cx.fourOctetAs) return;
  if (needsFourOctets(a.asPath)) {
    const start = beginTransitive(w, a, attributeTypes.as4Path);
    encodeAsPath(w, withoutConfederation(a.asPath), 4);
    endAttribute(w, start);
  }
  const { aggregator } = a;
  if (aggregator !== undefined && aggregator.asn > 0xffff) {
    const start = beginTransitive(w, a, attributeTypes.as4Aggregator);
    w.u32(aggregator.asn).u32(aggregator.address);
    endAttribute(w, start);
  }
}

/**
 * Writes MP_REACH_NLRI up to its prefixes, always with an extended length, and returns the offset
 * of that length: the caller appends the prefixes and patches it with `w.length - offset - 2`.
 * @throws BgpError `encode` when the family cannot have such a next hop
 */
export function encodeReachHead(
  w: Writer,
  family: AddressFamily,
  nextHop: Ip,
  linkLocalNextHop?: Ip6,
): number {
  const lengthAt = encodeMpHead(w, attributeTypes.mpReachNlri, family);
  const hop = encodeNextHop(family, nextHop, linkLocalNextHop);
  w.u8(hop.length).bytes(hop).u8(0);
  return lengthAt;
}

/** Writes MP_UNREACH_NLRI up to its prefixes; result as {@link encodeReachHead}. */
export function encodeUnreachHead(w: Writer, family: AddressFamily): number {
  return encodeMpHead(w, attributeTypes.mpUnreachNlri, family);
}

function encodeMpHead(w: Writer, type: number, family: AddressFamily): number {
  w.u8(attributeFlags.optional | attributeFlags.extendedLength).u8(type);
  const lengthAt = w.length;
  const { afi, safi } = addressFamilies[family];
  w.u16(0).u16(afi).u8(safi);
  return lengthAt;
}

/** An optional transitive attribute, with the Partial bit where it was received with it. */
function beginTransitive(w: Writer, a: SharedAttributes, type: number): number {
  const partial = a.partial?.includes(type) === true ? attributeFlags.partial : 0;
  const flags = attributeFlags.optional | attributeFlags.transitive | partial;
  return beginAttribute(w, flags, type);
}

/** Writes the header; returns what {@link endAttribute} wants to know after the value. */
function beginAttribute(w: Writer, flags: number, type: number): number {
  const start = w.length;
  w.u8(flags & ~attributeFlags.extendedLength)
    .u8(type)
    .u8(0);
  return start;
}

/** Puts the length in, an extended one only where the value is longer than 255 octets. */
function endAttribute(w: Writer, start: number): void {
  const length = w.length - start - 3;
  if (length <= 255) {
    w.patchU8(start + 2, length);
    return;
  }
  const attribute = w.view().slice(start);
  w.truncate(start);
  w.u8(attribute[0]! | attributeFlags.extendedLength)
    .u8(attribute[1]!)
    .u16(length)
    .bytes(attribute.subarray(3));
}
