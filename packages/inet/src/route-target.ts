/**
 * Route distinguishers (RFC 4364 4.2) and route targets (RFC 4360 4) as 64-bit values in wire
 * order, types 0 (2-octet AS : 32 bits), 1 (IPv4 : 16 bits) and 2 (4-octet AS : 16 bits, RFC 5668).
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
  const { type, value } = parseAdministered("route distinguisher", text);
  return ((BigInt(type) << 48n) | value) as RouteDistinguisher;
}

export function formatRouteDistinguisher(rd: RouteDistinguisher): string {
  return formatAdministered(Number(rd >> 48n), rd & 0xffffffffffffn);
}

/** @throws ParseError */
export function parseRouteTarget(text: string): RouteTarget {
  const { type, value } = parseAdministered("route target", text);
  return ((BigInt(type) << 56n) | (routeTargetSubType << 48n) | value) as RouteTarget;
}

export function formatRouteTarget(routeTarget: RouteTarget): string {
  return formatAdministered(Number(routeTarget >> 56n) & 0x3f, routeTarget & 0xffffffffffffn);
}

function parseAdministered(kind: string, text: string): { type: 0 | 1 | 2; value: bigint } {
  const match = /^([0-9.]+):(0|[1-9][0-9]{0,9})$/.exec(text);
  if (match === null) throw new ParseError(kind, text, "want administrator:number");
  const administrator = match[1] as string;
  const number = BigInt(match[2] as string);
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
  return asn <= 0xffffn
    ? { type: 0, value: (asn << 32n) | fits(32n) }
    : { type: 2, value: (asn << 16n) | fits(16n) };
}

function formatAdministered(type: number, value: bigint): string {
  if (type === 0) return `${value >> 32n}:${value & 0xffffffffn}`;
  const administrator = value >> 16n;
  const shown = type === 1 ? formatIp4(Number(administrator) as Ip4) : administrator;
  return `${shown}:${value & 0xffffn}`;
}
