/**
 * Address prefixes (RFC 4632, RFC 4291 2.3), interned: two prefixes are equal exactly when they are
 * the same object, so they compare with === and key a Map. Host bits are always zero.
 */
import { ParseError } from "./errors.ts";
import {
  compareIp,
  type Family,
  familyOf,
  formatIp,
  type Ip,
  type Ip4,
  type Ip6,
  ip6Max,
  parseIp,
  widthOf,
} from "./ip.ts";

export interface Prefix4 {
  readonly family: 4;
  readonly address: Ip4;
  /** 0 to 32. */
  readonly length: number;
}

export interface Prefix6 {
  readonly family: 6;
  readonly address: Ip6;
  /** 0 to 128. */
  readonly length: number;
}

export type Prefix = Prefix4 | Prefix6;

const interned4 = new Map<number, WeakRef<Prefix4>>();
const interned6 = new Map<bigint, WeakRef<Prefix6>>();
const collected4 = new FinalizationRegistry<number>((key) => {
  if (interned4.get(key)?.deref() === undefined) interned4.delete(key);
});
const collected6 = new FinalizationRegistry<bigint>((key) => {
  if (interned6.get(key)?.deref() === undefined) interned6.delete(key);
});

/**
 * The prefix of `length` bits that contains `address`; host bits are cleared. @throws ParseError
 */
export function prefixOf(address: Ip, length: number): Prefix {
  if (!Number.isInteger(length) || length < 0 || length > widthOf(familyOf(address))) {
    throw new ParseError(
      "prefix",
      `${formatIp(address)}/${length}`,
      `length ${length}, want 0 to ${widthOf(familyOf(address))}`,
    );
  }
  return typeof address === "number" ? intern4(address, length) : intern6(address, length);
}

function intern4(address: Ip4, length: number): Prefix4 {
  const masked = (length === 0 ? 0 : (address >>> (32 - length)) * 2 ** (32 - length)) as Ip4;
  const key = masked * 64 + length;
  const known = interned4.get(key)?.deref();
  if (known !== undefined) return known;
  const prefix: Prefix4 = Object.freeze({ family: 4, address: masked, length });
  interned4.set(key, new WeakRef(prefix));
  collected4.register(prefix, key);
  return prefix;
}

function intern6(address: Ip6, length: number): Prefix6 {
  const masked = (address & mask6(length)) as Ip6;
  const key = (masked << 8n) | BigInt(length);
  const known = interned6.get(key)?.deref();
  if (known !== undefined) return known;
  const prefix: Prefix6 = Object.freeze({ family: 6, address: masked, length });
  interned6.set(key, new WeakRef(prefix));
  collected6.register(prefix, key);
  return prefix;
}

function mask6(length: number): bigint {
  return (ip6Max << BigInt(128 - length)) & ip6Max;
}

/**
 * Parses `address/length`. Host bits must be zero: `10.0.0.1/24` is refused, because it is a
 * mistake as often as it is a habit.
 * @throws ParseError
 */
export function parsePrefix(text: string): Prefix {
  const { address, prefix } = parseInterfaceAddress(text);
  if (prefix.address !== address) {
    throw new ParseError("prefix", text, `host bits are set, want ${formatPrefix(prefix)}`);
  }
  return prefix;
}

/**
 * Parses an interface address: `10.0.0.1/24` is the address 10.0.0.1 in the prefix 10.0.0.0/24.
 * @throws ParseError
 */
export function parseInterfaceAddress(text: string): { address: Ip; prefix: Prefix } {
  const slash = text.indexOf("/");
  if (slash < 0) throw new ParseError("prefix", text, "want address/length");
  const lengthText = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) {
    throw new ParseError(
      "prefix",
      text,
      `length ${JSON.stringify(lengthText)}, want a decimal number`,
    );
  }
  const address = parseIp(text.slice(0, slash));
  const width = widthOf(familyOf(address));
  if (Number(lengthText) > width) {
    throw new ParseError("prefix", text, `length ${lengthText}, want 0 to ${width}`);
  }
  return { address, prefix: prefixOf(address, Number(lengthText)) };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIp(prefix.address)}/${prefix.length}`;
}

/** The prefix of one address: /32 or /128. */
export function hostPrefix(address: Ip): Prefix {
  return prefixOf(address, widthOf(familyOf(address)));
}

export function containsIp(prefix: Prefix, ip: Ip): boolean {
  if (familyOf(ip) !== prefix.family) return false;
  return prefixOf(ip, prefix.length) === prefix;
}

/** True when `inner` is `outer` or a part of it. */
export function containsPrefix(outer: Prefix, inner: Prefix): boolean {
  return inner.length >= outer.length && containsIp(outer, inner.address);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return containsPrefix(a, b) || containsPrefix(b, a);
}

/** Number of addresses in the prefix. */
export function sizeOf(prefix: Prefix): bigint {
  return 1n << BigInt(widthOf(prefix.family) - prefix.length);
}

/** The highest address of the prefix (the broadcast address of an IPv4 subnet). */
export function lastIp(prefix: Prefix): Ip {
  return prefix.family === 4
    ? ((prefix.address + 2 ** (32 - prefix.length) - 1) as Ip4)
    : ((prefix.address | (~mask6(prefix.length) & ip6Max)) as Ip6);
}

/**
 * The `index`-th prefix of `length` bits inside `prefix`. @throws ParseError when there is none.
 */
export function subPrefix(prefix: Prefix, length: number, index: bigint): Prefix {
  const width = widthOf(prefix.family);
  const count = length < prefix.length ? 0n : 1n << BigInt(length - prefix.length);
  if (length > width || index < 0n || index >= count) {
    throw new ParseError(
      "prefix",
      `${formatPrefix(prefix)} part ${index} of /${length}`,
      "out of range",
    );
  }
  const offset = index << BigInt(width - length);
  return prefix.family === 4
    ? prefixOf((prefix.address + Number(offset)) as Ip4, length)
    : prefixOf((prefix.address + offset) as Ip6, length);
}

/** Total order: by address (IPv4 before IPv6), then shorter before longer. */
export function comparePrefix(a: Prefix, b: Prefix): number {
  return compareIp(a.address, b.address) || a.length - b.length;
}

/** The default route of the family: 0.0.0.0/0 or ::/0. */
export function defaultPrefix(family: Family): Prefix {
  return family === 4 ? prefixOf(0 as Ip4, 0) : prefixOf(0n as Ip6, 0);
}
