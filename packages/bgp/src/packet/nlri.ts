/**
 * Prefixes on the wire (RFC 4271 4.3): a length in bits, then as many octets as hold it. Walkers
 * hand out machine words, so that a table of typed arrays can take them without an object per
 * prefix.
 */

import type { Ip4, Ip6 } from "@heddle/inet";
import { type Prefix, prefixOf } from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import { errorCodes, updateSubcodes } from "./iana.ts";

/** `address` is the bit pattern as int32, the way an Int32Array holds it; host bits are zero. */
export type PrefixVisitor4 = (address: number, length: number) => void;

/** Four words, most significant first, each an int32 bit pattern; host bits are zero. */
export type PrefixVisitor6 = (
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
) => void;

/**
 * Calls `visit` for each IPv4 prefix of `bytes[start, end)`. The field is checked as a whole before
 * the first call, so that a malformed field changes nothing.
 * @throws DecodeError `reset` (RFC 7606 5.3: without its NLRI a message cannot be treated as a
 *   withdrawal)
 */
export function walkPrefixes4(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: PrefixVisitor4,
): void {
  checkPrefixes(bytes, start, end, 32, updateSubcodes.invalidNetworkField);
  let at = start;
  while (at < end) {
    const length = bytes[at] as number;
    visit(wordAt(bytes, at + 1, length), length);
    at += 1 + ((length + 7) >> 3);
  }
}

/** As {@link walkPrefixes4} for IPv6, which lies in an MP attribute. @throws DecodeError `reset` */
export function walkPrefixes6(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: PrefixVisitor6,
): void {
  checkPrefixes(bytes, start, end, 128, updateSubcodes.optionalAttributeError);
  let at = start;
  while (at < end) {
    const length = bytes[at] as number;
    visit(
      wordAt(bytes, at + 1, length),
      wordAt(bytes, at + 5, length - 32),
      wordAt(bytes, at + 9, length - 64),
      wordAt(bytes, at + 13, length - 96),
      length,
    );
    at += 1 + ((length + 7) >> 3);
  }
}

/** As {@link PrefixVisitor4}, with the path identifier (RFC 7911 3), uint32, in front. */
export type PathPrefixVisitor4 = (pathId: number, address: number, length: number) => void;

/** As {@link PrefixVisitor6}, with the path identifier (RFC 7911 3), uint32, in front. */
export type PathPrefixVisitor6 = (
  pathId: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
) => void;

/**
 * As {@link walkPrefixes4} for a session whose NLRI carry path identifiers. @throws DecodeError
 * `reset`
 */
export function walkPathPrefixes4(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: PathPrefixVisitor4,
): void {
  checkPathPrefixes(bytes, start, end, 32, updateSubcodes.invalidNetworkField);
  let at = start;
  while (at < end) {
    const length = bytes[at + 4] as number;
    visit(wordAt(bytes, at, 32) >>> 0, wordAt(bytes, at + 5, length), length);
    at += 5 + ((length + 7) >> 3);
  }
}

/** As {@link walkPathPrefixes4} for IPv6. @throws DecodeError `reset` */
export function walkPathPrefixes6(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: PathPrefixVisitor6,
): void {
  checkPathPrefixes(bytes, start, end, 128, updateSubcodes.optionalAttributeError);
  let at = start;
  while (at < end) {
    const length = bytes[at + 4] as number;
    visit(
      wordAt(bytes, at, 32) >>> 0,
      wordAt(bytes, at + 5, length),
      wordAt(bytes, at + 9, length - 32),
      wordAt(bytes, at + 13, length - 64),
      wordAt(bytes, at + 17, length - 96),
      length,
    );
    at += 5 + ((length + 7) >> 3);
  }
}

