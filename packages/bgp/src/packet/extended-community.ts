/**
 * Extended communities (RFC 4360) as values; on the wire and in `PathAttributes` each is a uint64.
 *
 *      type (1: I, T, type) | sub-type (1, most types) | value (6)
 *
 * A community that is not known here, or that has a reserved bit set, is `opaque`: every uint64
 * comes back from its value unchanged. Text is in `extended-community-text.ts`.
 */
import { type Mac, type RouteTarget, routeTargetFromBigint } from "@heddle/inet";

/** Types with their sub-types, the first two octets. https://www.iana.org/assignments/bgp-extended-communities */
export const extendedCommunityTypes = {
  routeTargetAs2: 0x0002, // RFC 4360
  routeTargetIp4: 0x0102, // RFC 4360
  routeTargetAs4: 0x0202, // RFC 5668
  siteOfOriginAs2: 0x0003, // RFC 4360
  siteOfOriginIp4: 0x0103, // RFC 4360
  siteOfOriginAs4: 0x0203, // RFC 5668
  // OSPF Domain Identifier 0x0005, OSPF Route Type 0x0306, OSPF Router ID 0x0107: RFC 4577
  color: 0x030b, // RFC 9012
  encapsulation: 0x030c, // RFC 9012
  defaultGateway: 0x030d, // RFC 7432
  linkBandwidth: 0x4004, // draft-ietf-idr-link-bandwidth
  macMobility: 0x0600, // RFC 7432
  esiLabel: 0x0601, // RFC 7432
  esImport: 0x0602, // RFC 7432
  routerMac: 0x0603, // RFC 9135
  layer2Attributes: 0x0604, // RFC 8214
  // E-Tree 0x0605: RFC 8317; DF Election 0x0606: RFC 8584
  trafficRateBytes: 0x8006, // RFC 8955
  trafficAction: 0x8007, // RFC 8955
  redirectAs2: 0x8008, // RFC 8955
  redirectIp4: 0x8108, // RFC 8955
  redirectAs4: 0x8208, // RFC 8955
  trafficMarking: 0x8009, // RFC 8955
  trafficRatePackets: 0x800c, // RFC 8955
  /**
   * Heddle's security tag, in the generic transitive experimental space (RFC 7153 2.1): reserved
   * (2) | tag (4).
   */
  securityTag: 0x80f0,
} as const;

const types = extendedCommunityTypes;

export type ExtendedCommunity =
  | { readonly kind: "route-target"; readonly routeTarget: RouteTarget }
  /** Layout of a route target, with the sub-type of Route Origin; uint64. */
  | { readonly kind: "site-of-origin"; readonly value: bigint }
  /** RFC 9012 4.3; `flags` uint16, the CO bits of RFC 9256 are the highest two. */
  | { readonly kind: "color"; readonly flags: number; readonly color: number }
  /** RFC 9012 4.1: see `tunnelTypes`. */
  | { readonly kind: "encapsulation"; readonly tunnelType: number }
  /** RFC 7432 10.1. */
  | { readonly kind: "default-gateway" }
  /** RFC 7432 7.7; sequence uint32. */
  | { readonly kind: "mac-mobility"; readonly sticky: boolean; readonly sequence: number }
  /** RFC 7432 7.5; label field of 24 bits. */
  | { readonly kind: "esi-label"; readonly singleActive: boolean; readonly label: number }
  /** RFC 7432 7.6: the high six octets of the ESI's value. */
  | { readonly kind: "es-import"; readonly mac: Mac }
  /** RFC 9135 8.1. */
  | { readonly kind: "router-mac"; readonly mac: Mac }
  /** RFC 8214 3.1; `flags` and `mtu` uint16, MTU 0 means not checked. */
  | { readonly kind: "layer2-attributes"; readonly flags: number; readonly mtu: number }
  /** Bytes per second as IEEE single precision. */
  | { readonly kind: "link-bandwidth"; readonly asn: number; readonly rate: number }
  /** RFC 8955 7.1, 7.2: a rate of 0 discards; single precision; AS number uint16, informational. */
  | { readonly kind: "traffic-rate-bytes"; readonly asn: number; readonly rate: number }
  | { readonly kind: "traffic-rate-packets"; readonly asn: number; readonly rate: number }
  /** RFC 8955 7.3: `terminal` is the bit that lets later filters apply. */
  | { readonly kind: "traffic-action"; readonly sample: boolean; readonly terminal: boolean }
  /** RFC 8955 7.4: into the VRF that imports this route target. */
  | { readonly kind: "redirect"; readonly routeTarget: RouteTarget }
  /** RFC 8955 7.5; 0 to 63. */
  | { readonly kind: "traffic-marking"; readonly dscp: number }
  /** Heddle: the sender's identity in security policy, uint32. */
  | { readonly kind: "security-tag"; readonly tag: number }
  | { readonly kind: "opaque"; readonly value: bigint };

