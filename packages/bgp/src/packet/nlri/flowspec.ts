/**
 * Flow specifications on the wire (RFC 8955 4, RFC 8956 3): a length of one octet, or of two with
 * 0xf in front for 240 octets and more, and components in the order of their types.
 *
 *      1, 2    IPv4: type 1 | length in bits 1 | prefix
 *              IPv6: type 1 | length in bits 1 | offset in bits 1 | bits offset to length
 *      others  type 1 | { operator 1 | value 1, 2, 4 or 8 } ...
 *
 * The key is the whole value with the bits cleared that mean nothing: padding of prefixes, reserved
 * bits of operators, AND in the first operator of a component. There is no payload. Values are
 * in `flowspec-route.ts`.
 */
import type { Family } from "@heddle/inet";
import type { NlriCodec } from "../nlri-codec.ts";
import { copy, newCursor, type RouteFormat, walkerOf, wordsInto } from "./walk-routes.ts";

/** Flow Spec Component Types. https://www.iana.org/assignments/flow-spec */
export const flowSpecTypes = {
  destinationPrefix: 1,
  sourcePrefix: 2,
  ipProtocol: 3,
  port: 4,
  destinationPort: 5,
  sourcePort: 6,
  icmpType: 7,
  icmpCode: 8,
  tcpFlags: 9,
  packetLength: 10,
  dscp: 11,
  fragment: 12,
  flowLabel: 13, // RFC 8956, IPv6
} as const;

/** Bits of an operator octet (RFC 8955 4.2.1). */
export const operatorBits = {
  endOfList: 0x80,
  and: 0x40,
  lengthShift: 4,
  /** Numeric: less than, greater than, equal. */
  comparison: 0x07,
  /** Bitmask: not, match. */
  bitmask: 0x03,
} as const;

const shortLengthMax = 0xef;
/** The length takes 12 bits. */
export const flowSpecLengthMax = 0xfff;

/** Whether the operators of the component are bitmask operators (RFC 8955 4.2.1.2). */
export function hasBitmask(type: number): boolean {
  return type === flowSpecTypes.tcpFlags || type === flowSpecTypes.fragment;
}

function valueStart(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) > shortLengthMax ? at + 2 : at + 1;
}

function valueLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first <= shortLengthMax) return first;
  return ((first & 0x0f) << 8) | (bytes[at + 1] as number);
}

/**
 * Clears what means nothing in `value[start, end)`, which holds components; a text says why it is
 * malformed. Only reads when `clear` is false.
 */
function visitComponents(
  value: Uint8Array,
  start: number,
  end: number,
  family: Family,
  clear: boolean,
): string | undefined {
  const typeMax = family === 4 ? flowSpecTypes.fragment : flowSpecTypes.flowLabel;
  let last = 0;
  for (let at = start; at < end; ) {
    const type = value[at] as number;
    if (type === 0 || type > typeMax) return `component type ${type}`;
    if (type <= last) return `component type ${type} follows type ${last}`;
    last = type;
    const isPrefix = type <= flowSpecTypes.sourcePrefix;
    const behind = isPrefix
      ? visitPrefix(value, at + 1, end, family, clear)
      : visitOperators(value, at + 1, end, hasBitmask(type), clear);
    if (behind < 0) return `component type ${type} is malformed`;
    at = behind;
  }
  return last === 0 ? "it has no component" : undefined;
}

/** Returns the offset behind the prefix; -1 when it is malformed. */
function visitPrefix(
  value: Uint8Array,
  at: number,
  end: number,
  family: Family,
  clear: boolean,
): number {
  const headLength = family === 4 ? 1 : 2;
  if (end - at < headLength) return -1;
  const length = value[at] as number;
  const offset = family === 4 ? 0 : (value[at + 1] as number);
  // RFC 8956 3.1: 0 < length with a smaller offset, or both 0.
  if (length > (family === 4 ? 32 : 128) || (offset >= length && offset + length > 0)) return -1;
  const bits = length - offset;
  const behind = at + headLength + ((bits + 7) >> 3);
  if (behind > end) return -1;
  if (clear && (bits & 7) !== 0) {
    value[behind - 1] = (value[behind - 1] as number) & (0xff << (8 - (bits & 7)));
  }
  return behind;
}

/** Returns the offset behind the operator with the end-of-list bit; -1 when there is none. */
function visitOperators(
  value: Uint8Array,
  start: number,
  end: number,
  isBitmask: boolean,
  clear: boolean,
): number {
  const kept = 0xf0 | (isBitmask ? operatorBits.bitmask : operatorBits.comparison);
  let at = start;
  while (at < end) {
    const operator = value[at] as number;
    if (clear) value[at] = operator & (at === start ? kept & ~operatorBits.and : kept);
    at += 1 + (1 << ((operator >> operatorBits.lengthShift) & 3));
    if ((operator & operatorBits.endOfList) !== 0) return at <= end ? at : -1;
  }
  return -1;
}

function flowSpecFormat(family: Family): RouteFormat {
  return {
    name: `ipv${family}-flowspec`,
    check(bytes, at, end) {
      const start = valueStart(bytes, at);
      if (start > end) return "it ends inside a length";
      const behind = start + valueLength(bytes, at);
      if (behind > end) return "it ends inside a route";
      const problem = visitComponents(bytes, start, behind, family, false);
      return problem === undefined ? behind : problem;
    },
    read(bytes, at, _withdrawn, cursor) {
      const start = valueStart(bytes, at);
      const length = valueLength(bytes, at);
      cursor.keyLength = copy(cursor.key, 0, bytes, start, length);
      cursor.payloadLength = 0;
      visitComponents(cursor.key, 0, length, family, true);
      return start + length;
    },
  };
}

/** The codec of a family without the text of a route; `flowspec-text.ts` completes it. */
export function flowSpecWire(family: Family): Omit<NlriCodec, "format" | "parse"> {
  return {
    keyLengthMax: flowSpecLengthMax,
    payloadLengthMax: 0,
    walk: walkerOf(flowSpecFormat(family), newCursor(flowSpecLengthMax, 0)),
    encodedLength: (key) => key.length + (key.length > shortLengthMax ? 2 : 1),
    encode(bytes, at, key) {
      let valueAt = at;
      if (key.length > shortLengthMax) bytes[valueAt++] = 0xf0 | (key.length >> 8);
      bytes[valueAt++] = key.length;
      return copy(bytes, valueAt, key, 0, key.length);
    },
    prefixInto: (key, words) => destinationInto(family, key, words),
  };
}

/** The destination, which is the first component when there is one; a pattern is no prefix. */
function destinationInto(
  family: Family,
  key: Uint8Array,
  words: Int32Array,
): { family: 4 | 6; length: number } | undefined {
  if (key[0] !== flowSpecTypes.destinationPrefix) return undefined;
  const length = key[1] as number;
  if (family === 6 && key[2] !== 0) return undefined;
  wordsInto(key, family === 4 ? 2 : 3, (length + 7) >> 3, words);
  return { family, length };
}
