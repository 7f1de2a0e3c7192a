/**
 * IP addresses as primitives: an IPv4 address is a number (uint32, host order), an IPv6 address a
 * bigint
 * (uint128). Both compare with === and key a Map, and `typeof` tells the family.
 * Text forms: RFC 4632 dotted quad without leading zeros, RFC 5952 for IPv6 output, RFC 4291 2.2
 * for input.
 */
import type { Brand } from "@heddle/std";
import { ParseError } from "./errors.ts";

export type Ip4 = Brand<number, "Ip4">;
export type Ip6 = Brand<bigint, "Ip6">;
export type Ip = Ip4 | Ip6;
export type Family = 4 | 6;

export const ip6Max: bigint = (1n << 128n) - 1n;

export function familyOf(ip: Ip): Family {
  return typeof ip === "number" ? 4 : 6;
}

/** Bits of an address of the family: 32 or 128. */
export function widthOf(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** @throws ParseError */
export function parseIp4(text: string): Ip4 {
  const parts = text.split(".");
  if (parts.length !== 4) throw new ParseError("IPv4 address", text, "want four decimal octets");
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) {
      throw new ParseError("IPv4 address", text, `octet ${JSON.stringify(part)}, want 0 to 255`);
    }
    value = value * 256 + Number(part);
  }
  return value as Ip4;
}

export function formatIp4(ip: Ip4): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** Accepts no zone (`%eth0`): a zone is not part of an address. @throws ParseError */
export function parseIp6(text: string): Ip6 {
  const fail = (why: string): never => {
    throw new ParseError("IPv6 address", text, why);
  };
  if (text.length > 45) fail("longer than any IPv6 address");
  const halves = text.split("::");
  if (halves.length > 2) fail("more than one ::");
  const head = parseGroups(halves[0] as string, halves.length === 1, fail);
  const tail = halves.length === 2 ? parseGroups(halves[1] as string, true, fail) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) fail("want eight groups of 16 bits");
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return value as Ip6;
}

function parseGroups(text: string, last: boolean, fail: (why: string) => never): number[] {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes(".")) {
      let v4: Ip4;
      try {
        v4 = parseIp4(part);
      } catch {
        return fail(`embedded IPv4 address ${JSON.stringify(part)}`);
      }
      groups.push(v4 >>> 16, v4 & 0xffff);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      fail(`group ${JSON.stringify(part)}, want 1 to 4 hexadecimal digits`);
    }
  }
  return groups;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::`. */
export function formatIp6(ip: Ip6): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((ip >> shift) & 0xffffn));
  if (ip >> 32n === 0xffffn) return `::ffff:${formatIp4(Number(ip & 0xffffffffn) as Ip4)}`;
  const run = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((g) => g.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = -1;
  for (let i = 0; i <= groups.length; i += 1) {
    if (groups[i] === 0) {
      if (start < 0) start = i;
    } else if (start >= 0) {
      if (i - start > best.length) best = { start, length: i - start };
      start = -1;
    }
  }
  return best;
}

/** @throws ParseError */
export function parseIp(text: string): Ip {
  return text.includes(":") ? parseIp6(text) : parseIp4(text);
}

export function formatIp(ip: Ip): string {
  return typeof ip === "number" ? formatIp4(ip) : formatIp6(ip);
}

/** Network byte order: 4 bytes for IPv4, 16 for IPv6. */
export function ipToBytes(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(typeof ip === "number" ? 4 : 16);
  const view = new DataView(bytes.buffer);
  if (typeof ip === "number") {
    view.setUint32(0, ip);
  } else {
    view.setBigUint64(0, ip >> 64n);
    view.setBigUint64(8, ip & 0xffffffffffffffffn);
  }
  return bytes;
}

/** The inverse of {@link ipToBytes}. @throws ParseError when `bytes` is neither 4 nor 16 long. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return view.getUint32(0) as Ip4;
  if (bytes.length === 16) return ((view.getBigUint64(0) << 64n) | view.getBigUint64(8)) as Ip6;
  throw new ParseError("address", `${bytes.length} bytes`, "want 4 or 16 bytes");
}

/** @throws ParseError when the value is not a uint32. */
export function ip4FromNumber(value: number): Ip4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new ParseError("IPv4 address", String(value), "want a 32-bit unsigned integer");
  }
  return value as Ip4;
}

/** @throws ParseError when the value is not a uint128. */
export function ip6FromBigint(value: bigint): Ip6 {
  if (value < 0n || value > ip6Max) {
    throw new ParseError("IPv6 address", String(value), "want a 128-bit unsigned integer");
  }
  return value as Ip6;
}

/** The address `offset` above `ip`. @throws ParseError beyond the family's range. */
export function addToIp(ip: Ip, offset: number | bigint): Ip {
  return typeof ip === "number"
    ? ip4FromNumber(ip + Number(offset))
    : ip6FromBigint(ip + BigInt(offset));
}

/** Total order: IPv4 before IPv6, then by value. */
export function compareIp(a: Ip, b: Ip): number {
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** fe80::/10 (RFC 4291 2.5.6). */
export function isLinkLocal6(ip: Ip): boolean {
  return typeof ip === "bigint" && ip >> 118n === 0x3fan;
}
