/**
 * EVPN routes on the wire (RFC 7432 7, RFC 9136 3.1): route type (1) | length (1) | value.
 *
 *      1 Ethernet A-D         RD 8 | ESI 10 | tag 4 | label 3
 *      2 MAC/IP               RD 8 | ESI 10 | tag 4 | MAC length 1 | MAC 6 | IP length 1
 *                             | IP 0, 4, 16 | label 3 | label 0, 3
 *      3 Inclusive Multicast  RD 8 | tag 4 | IP length 1 | IP 4, 16
 *      4 Ethernet Segment     RD 8 | ESI 10 | IP length 1 | IP 4, 16
 *      5 IP Prefix            RD 8 | ESI 10 | tag 4 | prefix length 1 | prefix 4, 16
 *                             | gateway 4, 16 | label 3
 *
 * The key is the route type and the fields that identify the route, in the order of the wire; the
 * payload is the others: label of type 1; ESI and labels of type 2; ESI, gateway and label of type
 * 5. Routes of a type that is not listed are discarded when they come (RFC 7606 5.4); to encode,
 * they are all key. Values are in `evpn-route.ts`, text in `evpn-text.ts`.
 */
import type { NlriCodec, NlriCursor } from "../nlri-codec.ts";
import { labelLength } from "./labels.ts";
import { copy, copyBits, newCursor, type RouteFormat, walkerOf, wordsInto } from "./walk-routes.ts";

/** EVPN Route Types. https://www.iana.org/assignments/evpn */
export const evpnRouteTypes = {
  ethernetAutoDiscovery: 1, // RFC 7432
  macIp: 2, // RFC 7432
  inclusiveMulticast: 3, // RFC 7432
  ethernetSegment: 4, // RFC 7432
  ipPrefix: 5, // RFC 9136
  // Selective Multicast Ethernet Tag 6 to Leave Synch 8: RFC 9251
  // Per-Region I-PMSI 9 to Leaf 11: RFC 9572
} as const;

const rdLength = 8;
const esiLength = 10;
const tagLength = 4;
const macBits = 48;
const macLength = 6;

// Offsets in a key, which begins with the route type.
const tagAt = 1 + rdLength;
/** Of the length octet of the address of types 2 and 5; for type 2, behind the MAC address. */
const macIpLengthAt = tagAt + tagLength + macLength;
const prefixLengthAt = tagAt + tagLength;

/** Offset, in a value of types 2 and 5, of what follows ESI and tag. */
const behindTag = rdLength + esiLength + tagLength;

const keyLengthMax = 256;
const payloadLengthMax = esiLength + 16 + labelLength;
/** Of key without type octet, and payload, of the types whose lengths are fixed. */
const adLength = behindTag + labelLength;
const prefixLength4 = behindTag + 1 + 4 + 4 + labelLength;
const prefixLength6 = behindTag + 1 + 16 + 16 + labelLength;

/** Checks a value of `length` octets at `at`; undefined when it is well-formed. */
function problemOf(
  bytes: Uint8Array,
  at: number,
  type: number,
  length: number,
): string | undefined {
  switch (type) {
    case evpnRouteTypes.ethernetAutoDiscovery:
      return length === adLength ? undefined : wrongLength(length, String(adLength));
    case evpnRouteTypes.macIp:
      return macIpProblem(bytes, at, length);
    case evpnRouteTypes.inclusiveMulticast:
      return originatorProblem(bytes, at, length, rdLength + tagLength);
    case evpnRouteTypes.ethernetSegment:
      return originatorProblem(bytes, at, length, rdLength + esiLength);
    case evpnRouteTypes.ipPrefix:
      return prefixProblem(bytes, at, length);
    default:
      return undefined;
  }
}

