/**
 * UPDATE (RFC 4271 4.3). The message is split in place: no object per message, attribute or prefix.
 *
 *      +-----------------------------------------------------+
 *      |   Withdrawn Routes Length (2 octets)                |
 *      |   Withdrawn Routes (variable)                       |
 *      |   Total Path Attribute Length (2 octets)            |
 *      |   Path Attributes (variable)                        |
 *      |   Network Layer Reachability Information (variable) |
 *      +-----------------------------------------------------+
 */
import { DecodeError } from "../errors.ts";
import { type AddressFamily, addressFamilyOf } from "./address-family.ts";
import { attributeFlags, attributeTypes, errorCodes, updateSubcodes } from "./iana.ts";

/**
 * Offsets of the parts of one UPDATE in the buffer given to {@link splitUpdate}; ends are
 * exclusive.
 */
export interface UpdateParts {
  withdrawnStart: number;
  withdrawnEnd: number;
  attributesStart: number;
  attributesEnd: number;
  nlriStart: number;
  nlriEnd: number;
}

/** A reusable target of {@link splitUpdate}. */
export function newUpdateParts(): UpdateParts {
  return {
    withdrawnStart: 0,
    withdrawnEnd: 0,
    attributesStart: 0,
    attributesEnd: 0,
    nlriStart: 0,
    nlriEnd: 0,
  };
}

/**
 * Writes the offsets of the parts of the UPDATE body `bytes[start, end)` into `parts` and returns
 * it.
 * @throws DecodeError `reset` when the lengths contradict each other (RFC 7606 3 a)
 */
export function splitUpdate(
  bytes: Uint8Array,
  start: number,
  end: number,
  parts: UpdateParts,
): UpdateParts {
  if (end - start < 4) throw lengthConflict();
  parts.withdrawnStart = start + 2;
  parts.withdrawnEnd = parts.withdrawnStart + u16(bytes, start);
  if (parts.withdrawnEnd + 2 > end) throw lengthConflict();
  parts.attributesStart = parts.withdrawnEnd + 2;
  parts.attributesEnd = parts.attributesStart + u16(bytes, parts.withdrawnEnd);
  if (parts.attributesEnd > end) throw lengthConflict();
  parts.nlriStart = parts.attributesEnd;
  parts.nlriEnd = end;
  return parts;
}

/**
 * Where MP_REACH_NLRI and MP_UNREACH_NLRI lie in an attribute block; ends are exclusive and a start
 * of -1 means that the attribute is absent. `reachNlriStart` splits MP_REACH_NLRI into what belongs
 * to the attribute set (family and next hop) and the prefixes, which run to `reachEnd`.
 */
export interface MpParts {
  /** First octet of the attribute header. */
  reachStart: number;
  reachNlriStart: number;
  reachEnd: number;
  reachAfi: number;
  reachSafi: number;
  /** First octet of the attribute header. */
  unreachStart: number;
  unreachNlriStart: number;
  unreachEnd: number;
  unreachAfi: number;
  unreachSafi: number;
}

/** A reusable target of {@link locateMp}. */
export function newMpParts(): MpParts {
  return {
    reachStart: -1,
    reachNlriStart: -1,
    reachEnd: -1,
    reachAfi: 0,
    reachSafi: 0,
    unreachStart: -1,
    unreachNlriStart: -1,
    unreachEnd: -1,
    unreachAfi: 0,
    unreachSafi: 0,
  };
}

/**
 * Finds the multiprotocol attributes of the block `bytes[start, end)` without looking into any
 * other attribute, for a caller that interns the rest by its bytes. A block whose attribute lengths
 * overrun is searched up to the overrun: `decodeAttributes` reports it.
 * @throws DecodeError `reset` when one of the two is malformed or comes twice (RFC 7606 3 g, 5.3,
 *   7.11)
 */
export function locateMp(bytes: Uint8Array, start: number, end: number, parts: MpParts): MpParts {
  parts.reachStart = -1;
  parts.unreachStart = -1;
  for (let at = start; at < end; ) {
    const type = bytes[at + 1] as number;
    const valueEnd = attributeEnd(bytes, at, end);
    if (valueEnd < 0) break;
    if (type === attributeTypes.mpReachNlri) {
      locateReach(bytes, at, valueStartOf(bytes, at), valueEnd, parts);
    } else if (type === attributeTypes.mpUnreachNlri) {
      locateUnreach(bytes, at, valueStartOf(bytes, at), valueEnd, parts);
    }
    at = valueEnd;
  }
  return parts;
}

/**
 * RFC 4760 3.
 *
 *      AFI (2) | SAFI (1) | next hop length (1) | next hop | reserved (1) | NLRI (variable)
 */
