/**
 * Decoding of one path attribute block with the error handling of RFC 7606. It runs once per
 * distinct block, so it may allocate; `locateMp` and the prefix walkers serve the path that runs
 * per message.
 */
import type { Ip } from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import { addressFamilyOf } from "./address-family.ts";
import { mergeAs4Path } from "./as-path.ts";
import {
  type AttributeCodec,
  type AttributeDraft,
  attributeCodecs,
  isHostAddress4,
} from "./attribute-codec.ts";
import type { CodecContext } from "./context.ts";
import type {
  AttributeProblem,
  DecodedAttributes,
  MpReach,
  MpUnreach,
  SharedAttributes,
} from "./decoded-attributes.ts";
import { asTrans, attributeFlags, attributeTypes, errorCodes, updateSubcodes } from "./iana.ts";
import { decodeNextHop, hasNextHop } from "./next-hop.ts";
import type { RawAttribute } from "./path-attributes.ts";
import { TypeSet } from "./type-set.ts";
import { locateMp, type MpParts, newMpParts, walkAttributes } from "./update.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const noSegments: SharedAttributes["asPath"] = [];
const noNumbers: SharedAttributes["communities"] = [];
const noBigints: SharedAttributes["extendedCommunities"] = [];
const noLarge: SharedAttributes["largeCommunities"] = [];
const noRouters: SharedAttributes["clusterList"] = [];

interface Draft {
  readonly known: AttributeDraft;
  readonly unknown: RawAttribute[];
  readonly seen: TypeSet;
  readonly present: TypeSet;
  /** Types of known attributes with the Partial bit. */
  readonly partial: number[];
  readonly problems: AttributeProblem[];
}

/** By type code. */
const codecs: readonly (AttributeCodec | undefined)[] = Array.from({ length: 256 }, (_, type) =>
  attributeCodecs.get(type),
);

function codecOf(type: number): AttributeCodec | undefined {
  return codecs[type];
}

/**
 * Decodes the block `bytes`; all results but the NLRI offsets are owned. MP_REACH_NLRI may come
 * without prefixes, the form in which a caller that interns blocks keeps it.
 * @throws DecodeError `reset`
 */
export function decodeAttributes(bytes: Uint8Array, cx: CodecContext): DecodedAttributes {
  const draft: Draft = {
    known: {},
    unknown: [],
    seen: new TypeSet(),
    present: new TypeSet(),
    partial: [],
    problems: [],
  };
  const overrun = walkAttributes(bytes, 0, bytes.length, (flags, type, header, start, end) => {
    const codec = codecOf(type);
    if ((flags & attributeFlags.optional) === 0 && codec === undefined && !isMp(type)) {
      throw unrecognizedWellKnown(type, bytes.subarray(header, end));
    }
    decodeAttribute(bytes.subarray(start, end), flags, type, cx, draft);
  });
  if (overrun >= 0) {
    draft.problems.push(
      problem(0, "withdraw", `attribute at offset ${overrun} overruns the block`),
    );
  }
  const mp = locateMp(bytes, 0, bytes.length, newMpParts());
  const mpReach = decodeReach(bytes, mp, cx, draft);
  const mpUnreach = decodeUnreach(mp, cx, draft);
  const decoded: Mutable<DecodedAttributes> = {
    action: draft.problems.some((p) => p.action === "withdraw") ? "withdraw" : "accept",
    attributes: shared(draft),
    present: draft.present,
    problems: draft.problems,
  };
  const { nextHop } = draft.known;
  if (nextHop !== undefined) decoded.nextHop = nextHop;
  if (mpReach !== undefined) decoded.mpReach = mpReach;
  if (mpUnreach !== undefined) decoded.mpUnreach = mpUnreach;
  return decoded;
}

function decodeAttribute(
  value: Uint8Array,
  flags: number,
  type: number,
  cx: CodecContext,
  draft: Draft,
): void {
  if (draft.seen.has(type)) {
    // A second MP_REACH_NLRI or MP_UNREACH_NLRI is a reset, which locateMp throws.
    if (!isMp(type)) draft.problems.push(problem(type, "discard", "it comes twice"));
    return;
  }
  draft.seen.add(type);
  const codec = codecOf(type);
  if (isMp(type)) {
    if (!flagsFit(flags, true, false)) draft.problems.push(wrongFlags(type, flags));
  } else if (codec === undefined) {
    keepUnknown(value, flags, type, draft);
  } else {
    decodeKnown(codec, value, flags, type, cx, draft);
  }
}

