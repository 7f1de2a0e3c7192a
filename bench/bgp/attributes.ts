/**
 * Path attributes as the generator sends and the receivers expect them (RFC 4271 4.3, RFC 1997,
 * RFC 4360, RFC 4456, RFC 8092). Written and read here and not by `@heddle/bgp`: what checks the
 * engine must not share its mistakes.
 */
import { Reader, Writer } from "@heddle/codec";

export interface RouteAttributes {
  readonly origin: number;
  /** One AS_SEQUENCE; empty for a route of the own AS. */
  readonly asns: readonly number[];
  /** uint32; of NEXT_HOP, or of MP_REACH_NLRI without its route distinguisher. */
  readonly nextHop: number;
  readonly med?: number;
  readonly localPref?: number;
  /** uint32 each. */
  readonly communities: readonly number[];
  /** uint64 each. */
  readonly extendedCommunities: readonly bigint[];
  readonly largeCommunities: readonly (readonly [number, number, number])[];
  readonly originatorId?: number;
  readonly clusterList: readonly number[];
}

const types = {
  origin: 1,
  asPath: 2,
  nextHop: 3,
  med: 4,
  localPref: 5,
  communities: 8,
  originatorId: 9,
  clusterList: 10,
  extendedCommunities: 16,
  largeCommunities: 32,
} as const;

const flags = { transitive: 0x40, optional: 0x80, optionalTransitive: 0xc0 } as const;
const extendedLengthFlag = 0x10;
const asSequence = 2;

/**
 * All of them but ORIGINATOR_ID and CLUSTER_LIST, which only a reflector adds. NEXT_HOP is left out
 * for families whose next hop is in MP_REACH_NLRI.
 */
export function encodeAttributes(attributes: RouteAttributes, withNextHop: boolean): Uint8Array {
  const w = new Writer(4096);
  const { asns, communities, extendedCommunities, largeCommunities } = attributes;
  attribute(w, flags.transitive, types.origin, 1).u8(attributes.origin);
  attribute(w, flags.transitive, types.asPath, asns.length === 0 ? 0 : 2 + 4 * asns.length);
  if (asns.length > 0) w.u8(asSequence).u8(asns.length);
  for (const asn of asns) w.u32(asn);
  if (withNextHop) attribute(w, flags.transitive, types.nextHop, 4).u32(attributes.nextHop);
  const { med, localPref } = attributes;
  if (med !== undefined) attribute(w, flags.optional, types.med, 4).u32(med);
  if (localPref !== undefined) attribute(w, flags.transitive, types.localPref, 4).u32(localPref);
  list(w, types.communities, 4 * communities.length);
  for (const community of communities) w.u32(community);
  list(w, types.extendedCommunities, 8 * extendedCommunities.length);
  for (const community of extendedCommunities) w.u64(community);
  list(w, types.largeCommunities, 12 * largeCommunities.length);
  for (const parts of largeCommunities) for (const part of parts) w.u32(part);
  return w.copy();
}

function attribute(w: Writer, flag: number, type: number, length: number): Writer {
  return w.u8(flag).u8(type).u8(length);
}

function list(w: Writer, type: number, length: number): void {
  if (length > 0) attribute(w, flags.optionalTransitive, type, length);
}

/**
 * Attributes as text in one order, whatever the order on the wire: equal text means equal routes.
 */
export function describeAttributes(attributes: RouteAttributes): string {
  const sorted = <T extends number | bigint>(values: readonly T[]): string =>
    values.toSorted((a, b) => (a < b ? -1 : 1)).join(",");
  const large = attributes.largeCommunities.map((parts) => parts.join(":")).sort();
  return [
    `origin ${attributes.origin}`,
    `path ${attributes.asns.join(" ")}`,
    `next hop ${attributes.nextHop}`,
    // No MED is as good as 0 (RFC 4271 9.1.2.2 c), and FRR writes it so in EVPN.
    `med ${attributes.med ?? 0}`,
    `preference ${attributes.localPref}`,
    `communities ${sorted(attributes.communities)}`,
    `extended ${sorted(attributes.extendedCommunities)}`,
    `large ${large.join(",")}`,
    `originator ${attributes.originatorId}`,
    `clusters ${attributes.clusterList.join(",")}`,
  ].join("; ");
}

/**
 * The text of a received block: the attributes besides MP_REACH_NLRI and MP_UNREACH_NLRI, and the
 * next hop of the former, empty where there is none. Text that starts with "strange" equals no
 * expectation.
 */
export function describeBlock(attributes: Uint8Array, mpNextHop: Uint8Array): string {
  const r = new Reader(attributes);
  const found = new Map<number, Uint8Array>();
  while (r.left > 0) {
    const flag = r.u8();
    const type = r.u8();
    const length = (flag & extendedLengthFlag) === 0 ? r.u8() : r.u16();
    if (found.has(type)) return `strange: attribute ${type} twice`;
    found.set(type, r.bytes(length));
  }
  for (const type of found.keys()) {
    if (!Object.values<number>(types).includes(type)) return `strange: attribute ${type}`;
  }
  const asns = asnsOf(found.get(types.asPath));
  if (asns === undefined) return "strange: AS_PATH is not one sequence";
  const [origin] = words(found.get(types.origin), 1);
  const [nextHop] = words(mpNextHop.length > 0 ? mpNextHop.subarray(-4) : found.get(types.nextHop));
  if (origin === undefined || nextHop === undefined) return "strange: no ORIGIN or no next hop";
  const [med] = words(found.get(types.med));
  const [localPref] = words(found.get(types.localPref));
  const [originatorId] = words(found.get(types.originatorId));
  return describeAttributes({
    ...{ origin, asns, nextHop },
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...(originatorId === undefined ? {} : { originatorId }),
    communities: words(found.get(types.communities)),
    extendedCommunities: longWords(found.get(types.extendedCommunities)),
    largeCommunities: triples(words(found.get(types.largeCommunities))),
    clusterList: words(found.get(types.clusterList)),
  });
}

/** Undefined for anything but one AS_SEQUENCE of four-octet numbers, or nothing. */
function asnsOf(value: Uint8Array | undefined): number[] | undefined {
  if (value === undefined) return undefined;
  if (value.length === 0) return [];
  const [type, count = 0] = value;
  if (type !== asSequence || value.length !== 2 + 4 * count) return undefined;
  return words(value.subarray(2));
}

function words(value: Uint8Array | undefined, size: 1 | 4 = 4): number[] {
  if (value === undefined) return [];
  const r = new Reader(value);
  const all: number[] = [];
  while (r.left > 0) all.push(size === 1 ? r.u8() : r.u32());
  return all;
}

function longWords(value: Uint8Array | undefined): bigint[] {
  if (value === undefined) return [];
  const r = new Reader(value);
  const all: bigint[] = [];
  while (r.left > 0) all.push(r.u64());
  return all;
}

function triples(values: readonly number[]): [number, number, number][] {
  const all: [number, number, number][] = [];
  for (let at = 0; at + 2 < values.length; at += 3) {
    all.push([values[at] as number, values[at + 1] as number, values[at + 2] as number]);
  }
  return all;
}