const low48 = 0xffffffffffffn;
/** Distance between the type octet of a redirect and that of the route target it names. */
const redirectOffset = 0x80n << 56n;
const redirectSubType = 0x08n << 48n;
const routeTargetSubType = 0x02n << 48n;
const subTypeMask = 0xffn << 48n;

const minusZeroBits = 0x80000000;
const stickyBit = 0x01;
const singleActiveBit = 0x01;
const sampleBit = 0x02;
const terminalBit = 0x01;

/** `value` is a uint64. */
export function decodeExtendedCommunity(value: bigint): ExtendedCommunity {
  const decoded = decodeKnown(value);
  return decoded !== undefined && encodeExtendedCommunity(decoded) === value
    ? decoded
    : { kind: "opaque", value };
}

/** Reserved bits of the value may be lost. */
function decodeKnown(value: bigint): ExtendedCommunity | undefined {
  const rest = value & low48;
  const high = Number(rest >> 32n);
  const low = Number(rest & 0xffffffffn);
  switch (extendedCommunityTypeOf(value)) {
    case types.routeTargetAs2:
    case types.routeTargetIp4:
    case types.routeTargetAs4:
      return { kind: "route-target", routeTarget: routeTargetFromBigint(value) };
    case types.siteOfOriginAs2:
    case types.siteOfOriginIp4:
    case types.siteOfOriginAs4:
      return { kind: "site-of-origin", value };
    case types.color:
      return { kind: "color", flags: high, color: low };
    case types.encapsulation:
      return { kind: "encapsulation", tunnelType: low & 0xffff };
    case types.defaultGateway:
      return { kind: "default-gateway" };
    case types.redirectAs2:
    case types.redirectIp4:
    case types.redirectAs4:
      return { kind: "redirect", routeTarget: redirectTargetOf(value) };
    case types.securityTag:
      return { kind: "security-tag", tag: low };
    default:
      return decodeEvpn(value, rest, high, low) ?? decodeTraffic(value, high, low);
  }
}

function decodeEvpn(
  value: bigint,
  rest: bigint,
  high: number,
  low: number,
): ExtendedCommunity | undefined {
  switch (extendedCommunityTypeOf(value)) {
    case types.macMobility:
      return { kind: "mac-mobility", sticky: ((high >> 8) & stickyBit) !== 0, sequence: low };
    case types.esiLabel: {
      const singleActive = ((high >> 8) & singleActiveBit) !== 0;
      return { kind: "esi-label", singleActive, label: low & 0xffffff };
    }
    case types.esImport:
      return { kind: "es-import", mac: Number(rest) as Mac };
    case types.routerMac:
      return { kind: "router-mac", mac: Number(rest) as Mac };
    case types.layer2Attributes:
      return { kind: "layer2-attributes", flags: high, mtu: low >>> 16 };
    default:
      return undefined;
  }
}

function decodeTraffic(value: bigint, high: number, low: number): ExtendedCommunity | undefined {
  // Minus zero and the many forms of "not a number" do not come back from a number reliably.
  if (low === minusZeroBits || Number.isNaN(floatOf(low))) return undefined;
  switch (extendedCommunityTypeOf(value)) {
    case types.linkBandwidth:
      return { kind: "link-bandwidth", asn: high, rate: floatOf(low) };
    case types.trafficRateBytes:
      return { kind: "traffic-rate-bytes", asn: high, rate: floatOf(low) };
    case types.trafficRatePackets:
      return { kind: "traffic-rate-packets", asn: high, rate: floatOf(low) };
    case types.trafficAction: {
      const sample = (low & sampleBit) !== 0;
      return { kind: "traffic-action", sample, terminal: (low & terminalBit) !== 0 };
    }
    case types.trafficMarking:
      return { kind: "traffic-marking", dscp: low & 0x3f };
    default:
      return undefined;
  }
}