function decodeKnown(
  codec: AttributeCodec,
  value: Uint8Array,
  flags: number,
  type: number,
  cx: CodecContext,
  draft: Draft,
): void {
  if (codec.ignored?.(cx) === true) return;
  if (!flagsFit(flags, codec.optional, codec.transitive)) {
    draft.problems.push(wrongFlags(type, flags, codec.onWrongFlags));
    return;
  }
  const why = codec.read(value, cx, draft.known);
  if (why !== undefined) {
    draft.problems.push(problem(type, codec.onMalformed, `${codec.name}: ${why}`));
    return;
  }
  draft.present.add(type);
  const mayBePartial = codec.optional && codec.transitive;
  if (mayBePartial && (flags & attributeFlags.partial) !== 0) draft.partial.push(type);
}

/** RFC 4271 5: optional transitive attributes travel on, optional non-transitive ones end here. */
function keepUnknown(value: Uint8Array, flags: number, type: number, draft: Draft): void {
  if ((flags & attributeFlags.transitive) === 0) return;
  const kept = flags & ~attributeFlags.extendedLength;
  // Not slice(), which does not copy when the receive buffer is a Node Buffer.
  draft.unknown.push({ flags: kept, type, value: new Uint8Array(value) });
  draft.present.add(type);
}

function flagsFit(flags: number, optional: boolean, transitive: boolean): boolean {
  const isOptional = (flags & attributeFlags.optional) !== 0;
  const isTransitive = (flags & attributeFlags.transitive) !== 0;
  return isOptional === optional && isTransitive === transitive;
}

function decodeReach(
  bytes: Uint8Array,
  mp: MpParts,
  cx: CodecContext,
  draft: Draft,
): MpReach | undefined {
  if (mp.reachStart < 0) return undefined;
  const family = addressFamilyOf(mp.reachAfi, mp.reachSafi);
  if (family === undefined || !cx.families.includes(family)) {
    draft.problems.push(notNegotiated(attributeTypes.mpReachNlri, mp.reachAfi, mp.reachSafi));
    return undefined;
  }
  const hopLength = hopLengthOf(bytes, mp);
  const hops = bytes.subarray(mp.reachNlriStart - 1 - hopLength, mp.reachNlriStart - 1);
  const decoded = decodeNextHop(family, hops, cx.extendedNextHop?.includes(family) === true);
  if (typeof decoded === "string") throw badNextHopLength(hopLength, decoded, bytes, mp);
  if (hasNextHop(family)) checkHop(decoded.nextHop, draft);
  else draft.present.add(attributeTypes.mpReachNlri);
  return { family, ...decoded, nlriStart: mp.reachNlriStart, nlriEnd: mp.reachEnd };
}

/**
 * The next hop length is the octet before the next hop; nlriStart counts it in, with the reserved
 * octet.
 */
function hopLengthOf(bytes: Uint8Array, mp: MpParts): number {
  const extended = ((bytes[mp.reachStart] as number) & attributeFlags.extendedLength) !== 0;
  return bytes[mp.reachStart + (extended ? 4 : 3) + 3] as number;
}

function checkHop(hop: Ip, draft: Draft): void {
  const usable = typeof hop === "number" ? isHostAddress4(hop) : isHostAddress6(hop);
  if (usable) {
    draft.present.add(attributeTypes.mpReachNlri);
    return;
  }
  const why = "MP_REACH_NLRI: its next hop is not a host address";
  draft.problems.push(problem(attributeTypes.mpReachNlri, "withdraw", why));
}

/** False for ::, ::1 and multicast. */
function isHostAddress6(address: bigint): boolean {
  return address > 1n && address >> 120n !== 0xffn;
}

