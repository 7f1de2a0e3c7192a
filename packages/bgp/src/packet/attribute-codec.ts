/**
 * How each known path attribute is read: its flags, its value, and the action of RFC 7606 7 when it
 * is malformed. A reader returns a text when the value is malformed.
 */
import { Reader } from "@heddle/codec";
import type { Asn, Ip4 } from "@heddle/inet";
import type { ErrorAction } from "../errors.ts";
import { decodeAsPath, firstAsnOf } from "./as-path.ts";
import type { CodecContext } from "./context.ts";
import { asTrans, attributeTypes } from "./iana.ts";
import type { AsPathSegment, Origin, PathAttributes } from "./path-attributes.ts";
import { decodePmsiTunnel, type PmsiTunnel } from "./pmsi-tunnel.ts";
import { decodeTunnels, type Tunnel } from "./tunnel-encapsulation.ts";

/** Attributes as they are collected; AS4_* are joined with the others at the end. */
export interface AttributeDraft {
  origin?: Origin;
  asPath?: readonly AsPathSegment[];
  nextHop?: Ip4;
  med?: number;
  localPref?: number;
  atomicAggregate?: boolean;
  aggregator?: { readonly asn: Asn; readonly address: Ip4 };
  communities?: readonly number[];
  originatorId?: Ip4;
  clusterList?: readonly Ip4[];
  extendedCommunities?: readonly bigint[];
  as4Path?: readonly AsPathSegment[];
  as4Aggregator?: { readonly asn: Asn; readonly address: Ip4 };
  largeCommunities?: PathAttributes["largeCommunities"];
  onlyToCustomer?: Asn;
  pmsiTunnel?: PmsiTunnel;
  tunnels?: readonly Tunnel[];
  ipv6ExtendedCommunities?: readonly bigint[];
  aigp?: bigint;
  aigpUnknownTlvs?: Uint8Array;
}

export interface AttributeCodec {
  readonly name: string;
  readonly optional: boolean;
  readonly transitive: boolean;
  /** When the value is malformed. */
  readonly onMalformed: Exclude<ErrorAction, "reset">;
  /** When the flags do not fit; `withdraw` (RFC 7606 3 c) when absent. */
  readonly onWrongFlags?: "discard";
  /** Stores the value in `draft`; a text says why it is malformed. */
  read(value: Uint8Array, cx: CodecContext, draft: AttributeDraft): string | undefined;
  /** True when the attribute is dropped whatever it holds. */
  ignored?(cx: CodecContext): boolean;
}

const wellKnown = { optional: false, transitive: true } as const;
const optionalTransitive = { optional: true, transitive: true } as const;
const optionalNonTransitive = { optional: true, transitive: false } as const;

const origin: AttributeCodec = {
  name: "ORIGIN",
  ...wellKnown,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (value.length !== 1) return wrongLength(value, "1");
    const code = value[0] as number;
    if (code !== 0 && code !== 1 && code !== 2) return `value ${code}`;
    draft.origin = code;
    return undefined;
  },
};

const asPath: AttributeCodec = {
  name: "AS_PATH",
  ...wellKnown,
  onMalformed: "withdraw",
  read(value, cx, draft) {
    const path = decodeAsPath(value, cx.fourOctetAs ? 4 : 2);
    if (typeof path === "string") return path;
    const problem = cx.external ? externalProblem(path, cx) : confederationProblem(path, cx);
    if (problem !== undefined) return problem;
    draft.asPath = path;
    return undefined;
  },
};

function externalProblem(path: readonly AsPathSegment[], cx: CodecContext): string | undefined {
  if (path.some((s) => s.type === "confed-sequence" || s.type === "confed-set")) {
    return "confederation segments on an external session";
  }
  return isExpectedFirst(firstAsnOf(path), cx) ? undefined : `its first AS is not ${cx.firstAsn}`;
}

/** RFC 5065 5: of a peer in another member AS, the path begins with its confederation sequence. */
function confederationProblem(
  path: readonly AsPathSegment[],
  cx: CodecContext,
): string | undefined {
  if (cx.confederationExternal !== true) return undefined;
  const [first] = path;
  if (first?.type !== "confed-sequence") return "it does not begin with a confederation sequence";
  return isExpectedFirst(first.asns[0], cx) ? undefined : `its first AS is not ${cx.firstAsn}`;
}

function isExpectedFirst(asn: Asn | undefined, cx: CodecContext): boolean {
  if (cx.firstAsn === undefined) return true;
  // Of a two-octet peer, a number above 65535 arrives as AS_TRANS in AS_PATH.
  return asn === (!cx.fourOctetAs && cx.firstAsn > 0xffff ? asTrans : cx.firstAsn);
}

const nextHop: AttributeCodec = {
  name: "NEXT_HOP",
  ...wellKnown,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (value.length !== 4) return wrongLength(value, "4");
    const address = u32At(value, 0);
    if (!isHostAddress4(address)) return "it is not a host address";
    draft.nextHop = address as Ip4;
    return undefined;
  },
};