/** The uint64 of the wire. Fields are taken to be in their ranges. */
export function encodeExtendedCommunity(community: ExtendedCommunity): bigint {
  switch (community.kind) {
    case "route-target":
      return community.routeTarget;
    case "site-of-origin":
    case "opaque":
      return community.value;
    case "color":
      return join(types.color, community.flags, community.color);
    case "encapsulation":
      return join(types.encapsulation, 0, community.tunnelType);
    case "default-gateway":
      return join(types.defaultGateway, 0, 0);
    case "mac-mobility":
      return join(types.macMobility, flag(community.sticky, stickyBit) << 8, community.sequence);
    case "esi-label": {
      const flags = flag(community.singleActive, singleActiveBit) << 8;
      return join(types.esiLabel, flags, community.label);
    }
    case "es-import":
      return (BigInt(types.esImport) << 48n) | BigInt(community.mac);
    case "router-mac":
      return (BigInt(types.routerMac) << 48n) | BigInt(community.mac);
    case "layer2-attributes":
      return join(types.layer2Attributes, community.flags, community.mtu * 0x10000);
    case "link-bandwidth":
      return join(types.linkBandwidth, community.asn, bitsOf(community.rate));
    case "traffic-rate-bytes":
      return join(types.trafficRateBytes, community.asn, bitsOf(community.rate));
    case "traffic-rate-packets":
      return join(types.trafficRatePackets, community.asn, bitsOf(community.rate));
    case "traffic-action": {
      const { sample, terminal } = community;
      return join(types.trafficAction, 0, flag(sample, sampleBit) | flag(terminal, terminalBit));
    }
    case "redirect":
      return (community.routeTarget & ~subTypeMask) | redirectSubType | redirectOffset;
    case "traffic-marking":
      return join(types.trafficMarking, 0, community.dscp);
    case "security-tag":
      return join(types.securityTag, 0, community.tag);
  }
}

function join(type: number, high: number, low: number): bigint {
  return (BigInt(type) << 48n) | (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function flag(set: boolean, bit: number): number {
  return set ? bit : 0;
}

function redirectTargetOf(value: bigint): RouteTarget {
  const routeTarget = ((value & ~subTypeMask) | routeTargetSubType) & ~redirectOffset;
  return routeTargetFromBigint(routeTarget);
}

const scratch = new DataView(new ArrayBuffer(4));

function floatOf(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** The first two octets: see `extendedCommunityTypes`. */
export function extendedCommunityTypeOf(value: bigint): number {
  return Number(value >> 48n);
}

/** False for communities that stay inside an AS (RFC 4360 6). */
export function isTransitiveCommunity(value: bigint): boolean {
  return ((value >> 62n) & 1n) === 0n;
}

/** True for the three forms of a route target (RFC 4360 4, RFC 5668). */
export function isRouteTarget(value: bigint): value is RouteTarget {
  const type = extendedCommunityTypeOf(value);
  return (
    type === types.routeTargetAs2 || type === types.routeTargetIp4 || type === types.routeTargetAs4
  );
}

/** In their order. */
export function routeTargetsOf(communities: readonly bigint[]): RouteTarget[] {
  return communities.filter(isRouteTarget);
}

/** RFC 7432 7.7, 15.1: the highest sequence number that a route carries. */
export function macMobilityOf(
  communities: readonly bigint[],
): { readonly sticky: boolean; readonly sequence: number } | undefined {
  let found: { sticky: boolean; sequence: number } | undefined;
  for (const value of communities) {
    if (extendedCommunityTypeOf(value) !== types.macMobility) continue;
    const sequence = Number(value & 0xffffffffn);
    const sticky = ((value >> 40n) & BigInt(stickyBit)) !== 0n;
    if (found === undefined || sequence > found.sequence) found = { sticky, sequence };
  }
  return found;
}

/** The security tag of a route, uint32; the first when there are several, undefined without one. */
export function securityTagOf(communities: readonly bigint[]): number | undefined {
  const found = communities.find((value) => extendedCommunityTypeOf(value) === types.securityTag);
  return found === undefined ? undefined : Number(found & 0xffffffffn);
}

/** A site of origin with the administrator and number of a route target. */
export function siteOfOrigin(routeTarget: RouteTarget): ExtendedCommunity {
  return { kind: "site-of-origin", value: (routeTarget & ~subTypeMask) | (0x03n << 48n) };
}