function macIpProblem(bytes: Uint8Array, at: number, length: number): string | undefined {
  const ipLengthAt = behindTag + 1 + macLength;
  if (length <= ipLengthAt) return wrongLength(length, `more than ${ipLengthAt}`);
  const macLengthBits = bytes[at + behindTag] as number;
  if (macLengthBits !== macBits) return `MAC address length ${macLengthBits}, want ${macBits}`;
  const ipBits = bytes[at + ipLengthAt] as number;
  if (ipBits !== 0 && ipBits !== 32 && ipBits !== 128) {
    return `IP address length ${ipBits}, want 0, 32 or 128`;
  }
  const want = ipLengthAt + 1 + ipBits / 8 + labelLength;
  const fits = length === want || length === want + labelLength;
  return fits ? undefined : wrongLength(length, `${want} or ${want + labelLength}`);
}

/** Types 3 and 4 end in an address with its length in front. */
function originatorProblem(
  bytes: Uint8Array,
  at: number,
  length: number,
  lengthAt: number,
): string | undefined {
  if (length <= lengthAt) return wrongLength(length, `more than ${lengthAt}`);
  const ipBits = bytes[at + lengthAt] as number;
  if (ipBits !== 32 && ipBits !== 128) return `IP address length ${ipBits}, want 32 or 128`;
  const want = lengthAt + 1 + ipBits / 8;
  return length === want ? undefined : wrongLength(length, String(want));
}

function prefixProblem(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length !== prefixLength4 && length !== prefixLength6) {
    return wrongLength(length, `${prefixLength4} or ${prefixLength6}`);
  }
  const bits = bytes[at + behindTag] as number;
  const width = length === prefixLength4 ? 32 : 128;
  return bits <= width ? undefined : `prefix length ${bits}, want at most ${width}`;
}

function wrongLength(length: number, want: string): string {
  return `length ${length}, want ${want}`;
}

const format: RouteFormat = {
  name: "EVPN",
  check(bytes, at, end) {
    if (end - at < 2) return "it ends inside a route";
    const type = bytes[at] as number;
    const length = bytes[at + 1] as number;
    if (at + 2 + length > end) return "it ends inside a route";
    const problem = problemOf(bytes, at + 2, type, length);
    return problem === undefined ? at + 2 + length : `route type ${type}: ${problem}`;
  },
  read(bytes, at, withdrawn, cursor) {
    const type = bytes[at] as number;
    const length = bytes[at + 1] as number;
    cursor.key[0] = type;
    readValue(bytes, at + 2, type, length, cursor);
    if (withdrawn) cursor.payloadLength = 0;
    return at + 2 + length;
  },
};

function readValue(
  bytes: Uint8Array,
  at: number,
  type: number,
  length: number,
  cursor: NlriCursor,
): void {
  const { key, payload } = cursor;
  switch (type) {
    case evpnRouteTypes.ethernetAutoDiscovery:
      cursor.keyLength = copy(key, 1, bytes, at, behindTag);
      cursor.payloadLength = copy(payload, 0, bytes, at + behindTag, labelLength);
      break;
    case evpnRouteTypes.macIp:
      readMacIp(bytes, at, length, cursor);
      break;
    case evpnRouteTypes.ipPrefix:
      readPrefix(bytes, at, length, cursor);
      break;
    default:
      cursor.keyLength = copy(key, 1, bytes, at, length);
      cursor.payloadLength = 0;
      break;
  }
}

/** RD and tag go to the key, the ESI between them to the payload. */
function readHead(bytes: Uint8Array, at: number, cursor: NlriCursor): void {
  copy(cursor.key, 1, bytes, at, rdLength);
  copy(cursor.payload, 0, bytes, at + rdLength, esiLength);
  copy(cursor.key, tagAt, bytes, at + rdLength + esiLength, tagLength);
}

function readMacIp(bytes: Uint8Array, at: number, length: number, cursor: NlriCursor): void {
  readHead(bytes, at, cursor);
  // The MAC length octet is always the same and not kept.
  const macAt = at + behindTag + 1;
  const ipLength = (bytes[macAt + macLength] as number) >> 3;
  const fieldLength = macLength + 1 + ipLength;
  cursor.keyLength = copy(cursor.key, tagAt + tagLength, bytes, macAt, fieldLength);
  const labelsAt = macAt + fieldLength;
  cursor.payloadLength = copy(cursor.payload, esiLength, bytes, labelsAt, at + length - labelsAt);
}

