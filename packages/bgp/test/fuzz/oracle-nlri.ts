/**
 * The oracle's own reading of NLRI: which routes a field names, or that it cannot be read (RFC 7606
 * 5.3). Written from the RFCs on plain arrays, without the codecs that are under test.
 */
import type { AddressFamily } from "../../src/packet/address-family.ts";
import { concat, toHex } from "./wire.ts";

export interface OracleRoute {
  readonly family: AddressFamily;
  /** Equal for what is the same route to a RIB. */
  readonly key: string;
  /** The NLRI as it came, with its path identifier. */
  readonly nlri: Uint8Array;
  /** The NLRI that withdraws the route. */
  readonly withdrawal: Uint8Array;
}

/**
 * Octets of one route at `at`, its key, and how many of its first octets give way to what in a
 * withdrawal; undefined when it is malformed.
 */
type ReadRoute = (
  bytes: Uint8Array,
  at: number,
  end: number,
  withdrawn: boolean,
) =>
  | {
      readonly length: number;
      readonly key: string;
      /** It is of a type that is not known. */
      readonly discarded?: boolean;
      readonly withdrawnHead?: { readonly length: number; readonly octets: readonly number[] };
    }
  | undefined;

const readers: Readonly<Record<AddressFamily, ReadRoute>> = {
  "ipv4-unicast": readPrefix(32),
  "ipv6-unicast": readPrefix(128),
  "ipv4-vpn": readVpn(32),
  "ipv6-vpn": readVpn(128),
  evpn: readEvpn,
  "route-target": readRouteTarget,
  "ipv4-flowspec": readFlowSpec(32),
  "ipv6-flowspec": readFlowSpec(128),
};

/** Undefined when the field is malformed. */
export function readRoutes(
  family: AddressFamily,
  bytes: Uint8Array,
  options: { readonly addPath: boolean; readonly withdrawn: boolean },
): OracleRoute[] | undefined {
  const routes: OracleRoute[] = [];
  for (let at = 0; at < bytes.length; ) {
    const routeAt = at + (options.addPath ? 4 : 0);
    if (routeAt >= bytes.length) return undefined;
    const route = readers[family](bytes, routeAt, bytes.length, options.withdrawn);
    if (route === undefined || routeAt + route.length > bytes.length) return undefined;
    const pathId = bytes.subarray(at, routeAt);
    const behind = routeAt + route.length;
    if (route.discarded === true) {
      at = behind;
      continue;
    }
    const { length, octets } = route.withdrawnHead ?? { length: 0, octets: [] };
    routes.push({
      family,
      key: `${family} ${toHex(pathId)} ${route.key}`,
      nlri: bytes.slice(at, behind),
      withdrawal: concat([pathId, octets, bytes.subarray(routeAt + length, behind)]),
    });
    at = behind;
  }
  return routes;
}

/** The first `bits` bits at `at`, the others zero, as text. */
function bitsText(bytes: Uint8Array, at: number, bits: number): string {
  const octets = [...bytes.subarray(at, at + ((bits + 7) >> 3))];
  if (bits % 8 > 0) octets.push((octets.pop() as number) & (0xff << (8 - (bits % 8))));
  return `${bits}/${octets.map((octet) => octet & 0xff).join(".")}`;
}

function readPrefix(width: number): ReadRoute {
  return (bytes, at, end) => {
    const bits = bytes[at] as number;
    const length = 1 + ((bits + 7) >> 3);
    if (bits > width || at + length > end) return undefined;
    return { length, key: bitsText(bytes, at + 1, bits) };
  };
}

/** RFC 4364 4.3.4, RFC 8277 2.2 to 2.4: one label when withdrawn, else to the bottom of stack. */
function readVpn(width: number): ReadRoute {
  return (bytes, at, end, withdrawn) => {
    const bits = bytes[at] as number;
    const length = 1 + ((bits + 7) >> 3);
    if (bits < 24 + 64 || at + length > end) return undefined;
    let labels = 24;
    const isLast = (labelAt: number): boolean => {
      const [a, b, c] = [...bytes.subarray(labelAt, labelAt + 3)] as [number, number, number];
      return c % 2 === 1 || (b === 0 && c === 0 && (a === 0 || a === 0x80));
    };
    while (!withdrawn && !isLast(at + 1 + labels / 8 - 3)) {
      labels += 24;
      if (labels + 64 > bits) return undefined;
    }
    const prefixBits = bits - labels - 64;
    if (prefixBits > width) return undefined;
    const rdAt = at + 1 + labels / 8;
    const rd = toHex(bytes.subarray(rdAt, rdAt + 8));
    return {
      length,
      key: `${rd} ${bitsText(bytes, rdAt + 8, prefixBits)}`,
      withdrawnHead: { length: rdAt - at, octets: [24 + 64 + prefixBits, 0x80, 0, 0] },
    };
  };
}