/** The first 32 bits at `at` of which `bits` are significant; octets beyond them are not read. */
function wordAt(bytes: Uint8Array, at: number, bits: number): number {
  if (bits <= 0) return 0;
  let word = (bytes[at] as number) << 24;
  if (bits > 8) word |= (bytes[at + 1] as number) << 16;
  if (bits > 16) word |= (bytes[at + 2] as number) << 8;
  if (bits > 24) word |= bytes[at + 3] as number;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

function checkPrefixes(
  bytes: Uint8Array,
  start: number,
  end: number,
  lengthMax: number,
  subcode: number,
): void {
  let at = start;
  while (at < end) {
    const length = bytes[at] as number;
    if (length > lengthMax) {
      throw badPrefix(`length ${length}, want at most ${lengthMax}`, subcode, bytes, at, end);
    }
    at += 1 + ((length + 7) >> 3);
  }
  if (at !== end) throw badPrefix("it ends inside an address", subcode, bytes, start, end);
}

function checkPathPrefixes(
  bytes: Uint8Array,
  start: number,
  end: number,
  lengthMax: number,
  subcode: number,
): void {
  let at = start;
  while (at < end) {
    // A field that ends in a path identifier is found by its end.
    const length = at + 4 < end ? (bytes[at + 4] as number) : 0;
    if (length > lengthMax) {
      throw badPrefix(`length ${length}, want at most ${lengthMax}`, subcode, bytes, at, end);
    }
    at += 5 + ((length + 7) >> 3);
  }
  if (at !== end) throw badPrefix("it ends inside a route", subcode, bytes, start, end);
}

function badPrefix(
  why: string,
  subcode: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodeError {
  const shown = bytes.subarray(start, Math.min(end, start + 64));
  return new DecodeError(
    `Cannot decode NLRI: ${why}`,
    "reset",
    errorCodes.updateMessage,
    subcode,
    shown,
  );
}

/** Octets that the prefix takes on the wire. */
export function encodedPrefixLength(length: number): number {
  return 1 + ((length + 7) >> 3);
}

/**
 * Writes a prefix at `at` and returns the offset behind it. `address` is an int32 or uint32 bit
 * pattern.
 */
export function encodePrefix4(
  bytes: Uint8Array,
  at: number,
  address: number,
  length: number,
): number {
  bytes[at] = length;
  return encodeWord(bytes, at + 1, address, length);
}

/** As {@link encodePrefix4} with four words, most significant first. */
export function encodePrefix6(
  bytes: Uint8Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): number {
  bytes[at] = length;
  let end = encodeWord(bytes, at + 1, w0, length);
  if (length > 32) end = encodeWord(bytes, end, w1, length - 32);
  if (length > 64) end = encodeWord(bytes, end, w2, length - 64);
  if (length > 96) end = encodeWord(bytes, end, w3, length - 96);
  return end;
}

/** Writes a path identifier (RFC 7911 3), uint32, at `at` and returns the offset behind it. */
export function encodePathId(bytes: Uint8Array, at: number, pathId: number): number {
  return encodeWord(bytes, at, pathId, 32);
}

function encodeWord(bytes: Uint8Array, start: number, word: number, bits: number): number {
  let at = start;
  if (bits > 0) bytes[at++] = word >>> 24;
  if (bits > 8) bytes[at++] = word >>> 16;
  if (bits > 16) bytes[at++] = word >>> 8;
  if (bits > 24) bytes[at++] = word;
  return at;
}

/** The interned value of walked words. */
export function prefixFromWords4(address: number, length: number): Prefix {
  return prefixOf((address >>> 0) as Ip4, length);
}

/** The interned value of walked words. */
export function prefixFromWords6(
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
): Prefix {
  const high = (BigInt(w0 >>> 0) << 32n) | BigInt(w1 >>> 0);
  const low = (BigInt(w2 >>> 0) << 32n) | BigInt(w3 >>> 0);
  return prefixOf(((high << 64n) | low) as Ip6, length);
}

/** Word `index` (0 is the most significant) of an IPv6 address, as an int32 bit pattern. */
export function wordOfIp6(ip: Ip6, index: 0 | 1 | 2 | 3): number {
  return Number((ip >> BigInt(96 - index * 32)) & 0xffffffffn) | 0;
}