function locateReach(
  bytes: Uint8Array,
  headerStart: number,
  start: number,
  end: number,
  parts: MpParts,
): void {
  if (parts.reachStart >= 0) throw duplicateMp("MP_REACH_NLRI");
  if (end - start < 5) throw malformedMp("MP_REACH_NLRI", bytes, headerStart, end);
  const nlriStart = start + 5 + (bytes[start + 3] as number);
  if (nlriStart > end) throw malformedMp("MP_REACH_NLRI", bytes, headerStart, end);
  parts.reachStart = headerStart;
  parts.reachNlriStart = nlriStart;
  parts.reachEnd = end;
  parts.reachAfi = u16(bytes, start);
  parts.reachSafi = bytes[start + 2] as number;
}

/**
 * RFC 4760 4.
 *
 *      AFI (2) | SAFI (1) | withdrawn routes (variable)
 */
function locateUnreach(
  bytes: Uint8Array,
  headerStart: number,
  start: number,
  end: number,
  parts: MpParts,
): void {
  if (parts.unreachStart >= 0) throw duplicateMp("MP_UNREACH_NLRI");
  if (end - start < 3) throw malformedMp("MP_UNREACH_NLRI", bytes, headerStart, end);
  parts.unreachStart = headerStart;
  parts.unreachNlriStart = start + 3;
  parts.unreachEnd = end;
  parts.unreachAfi = u16(bytes, start);
  parts.unreachSafi = bytes[start + 2] as number;
}

/**
 * Called per attribute with offsets into the walked buffer: the header starts at `headerStart`, the
 * value is `bytes[valueStart, valueEnd)`.
 */
export type AttributeVisitor = (
  flags: number,
  type: number,
  headerStart: number,
  valueStart: number,
  valueEnd: number,
) => void;

/**
 * Calls `visit` for each attribute of the block `bytes[start, end)`. Returns -1 when the attributes
 * fill the block exactly, else the offset of the attribute that does not fit (RFC 7606 4: its
 * routes are then treated as withdrawn).
 * @throws DecodeError `reset` when the one that does not fit is MP_REACH_NLRI or MP_UNREACH_NLRI
 */
export function walkAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: AttributeVisitor,
): number {
  let at = start;
  while (at < end) {
    const valueEnd = attributeEnd(bytes, at, end);
    if (valueEnd < 0) return at;
    visit(bytes[at] as number, bytes[at + 1] as number, at, valueStartOf(bytes, at), valueEnd);
    at = valueEnd;
  }
  return -1;
}

/** Offset of the value of the attribute whose header starts at `at`. */
function valueStartOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) & attributeFlags.extendedLength) !== 0 ? at + 4 : at + 3;
}

/**
 * Offset behind the attribute whose header starts at `at`; -1 when it does not fit. @throws
 * DecodeError `reset`
 */
function attributeEnd(bytes: Uint8Array, at: number, end: number): number {
  const valueStart = end - at < 3 ? end + 1 : valueStartOf(bytes, at);
  if (valueStart <= end) {
    const length = valueStart === at + 4 ? u16(bytes, at + 2) : (bytes[at + 2] as number);
    if (valueStart + length <= end) return valueStart + length;
  }
  const type = end - at < 2 ? 0 : (bytes[at + 1] as number);
  if (type === attributeTypes.mpReachNlri || type === attributeTypes.mpUnreachNlri) {
    throw malformedMp(`attribute ${type}`, bytes, at, end);
  }
  return -1;
}

/**
 * The family whose End-of-RIB marker this UPDATE is, or undefined when it is a real UPDATE (RFC
 * 4724 2). `mp` must be of the same message.
 */
export function endOfRibOf(parts: UpdateParts, mp: MpParts): AddressFamily | undefined {
  if (parts.withdrawnEnd > parts.withdrawnStart || parts.nlriEnd > parts.nlriStart) {
    return undefined;
  }
  if (parts.attributesEnd === parts.attributesStart) return "ipv4-unicast";
  const onlyUnreach =
    mp.unreachStart === parts.attributesStart &&
    mp.unreachEnd === parts.attributesEnd &&
    mp.unreachNlriStart === mp.unreachEnd;
  return onlyUnreach ? addressFamilyOf(mp.unreachAfi, mp.unreachSafi) : undefined;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function lengthConflict(): DecodeError {
  return new DecodeError(
    "Cannot decode UPDATE: its lengths contradict the message length",
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.malformedAttributeList,
  );
}

function duplicateMp(name: string): DecodeError {
  return new DecodeError(
    `Cannot decode UPDATE: ${name} comes twice, want once`,
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.malformedAttributeList,
  );
}

function malformedMp(name: string, bytes: Uint8Array, start: number, end: number): DecodeError {
  return new DecodeError(
    `Cannot decode ${name}: ${end - start} octets end before its fields`,
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.optionalAttributeError,
    bytes.subarray(start, end),
  );
}
