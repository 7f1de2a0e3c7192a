/**
 * MPLS-labeled VPN addresses (RFC 4364 4.3.4, RFC 4659 3.2, encoding of RFC 8277).
 *
 *      length in bits of all that follows (1) | label stack (3 each)
 *      | route distinguisher (8) | prefix (variable)
 *
 * Key: route distinguisher (8) | length of the prefix in bits (1) | prefix. Payload: the label
 * stack up to the entry with the S bit, the way RFC 3107 speakers send it; without the Multiple
 * Labels capability, which this speaker never offers, it has one entry (RFC 8277 2.2).
 */
import {
  type Family,
  formatPrefix,
  formatRouteDistinguisher,
  ipFromBytes,
  ipToBytes,
  ParseError,
  type Prefix,
  parsePrefix,
  parseRouteDistinguisher,
  prefixOf,
  type RouteDistinguisher,
  routeDistinguisherFromBigint,
  widthOf,
} from "@heddle/inet";
import { BgpError } from "../../errors.ts";
import type { EncodedNlri, NlriCodec, NlriCursor } from "../nlri-codec.ts";
import {
  decodeLabelStack,
  encodeLabelStack,
  labelLength,
  mplsLabelMax,
  readLabelField,
  withdrawnLabel,
  writeLabelField,
} from "./labels.ts";
import { copy, copyBits, newCursor, type RouteFormat, walkerOf, wordsInto } from "./walk-routes.ts";

const rdLength = 8;
const labelBits = 24;
const rdBits = 64;
/** The length octet leaves room for so many beside a route distinguisher. */
const labelCountMax = 7;
/** Offset of the prefix's length octet in a key. */
const lengthAt = rdLength;

/** A route of `ipv4-vpn` or `ipv6-vpn`; its prefix tells which. */
export interface VpnRoute {
  readonly rd: RouteDistinguisher;
  readonly prefix: Prefix;
  /** MPLS labels (20 bits each), top first; empty where only the key is known. */
  readonly labels: readonly number[];
}

/** Octets of the label stack at `at`, or a text that says why it is malformed. */
function stackLength(
  bytes: Uint8Array,
  at: number,
  bits: number,
  withdrawn: boolean,
): number | string {
  if (withdrawn) return labelLength;
  const limit = at + ((bits - rdBits) >> 3);
  for (let end = at + labelLength; end <= limit; end += labelLength) {
    const field = readLabelField(bytes, end - labelLength);
    // RFC 3107 3: values that stood for "no label" and lack the S bit.
    if ((field & 1) === 1 || field === withdrawnLabel || field === 0) return end - at;
  }
  return "its label stack has no end";
}

function vpnFormat(family: Family): RouteFormat {
  const name = `ipv${family}-vpn`;
  const width = widthOf(family);
  return {
    name,
    check(bytes, at, end, withdrawn) {
      const bits = bytes[at] as number;
      const behind = at + 1 + ((bits + 7) >> 3);
      if (bits < labelBits + rdBits) return `length ${bits}, want at least ${labelBits + rdBits}`;
      if (behind > end) return "it ends inside a route";
      const stack = stackLength(bytes, at + 1, bits, withdrawn);
      if (typeof stack === "string") return stack;
      const length = bits - stack * 8 - rdBits;
      return length > width ? `prefix length ${length}, want at most ${width}` : behind;
    },
    read(bytes, at, withdrawn, cursor) {
      const bits = bytes[at] as number;
      const stack = stackLength(bytes, at + 1, bits, withdrawn) as number;
      cursor.payloadLength = withdrawn ? 0 : copy(cursor.payload, 0, bytes, at + 1, stack);
      readKey(bytes, at + 1 + stack, bits - stack * 8 - rdBits, cursor);
      return at + 1 + ((bits + 7) >> 3);
    },
  };
}

function readKey(bytes: Uint8Array, at: number, length: number, cursor: NlriCursor): void {
  const { key } = cursor;
  copy(key, 0, bytes, at, rdLength);
  key[lengthAt] = length;
  cursor.keyLength = copyBits(key, lengthAt + 1, bytes, at + rdLength, length);
}