/** False for 0.0.0.0/8, 127.0.0.0/8, multicast and class E (RFC 4271 6.3). */
export function isHostAddress4(address: number): boolean {
  const high = address >>> 24;
  return high !== 0 && high !== 127 && high < 224;
}

const multiExitDisc: AttributeCodec = {
  name: "MULTI_EXIT_DISC",
  ...optionalNonTransitive,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (value.length !== 4) return wrongLength(value, "4");
    draft.med = u32At(value, 0);
    return undefined;
  },
};

const localPref: AttributeCodec = {
  name: "LOCAL_PREF",
  ...wellKnown,
  onMalformed: "withdraw",
  ignored: (cx) => cx.external,
  read(value, _cx, draft) {
    if (value.length !== 4) return wrongLength(value, "4");
    draft.localPref = u32At(value, 0);
    return undefined;
  },
};

const atomicAggregate: AttributeCodec = {
  name: "ATOMIC_AGGREGATE",
  ...wellKnown,
  onMalformed: "discard",
  read(value, _cx, draft) {
    if (value.length !== 0) return wrongLength(value, "0");
    draft.atomicAggregate = true;
    return undefined;
  },
};

const aggregator: AttributeCodec = {
  name: "AGGREGATOR",
  ...optionalTransitive,
  onMalformed: "discard",
  read(value, cx, draft) {
    const want = cx.fourOctetAs ? 8 : 6;
    if (value.length !== want) return wrongLength(value, String(want));
    const r = new Reader(value);
    const asn = cx.fourOctetAs ? r.u32() : r.u16();
    if (asn === 0) return "AS 0";
    draft.aggregator = { asn: asn as Asn, address: r.u32() as Ip4 };
    return undefined;
  },
};

const communities: AttributeCodec = {
  name: "COMMUNITIES",
  ...optionalTransitive,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (!isMultiple(value, 4)) return wrongLength(value, "a multiple of 4");
    draft.communities = numbersOf(value);
    return undefined;
  },
};

const originatorId: AttributeCodec = {
  name: "ORIGINATOR_ID",
  ...optionalNonTransitive,
  onMalformed: "withdraw",
  ignored: (cx) => cx.external,
  read(value, _cx, draft) {
    if (value.length !== 4) return wrongLength(value, "4");
    draft.originatorId = u32At(value, 0) as Ip4;
    return undefined;
  },
};

const clusterList: AttributeCodec = {
  name: "CLUSTER_LIST",
  ...optionalNonTransitive,
  onMalformed: "withdraw",
  ignored: (cx) => cx.external,
  read(value, _cx, draft) {
    if (!isMultiple(value, 4)) return wrongLength(value, "a multiple of 4");
    draft.clusterList = numbersOf(value) as Ip4[];
    return undefined;
  },
};

const extendedCommunities: AttributeCodec = {
  name: "EXTENDED_COMMUNITIES",
  ...optionalTransitive,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (!isMultiple(value, 8)) return wrongLength(value, "a multiple of 8");
    draft.extendedCommunities = readAll(value, (r) => r.u64());
    return undefined;
  },
};

// RFC 6793 6: AS4_PATH and AS4_AGGREGATOR of a peer that speaks four octets are dropped.
const as4Path: AttributeCodec = {
  name: "AS4_PATH",
  ...optionalTransitive,
  onMalformed: "discard",
  ignored: (cx) => cx.fourOctetAs,
  read(value, _cx, draft) {
    const path = decodeAsPath(value, 4);
    if (typeof path === "string") return path;
    draft.as4Path = path;
    return undefined;
  },
};

const as4Aggregator: AttributeCodec = {
  name: "AS4_AGGREGATOR",
  ...optionalTransitive,
  onMalformed: "discard",
  ignored: (cx) => cx.fourOctetAs,
  read(value, _cx, draft) {
    if (value.length !== 8) return wrongLength(value, "8");
    const r = new Reader(value);
    const asn = r.u32();
    if (asn === 0) return "AS 0";
    draft.as4Aggregator = { asn: asn as Asn, address: r.u32() as Ip4 };
    return undefined;
  },
};

const largeCommunities: AttributeCodec = {
  name: "LARGE_COMMUNITY",
  ...optionalTransitive,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (!isMultiple(value, 12)) return wrongLength(value, "a multiple of 12");
    draft.largeCommunities = readAll(value, (r) => [r.u32(), r.u32(), r.u32()] as const);
    return undefined;
  },
};

const onlyToCustomer: AttributeCodec = {
  name: "ONLY_TO_CUSTOMER",
  ...optionalTransitive,
  // RFC 9234 5.
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (value.length !== 4) return wrongLength(value, "4");
    draft.onlyToCustomer = u32At(value, 0) as Asn;
    return undefined;
  },
};