function decodeUnreach(mp: MpParts, cx: CodecContext, draft: Draft): MpUnreach | undefined {
  if (mp.unreachStart < 0) return undefined;
  const family = addressFamilyOf(mp.unreachAfi, mp.unreachSafi);
  if (family === undefined || !cx.families.includes(family)) {
    draft.problems.push(notNegotiated(attributeTypes.mpUnreachNlri, mp.unreachAfi, mp.unreachSafi));
    return undefined;
  }
  return { family, nlriStart: mp.unreachNlriStart, nlriEnd: mp.unreachEnd };
}

function shared(draft: Draft): SharedAttributes {
  const { known } = draft;
  joinAs4(known);
  // Optional attributes after the others and always in this order, each only where it is there:
  // then all blocks are of a few shapes, and reading and copying them is fast.
  const attributes: Mutable<SharedAttributes> = {
    origin: known.origin ?? 2,
    asPath: known.asPath ?? noSegments,
    atomicAggregate: known.atomicAggregate ?? false,
    communities: known.communities ?? noNumbers,
    extendedCommunities: known.extendedCommunities ?? noBigints,
    largeCommunities: known.largeCommunities ?? noLarge,
    clusterList: known.clusterList ?? noRouters,
    unknown: draft.unknown,
  };
  if (known.med !== undefined) attributes.med = known.med;
  if (known.localPref !== undefined) attributes.localPref = known.localPref;
  if (known.originatorId !== undefined) attributes.originatorId = known.originatorId;
  if (known.aggregator !== undefined) attributes.aggregator = known.aggregator;
  if (known.onlyToCustomer !== undefined) attributes.onlyToCustomer = known.onlyToCustomer;
  if (known.pmsiTunnel !== undefined) attributes.pmsiTunnel = known.pmsiTunnel;
  if (known.tunnels !== undefined) attributes.tunnels = known.tunnels;
  if (known.ipv6ExtendedCommunities !== undefined) {
    attributes.ipv6ExtendedCommunities = known.ipv6ExtendedCommunities;
  }
  if (known.aigp !== undefined) attributes.aigp = known.aigp;
  if (known.aigpUnknownTlvs !== undefined) attributes.aigpUnknownTlvs = known.aigpUnknownTlvs;
  if (draft.partial.length > 0) attributes.partial = draft.partial.sort((a, b) => a - b);
  return attributes;
}

/**
 * RFC 6793 4.2.3: an AGGREGATOR that is not AS_TRANS says that both AS4_* attributes are out of
 * date.
 */
function joinAs4(known: AttributeDraft): void {
  if (known.aggregator !== undefined && known.aggregator.asn !== asTrans) {
    if (known.as4Aggregator !== undefined) return;
  } else if (known.as4Aggregator !== undefined && known.aggregator !== undefined) {
    known.aggregator = known.as4Aggregator;
  }
  if (known.as4Path !== undefined && known.asPath !== undefined) {
    known.asPath = mergeAs4Path(known.asPath, known.as4Path);
  }
}

function isMp(type: number): boolean {
  return type === attributeTypes.mpReachNlri || type === attributeTypes.mpUnreachNlri;
}

/** RFC 4271 6.3; RFC 7606 leaves it a reset. */
function unrecognizedWellKnown(type: number, attribute: Uint8Array): DecodeError {
  return new DecodeError(
    `Cannot decode attribute ${type}: it is well-known to the peer only`,
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.unrecognizedWellKnownAttribute,
    attribute,
  );
}

function problem(type: number, action: AttributeProblem["action"], why: string): AttributeProblem {
  return { type, action, message: `Cannot decode attribute ${type}: ${why}` };
}

function wrongFlags(
  type: number,
  flags: number,
  action: AttributeProblem["action"] = "withdraw",
): AttributeProblem {
  return problem(type, action, `flags 0x${flags.toString(16)} do not fit its type`);
}

function notNegotiated(type: number, afi: number, safi: number): AttributeProblem {
  return problem(type, "discard", `family ${afi}/${safi} was not negotiated`);
}

function badNextHopLength(
  length: number,
  want: string,
  bytes: Uint8Array,
  mp: MpParts,
): DecodeError {
  return new DecodeError(
    `Cannot decode MP_REACH_NLRI: next hop length ${length}, want ${want}`,
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.optionalAttributeError,
    bytes.subarray(mp.reachStart, mp.reachEnd),
  );
}