function vpnCodec(family: Family): NlriCodec {
  const keyLengthMax = rdLength + 1 + widthOf(family) / 8;
  const payloadLengthMax = labelCountMax * labelLength;
  return {
    keyLengthMax,
    payloadLengthMax,
    walk: walkerOf(vpnFormat(family), newCursor(keyLengthMax, payloadLengthMax)),
    encodedLength: (key, payload) =>
      key.length + (payload === undefined ? labelLength : payload.length),
    encode(bytes, at, key, payload) {
      const stack = payload === undefined ? labelLength : payload.length;
      bytes[at] = stack * 8 + rdBits + (key[lengthAt] as number);
      const rdAt =
        payload === undefined
          ? writeLabelField(bytes, at + 1, withdrawnLabel)
          : copy(bytes, at + 1, payload, 0, stack);
      const prefixAt = copy(bytes, rdAt, key, 0, rdLength);
      return copy(bytes, prefixAt, key, lengthAt + 1, key.length - lengthAt - 1);
    },
    prefixInto(key, words) {
      wordsInto(key, lengthAt + 1, key.length - lengthAt - 1, words);
      return { family, length: key[lengthAt] as number };
    },
    format: (key, payload) => formatVpnRoute(decodeVpnRoute(family, key, payload)),
    parse(text) {
      const route = parseVpnRoute(text);
      if (route.prefix.family === family) return encodeVpnKey(route);
      throw new ParseError("VPN route", text, `want a prefix of IPv${family}`);
    },
  };
}

export const ipv4VpnCodec: NlriCodec = vpnCodec(4);
export const ipv6VpnCodec: NlriCodec = vpnCodec(6);

/** `key` and `payload` as walked; without payload there are no labels. */
export function decodeVpnRoute(family: Family, key: Uint8Array, payload?: Uint8Array): VpnRoute {
  const address = new Uint8Array(widthOf(family) / 8);
  address.set(key.subarray(lengthAt + 1));
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return {
    rd: routeDistinguisherFromBigint(view.getBigUint64(0)),
    prefix: prefixOf(ipFromBytes(address), key[lengthAt] as number),
    labels: payload === undefined ? [] : decodeLabelStack(payload),
  };
}

/** The payload is for an announcement: a route has at least one label. @throws BgpError `encode` */
export function encodeVpnRoute(route: VpnRoute): EncodedNlri {
  const count = route.labels.length;
  if (count === 0 || rdBits + count * labelBits + route.prefix.length > 255) {
    const want = `1 to ${Math.floor((255 - rdBits - route.prefix.length) / labelBits)}`;
    throw new BgpError("encode", `Cannot encode VPN route: ${count} labels, want ${want}`);
  }
  return { key: encodeVpnKey(route), payload: encodeLabelStack(route.labels) };
}

export function encodeVpnKey(route: Pick<VpnRoute, "rd" | "prefix">): Uint8Array {
  const { rd, prefix } = route;
  const prefixLength = (prefix.length + 7) >> 3;
  const key = new Uint8Array(lengthAt + 1 + prefixLength);
  new DataView(key.buffer).setBigUint64(0, rd);
  key[lengthAt] = prefix.length;
  key.set(ipToBytes(prefix.address).subarray(0, prefixLength), lengthAt + 1);
  return key;
}

/** `65000:1:10.0.0.0/24`, with labels ` label 100/200`. */
export function formatVpnRoute(route: VpnRoute): string {
  const text = `${formatRouteDistinguisher(route.rd)}:${formatPrefix(route.prefix)}`;
  return route.labels.length === 0 ? text : `${text} label ${route.labels.join("/")}`;
}

/** The inverse of {@link formatVpnRoute}. @throws ParseError */
export function parseVpnRoute(text: string): VpnRoute {
  const match = /^(0x[0-9a-f]{16}|[0-9.]+L?:[0-9]+):([^ ]+)(?: label ([0-9]+(?:\/[0-9]+)*))?$/.exec(
    text,
  );
  if (match === null) throw new ParseError("VPN route", text, "want administrator:number:prefix");
  const labels = match[3] === undefined ? [] : match[3].split("/").map(Number);
  if (labels.some((label) => label > mplsLabelMax)) {
    throw new ParseError("VPN route", text, `want labels up to ${mplsLabelMax}`);
  }
  return {
    rd: parseRouteDistinguisher(match[1] as string),
    prefix: parsePrefix(match[2] as string),
    labels,
  };
}