/** RFC 7432 7.1 to 7.4, RFC 9136 3.1; other types are discarded (RFC 7606 5.4). */
function readEvpn(
  bytes: Uint8Array,
  at: number,
  end: number,
): { length: number; key: string; discarded?: boolean } | undefined {
  if (end - at < 2) return undefined;
  const [type, size] = [bytes[at] as number, bytes[at + 1] as number];
  if (at + 2 + size > end) return undefined;
  if (type < 1 || type > 5) return { length: 2 + size, key: "", discarded: true };
  const value = bytes.subarray(at + 2, at + 2 + size);
  const key = evpnKey(type, value);
  return key === undefined ? undefined : { length: 2 + size, key: `${type} ${key}` };
}

function evpnKey(type: number, value: Uint8Array): string | undefined {
  const part = (from: number, to: number): string => toHex(value.subarray(from, to));
  switch (type) {
    case 1:
      return value.length === 25 ? part(0, 22) : undefined;
    case 2: {
      if (value.length < 30 || value[22] !== 48) return undefined;
      const ipBits = value[29] as number;
      const rest = value.length - 30 - ipBits / 8;
      if (![0, 32, 128].includes(ipBits) || (rest !== 3 && rest !== 6)) return undefined;
      return `${part(0, 8)} ${part(18, 30 + ipBits / 8)}`;
    }
    case 3:
    case 4: {
      const head = type === 3 ? 12 : 18;
      const ipBits = value[head];
      if (ipBits !== 32 && ipBits !== 128) return undefined;
      return value.length === head + 1 + ipBits / 8 ? part(0, value.length) : undefined;
    }
    case 5: {
      const width = value.length === 34 ? 32 : value.length === 58 ? 128 : 0;
      const bits = value[22] as number;
      if (width === 0 || bits > width) return undefined;
      return `${part(0, 8)} ${part(18, 22)} ${width} ${bitsText(value, 23, bits)}`;
    }
    default:
      return undefined;
  }
}

/** RFC 4684 4: nothing, or 32 to 96 bits. */
function readRouteTarget(
  bytes: Uint8Array,
  at: number,
  end: number,
): { length: number; key: string } | undefined {
  const bits = bytes[at] as number;
  const length = 1 + ((bits + 7) >> 3);
  if ((bits > 0 && bits < 32) || bits > 96 || at + length > end) return undefined;
  return { length, key: bitsText(bytes, at + 1, bits) };
}

/** RFC 8955 4.1, RFC 8956 3. */
function readFlowSpec(width: number): ReadRoute {
  return (bytes, at, end) => {
    const first = bytes[at] as number;
    const isLong = first >= 0xf0;
    const valueAt = at + (isLong ? 2 : 1);
    if (valueAt > end) return undefined;
    const size = isLong ? ((first & 0x0f) << 8) | (bytes[at + 1] as number) : first;
    if (valueAt + size > end) return undefined;
    const key = flowSpecKey(bytes.subarray(valueAt, valueAt + size), width);
    return key === undefined ? undefined : { length: valueAt - at + size, key };
  };
}

function flowSpecKey(value: Uint8Array, width: number): string | undefined {
  const parts: string[] = [];
  let lastType = 0;
  let at = 0;
  while (at < value.length) {
    const type = value[at] as number;
    if (type <= lastType || type > (width === 32 ? 12 : 13)) return undefined;
    lastType = type;
    const part =
      type <= 2 ? flowSpecPrefix(value, at + 1, width) : flowSpecOperators(value, at + 1, type);
    if (part === undefined) return undefined;
    parts.push(`${type}:${part.key}`);
    at = part.end;
  }
  return parts.length === 0 ? undefined : parts.join(" ");
}

function flowSpecPrefix(
  value: Uint8Array,
  at: number,
  width: number,
): { end: number; key: string } | undefined {
  const headLength = width === 32 ? 1 : 2;
  if (at + headLength > value.length) return undefined;
  const bits = value[at] as number;
  const offset = width === 32 ? 0 : (value[at + 1] as number);
  const isEmpty = bits === 0 && offset === 0;
  if (bits > width || (offset >= bits && !isEmpty)) return undefined;
  const patternAt = at + headLength;
  const end = patternAt + ((bits - offset + 7) >> 3);
  if (end > value.length) return undefined;
  return { end, key: `${bits}-${offset} ${bitsText(value, patternAt, bits - offset)}` };
}

/** Bits that are to be ignored are no part of the key: reserved ones, AND of the first operator. */
function flowSpecOperators(
  value: Uint8Array,
  start: number,
  type: number,
): { end: number; key: string } | undefined {
  const meant = type === 9 || type === 12 ? 0xf3 : 0xf7;
  const terms: string[] = [];
  for (let at = start; at < value.length; ) {
    const operator = value[at] as number;
    const size = 1 << ((operator >> 4) & 3);
    const end = at + 1 + size;
    if (end > value.length) return undefined;
    const bits = operator & meant & (at === start ? 0xbf : 0xff);
    terms.push(`${bits} ${toHex(value.subarray(at + 1, end))}`);
    if (operator >= 0x80) return { end, key: terms.join(",") };
    at = end;
  }
  return undefined;
}
