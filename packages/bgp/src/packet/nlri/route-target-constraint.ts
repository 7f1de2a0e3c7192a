/**
 * Route target constraints (RFC 4684 4): a prefix of an origin AS and a route target.
 *
 *      length in bits (1) | origin AS (4) | route target (8, or its leading octets)
 *
 * Length 0 stands for every route target, else it is 32 to 96: the origin AS is whole. The key is
 * the route as on the wire with host bits zero; there is no payload.
 */
import {
  type Asn,
  formatRouteTarget,
  ParseError,
  parseAsn,
  parseRouteTarget,
  type RouteTarget,
} from "@heddle/inet";
import { BgpError } from "../../errors.ts";
import type { EncodedNlri, NlriCodec } from "../nlri-codec.ts";
import { copy, copyBits, newCursor, type RouteFormat, u32, walkerOf } from "./walk-routes.ts";

const originBits = 32;
const lengthMax = 96;
const keyLengthMax = 13;
const routeTargetBits = 64;
/** RFC 4360 4. */
const routeTargetSubType = 0x02n;

export interface RouteTargetConstraint {
  /** The AS that wants the routes; absent in the default constraint, which matches everything. */
  readonly origin?: Asn;
  /** uint64, with the bits beyond `length` zero. */
  readonly routeTarget: bigint;
  /** Significant bits of `routeTarget`, 0 to 64. */
  readonly length: number;
}

const format: RouteFormat = {
  name: "route-target",
  check(bytes, at) {
    const bits = bytes[at] as number;
    if (bits > lengthMax) return `length ${bits}, want at most ${lengthMax}`;
    if (bits > 0 && bits < originBits) return `length ${bits}, want 0 or at least ${originBits}`;
    return at + 1 + ((bits + 7) >> 3);
  },
  read(bytes, at, _withdrawn, cursor) {
    const bits = bytes[at] as number;
    cursor.key[0] = bits;
    cursor.keyLength = copyBits(cursor.key, 1, bytes, at + 1, bits);
    cursor.payloadLength = 0;
    return at + cursor.keyLength;
  },
};

export const routeTargetCodec: NlriCodec = {
  keyLengthMax,
  payloadLengthMax: 0,
  walk: walkerOf(format, newCursor(keyLengthMax, 0)),
  encodedLength: (key) => key.length,
  encode: (bytes, at, key) => copy(bytes, at, key, 0, key.length),
  prefixInto: () => undefined,
  format: (key) => formatRouteTargetConstraint(decodeRouteTargetConstraint(key)),
  parse: (text) => encodeRouteTargetConstraint(parseRouteTargetConstraint(text)).key,
};

export function decodeRouteTargetConstraint(key: Uint8Array): RouteTargetConstraint {
  const bits = key[0] as number;
  if (bits === 0) return { routeTarget: 0n, length: 0 };
  const octets = new Uint8Array(8);
  octets.set(key.subarray(5));
  return {
    origin: u32(key, 1) as Asn,
    routeTarget: new DataView(octets.buffer).getBigUint64(0),
    length: bits - originBits,
  };
}

/** @throws BgpError `encode` when the length is not 0 to 64, or not 0 without an origin */
export function encodeRouteTargetConstraint(constraint: RouteTargetConstraint): EncodedNlri {
  const { origin, routeTarget, length } = constraint;
  const bitsMax = origin === undefined ? 0 : routeTargetBits;
  if (!Number.isInteger(length) || length < 0 || length > bitsMax) {
    const why = `length ${length}, want 0 to ${bitsMax}`;
    throw new BgpError("encode", `Cannot encode route target constraint: ${why}`);
  }
  const payload = new Uint8Array(0);
  if (origin === undefined) return { key: Uint8Array.of(0), payload };
  const octets = new Uint8Array(keyLengthMax);
  const view = new DataView(octets.buffer);
  view.setUint32(1, origin);
  view.setBigUint64(5, routeTarget);
  const key = new Uint8Array(1 + ((originBits + length + 7) >> 3));
  copyBits(key, 1, octets, 1, originBits + length);
  key[0] = originBits + length;
  return { key, payload };
}

/** The constraint of one AS for one route target. */
export function constraintOf(origin: Asn, routeTarget: RouteTarget): RouteTargetConstraint {
  return { origin, routeTarget, length: routeTargetBits };
}

/** True when a route with `routeTarget` is wanted (RFC 4684 4: the prefix contains it). */
export function coversRouteTarget(constraint: RouteTargetConstraint, routeTarget: bigint): boolean {
  const shift = BigInt(routeTargetBits - constraint.length);
  return routeTarget >> shift === constraint.routeTarget >> shift;
}

/** `default`, `65000:65000:1` (origin and route target) or `65000:0x0002fde8/32`. */
export function formatRouteTargetConstraint(constraint: RouteTargetConstraint): string {
  const { origin, routeTarget, length } = constraint;
  if (origin === undefined) return "default";
  if (length === routeTargetBits && hasRouteTargetForm(routeTarget)) {
    return `${origin}:${formatRouteTarget(routeTarget)}`;
  }
  return `${origin}:0x${routeTarget.toString(16).padStart(16, "0")}/${length}`;
}

/** Also true for an ES-Import route target, which has the same sub-type (RFC 7432 7.6). */
function hasRouteTargetForm(value: bigint): value is RouteTarget {
  return ((value >> 48n) & 0xffn) === routeTargetSubType;
}

/** The inverse of {@link formatRouteTargetConstraint}. @throws ParseError */
export function parseRouteTargetConstraint(text: string): RouteTargetConstraint {
  if (text === "default") return { routeTarget: 0n, length: 0 };
  const match = /^([0-9]+):(?:0x([0-9a-f]{16})\/([0-9]{1,2})|(.+))$/.exec(text);
  if (match === null) throw new ParseError("route target constraint", text, "want AS:route-target");
  const origin = (match[1] === "0" ? 0 : parseAsn(match[1] as string)) as Asn;
  if (match[4] !== undefined) return constraintOf(origin, parseRouteTarget(match[4]));
  const length = Number(match[3]);
  const routeTarget = BigInt(`0x${match[2]}`);
  const shift = BigInt(routeTargetBits - length);
  if (length > routeTargetBits || (routeTarget >> shift) << shift !== routeTarget) {
    throw new ParseError("route target constraint", text, "want zero bits beyond 0 to 64 bits");
  }
  return { origin, routeTarget, length };
}
