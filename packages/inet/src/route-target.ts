/**
 * Route distinguishers (RFC 4364 4.2) and route targets (RFC 4360 4) as 64-bit values in wire
 * order, types 0 (2-octet AS : 32 bits), 1 (IPv4 : 16 bits) and 2 (4-octet AS : 16 bits, RFC 5668).
 * As text, `65000:1` is of type 0; an AS number that would fit two octets but is written in four
 * carries an L (`65000L:1`), so that no two values have one text. A type that is not known is
 * written as sixteen hexadecimal digits.
 */
import type { Brand } from "@heddle/std";
import { ParseError } from "./errors.ts";
import { formatIp4, type Ip4, parseIp4 } from "./ip.ts";

export type RouteDistinguisher = Brand<bigint, "RouteDistinguisher">;
export type RouteTarget = Brand<bigint, "RouteTarget">;

/** Sub-type of a route target in the extended community's low type octet (RFC 4360 4). */
const routeTargetSubType = 0x02n;

/** @throws ParseError */
export function parseRouteDistinguisher(text: string): RouteDistinguisher {
  if (isHex(text)) return BigInt(text) as RouteDistinguisher;
  const { type, value } = parseAdministered("route distinguisher", text);
  return ((BigInt(type) << 48n) | value) as RouteDistinguisher;
}

export function formatRouteDistinguisher(rd: RouteDistinguisher): string {
  return formatAdministered(Number(rd >> 48n), rd & 0xffffffffffffn) ?? hexOf(rd);
}

/** Any uint64 is a route distinguisher. @throws ParseError when the value is not one. */
export function routeDistinguisherFromBigint(value: bigint): RouteDistinguisher {
  return uint64("route distinguisher", value) as RouteDistinguisher;
}

/** @throws ParseError */
export function parseRouteTarget(text: string): RouteTarget {
  if (isHex(text)) return routeTargetFromBigint(BigInt(text));
  const { type, value } = parseAdministered("route target", text);
  return ((BigInt(type) << 56n) | (routeTargetSubType << 48n) | value) as RouteTarget;
}

export function formatRouteTarget(routeTarget: RouteTarget): string {
  return (
    formatAdministered(Number(routeTarget >> 56n), routeTarget & 0xffffffffffffn) ??
    hexOf(routeTarget)
  );
}

/**
 * The value of an extended community with the sub-type of a route target. @throws ParseError when
 * it has another.
 */
export function routeTargetFromBigint(value: bigint): RouteTarget {
  if (((uint64("route target", value) >> 48n) & 0xffn) !== routeTargetSubType) {
    throw new ParseError("route target", hexOf(value), "want sub-type 2");
  }
  return value as RouteTarget;
}

function uint64(kind: string, value: bigint): bigint {
  if (value >> 64n === 0n) return value;
  throw new ParseError(kind, String(value), "want a 64-bit unsigned integer");
}

function isHex(text: string): boolean {
  return /^0x[0-9a-f]{16}$/.test(text);
}

function hexOf(value: bigint): string {
  return `0x${value.toString(16).padStart(16, "0")}`;
}

function parseAdministered(kind: string, text: string): { type: 0 | 1 | 2; value: bigint } {
  const match = /^(?:([0-9.]+)|([0-9]+)L):(0|[1-9][0-9]{0,9})$/.exec(text);
  if (match === null) throw new ParseError(kind, text, "want administrator:number");
  const isWide = match[1] === undefined;
  const administrator = (isWide ? match[2] : match[1]) as string;
  const number = BigInt(match[3] as string);
  const fits = (bits: bigint): bigint => {
    if (number >> bits === 0n) return number;
    throw new ParseError(kind, text, `number ${number}, want at most ${(1n << bits) - 1n}`);
  };
  if (administrator.includes(".")) {
    return { type: 1, value: (BigInt(parseIp4(administrator)) << 16n) | fits(16n) };
  }
  const asn = BigInt(administrator);
  if (asn > 0xffffffffn)
    throw new ParseError(kind, text, `AS number ${asn}, want at most 4294967295`);
  return asn <= 0xffffn && !isWide
    ? { type: 0, value: (asn << 32n) | fits(32n) }
    : { type: 2, value: (asn << 16n) | fits(16n) };
}

/** Undefined for a type that is not known. */
function formatAdministered(type: number, value: bigint): string | undefined {
  if (type === 0) return `${value >> 32n}:${value & 0xffffffffn}`;
  if (type > 2) return undefined;
  const administrator = value >> 16n;
  const number = value & 0xffffn;
  if (type === 1) return `${formatIp4(Number(administrator) as Ip4)}:${number}`;
  return `${administrator}${administrator <= 0xffffn ? "L" : ""}:${number}`;
}