function readPrefix(bytes: Uint8Array, at: number, length: number, cursor: NlriCursor): void {
  readHead(bytes, at, cursor);
  const { key, payload } = cursor;
  const bits = bytes[at + behindTag] as number;
  const ipLength = length === prefixLength4 ? 4 : 16;
  key[prefixLengthAt] = bits;
  key.fill(0, prefixLengthAt + 1, prefixLengthAt + 1 + ipLength);
  copyBits(key, prefixLengthAt + 1, bytes, at + behindTag + 1, bits);
  cursor.keyLength = prefixLengthAt + 1 + ipLength;
  const gatewayAt = at + behindTag + 1 + ipLength;
  cursor.payloadLength = copy(payload, esiLength, bytes, gatewayAt, ipLength + labelLength);
}

/** Octets of the payload that a withdrawal has zero on the wire. */
function withdrawnPayloadLength(key: Uint8Array): number {
  switch (key[0]) {
    case evpnRouteTypes.ethernetAutoDiscovery:
      return labelLength;
    case evpnRouteTypes.macIp:
      return esiLength + labelLength;
    case evpnRouteTypes.ipPrefix:
      return esiLength + (key.length - prefixLengthAt - 1) + labelLength;
    default:
      return 0;
  }
}

const zeros = new Uint8Array(payloadLengthMax);

function encodeRoute(
  bytes: Uint8Array,
  at: number,
  key: Uint8Array,
  payload: Uint8Array | undefined,
): number {
  const type = key[0] as number;
  const rest = payload === undefined ? zeros : payload;
  const restLength = payload === undefined ? withdrawnPayloadLength(key) : payload.length;
  const hasHead = type === evpnRouteTypes.macIp || type === evpnRouteTypes.ipPrefix;
  let end: number;
  if (hasHead) {
    end = copy(bytes, at + 2, key, 1, rdLength);
    end = copy(bytes, end, rest, 0, esiLength);
    end = copy(bytes, end, key, tagAt, tagLength);
    if (type === evpnRouteTypes.macIp) bytes[end++] = macBits;
    end = copy(bytes, end, key, prefixLengthAt, key.length - prefixLengthAt);
    end = copy(bytes, end, rest, esiLength, restLength - esiLength);
  } else {
    end = copy(bytes, at + 2, key, 1, key.length - 1);
    end = copy(bytes, end, rest, 0, restLength);
  }
  bytes[at] = type;
  bytes[at + 1] = end - at - 2;
  return end;
}

/** The address of types 2 (a host's) and 5 in the key; the other types have none. */
function prefixOfKey(
  key: Uint8Array,
  words: Int32Array,
): { family: 4 | 6; length: number } | undefined {
  const type = key[0];
  if (type !== evpnRouteTypes.macIp && type !== evpnRouteTypes.ipPrefix) return undefined;
  const lengthAt = type === evpnRouteTypes.macIp ? macIpLengthAt : prefixLengthAt;
  const addressLength = key.length - lengthAt - 1;
  if (addressLength === 0) return undefined;
  wordsInto(key, lengthAt + 1, addressLength, words);
  return { family: addressLength === 4 ? 4 : 6, length: key[lengthAt] as number };
}

const knownTypes: ReadonlySet<number> = new Set(Object.values(evpnRouteTypes));
const walkAll = walkerOf(format, newCursor(keyLengthMax, payloadLengthMax));

/** The codec without the text of a route; `evpn-text.ts` completes it. */
export const evpnWire: Omit<NlriCodec, "format" | "parse"> = {
  keyLengthMax,
  payloadLengthMax,
  walk(bytes, start, end, options, visit) {
    let unknownCount = 0;
    walkAll(bytes, start, end, options, (cursor) => {
      if (knownTypes.has(cursor.key[0] as number)) visit(cursor);
      else unknownCount += 1;
    });
    return unknownCount;
  },
  encodedLength(key, payload) {
    const rest = payload === undefined ? withdrawnPayloadLength(key) : payload.length;
    return 1 + key.length + rest + (key[0] === evpnRouteTypes.macIp ? 1 : 0);
  },
  encode: encodeRoute,
  prefixInto: prefixOfKey,
};