const pmsiTunnel: AttributeCodec = {
  name: "PMSI_TUNNEL",
  ...optionalTransitive,
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    const tunnel = decodePmsiTunnel(value);
    if (typeof tunnel === "string") return tunnel;
    draft.pmsiTunnel = tunnel;
    return undefined;
  },
};

const tunnelEncapsulation: AttributeCodec = {
  name: "Tunnel Encapsulation",
  ...optionalTransitive,
  // RFC 9012 13.
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    const tunnels = decodeTunnels(value);
    if (typeof tunnels === "string") return tunnels;
    draft.tunnels = tunnels;
    return undefined;
  },
};

const ipv6ExtendedCommunities: AttributeCodec = {
  name: "IPv6 Address Specific Extended Community",
  ...optionalTransitive,
  // RFC 7606 7.15.
  onMalformed: "withdraw",
  read(value, _cx, draft) {
    if (!isMultiple(value, 20)) return wrongLength(value, "a multiple of 20");
    draft.ipv6ExtendedCommunities = readAll(
      value,
      (r) => (r.u64() << 96n) | (r.u64() << 32n) | BigInt(r.u32()),
    );
    return undefined;
  },
};

/**
 * RFC 7311 3: the first TLV of type 1 counts, others are passed on; a length is that of the whole
 * TLV. The highest metric counts as malformed (3.2).
 */
const aigp: AttributeCodec = {
  name: "AIGP",
  ...optionalNonTransitive,
  onMalformed: "discard",
  onWrongFlags: "discard",
  ignored: (cx) => cx.aigp !== true,
  read(value, _cx, draft) {
    const r = new Reader(value);
    const others: Uint8Array[] = [];
    let metric: bigint | undefined;
    while (r.left > 0) {
      const start = value.length - r.left;
      const type = r.u8();
      const length = r.left < 2 ? 0 : r.u16();
      if (length < 3 || length - 3 > r.left) return "a TLV overruns it";
      if (type === aigpTlvType && length !== aigpTlvLength) {
        return `a TLV of ${length} octets, want ${aigpTlvLength}`;
      }
      const tlv = r.sub(length - 3);
      if (type === aigpTlvType && metric === undefined) metric = tlv.u64();
      else others.push(value.subarray(start, start + length));
    }
    if (metric === undefined) return undefined;
    if (metric === aigpMax) return "its metric is the highest there is";
    draft.aigp = metric;
    if (others.length > 0) draft.aigpUnknownTlvs = concat(others);
    return undefined;
  },
};

const aigpMax = 2n ** 64n - 1n;

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** RFC 7311 3: the only TLV that is defined. */
export const aigpTlvType = 1;
export const aigpTlvLength = 11;

/**
 * By type code. MP_REACH_NLRI and MP_UNREACH_NLRI are not here: they hold routes, not attributes.
 */
export const attributeCodecs: ReadonlyMap<number, AttributeCodec> = new Map([
  [attributeTypes.origin, origin],
  [attributeTypes.asPath, asPath],
  [attributeTypes.nextHop, nextHop],
  [attributeTypes.multiExitDisc, multiExitDisc],
  [attributeTypes.localPref, localPref],
  [attributeTypes.atomicAggregate, atomicAggregate],
  [attributeTypes.aggregator, aggregator],
  [attributeTypes.communities, communities],
  [attributeTypes.originatorId, originatorId],
  [attributeTypes.clusterList, clusterList],
  [attributeTypes.extendedCommunities, extendedCommunities],
  [attributeTypes.as4Path, as4Path],
  [attributeTypes.as4Aggregator, as4Aggregator],
  [attributeTypes.pmsiTunnel, pmsiTunnel],
  [attributeTypes.tunnelEncapsulation, tunnelEncapsulation],
  [attributeTypes.ipv6ExtendedCommunities, ipv6ExtendedCommunities],
  [attributeTypes.aigp, aigp],
  [attributeTypes.largeCommunities, largeCommunities],
  [attributeTypes.onlyToCustomer, onlyToCustomer],
]);

function wrongLength(value: Uint8Array, want: string): string {
  return `length ${value.length}, want ${want}`;
}

function u32At(value: Uint8Array, at: number): number {
  const high = (value[at]! << 8) | value[at + 1]!;
  return high * 0x10000 + ((value[at + 2]! << 8) | value[at + 3]!);
}

/** Uint32 numbers that fill the value. */
function numbersOf(value: Uint8Array): number[] {
  const numbers = new Array<number>(value.length >> 2);
  for (let i = 0; i < numbers.length; i += 1) numbers[i] = u32At(value, i * 4);
  return numbers;
}

function isMultiple(value: Uint8Array, unit: number): boolean {
  return value.length > 0 && value.length % unit === 0;
}

function readAll<T>(value: Uint8Array, readOne: (r: Reader) => T): T[] {
  const r = new Reader(value);
  const all: T[] = [];
  while (r.left > 0) all.push(readOne(r));
  return all;
}
