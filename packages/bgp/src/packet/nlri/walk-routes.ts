/**
 * What the codecs of all families with keyed routes share: the walk over a field in two passes, one
 * that checks and one that visits, and the path identifier in front of each route (RFC 7911 3).
 */
import { DecodeError } from "../../errors.ts";
import { errorCodes, updateSubcodes } from "../iana.ts";
import type { NlriCodec, NlriCursor, NlriWalkOptions } from "../nlri-codec.ts";

export const pathIdLength = 4;

/** How one route of a family lies on the wire. Offsets are of the walked buffer. */
export interface RouteFormat {
  /** As in an error message. */
  readonly name: string;
  /**
   * Checks the route at `at` and returns the offset behind it, which may lie behind `end` only when
   * its length octets say so. A text says why it is malformed.
   */
  check(bytes: Uint8Array, at: number, end: number, withdrawn: boolean): number | string;
  /** Reads a route that was checked into `cursor` and returns the offset behind it. */
  read(bytes: Uint8Array, at: number, withdrawn: boolean, cursor: NlriCursor): number;
}

export function newCursor(keyLengthMax: number, payloadLengthMax: number): NlriCursor {
  return {
    pathId: 0,
    key: new Uint8Array(keyLengthMax),
    keyLength: 0,
    payload: new Uint8Array(payloadLengthMax),
    payloadLength: 0,
  };
}

/** The `walk` of a codec whose routes lie on the wire as `format` says. */
export function walkerOf(format: RouteFormat, cursor: NlriCursor): NlriCodec["walk"] {
  return (bytes, start, end, options, visit): number => {
    checkRoutes(format, bytes, start, end, options);
    const { addPath, withdrawn } = options;
    cursor.pathId = 0;
    for (let at = start; at < end; ) {
      if (addPath) {
        cursor.pathId = u32(bytes, at);
        at += pathIdLength;
      }
      at = format.read(bytes, at, withdrawn, cursor);
      visit(cursor);
    }
    return 0;
  };
}

function checkRoutes(
  format: RouteFormat,
  bytes: Uint8Array,
  start: number,
  end: number,
  options: NlriWalkOptions,
): void {
  const skipped = options.addPath ? pathIdLength : 0;
  for (let at = start; at < end; ) {
    const routeStart = at + skipped;
    const behind =
      routeStart < end
        ? format.check(bytes, routeStart, end, options.withdrawn)
        : "it ends in a path identifier";
    if (typeof behind === "string") throw malformedNlri(format.name, behind, bytes, at, end);
    if (behind > end) throw malformedNlri(format.name, "it ends inside a route", bytes, at, end);
    at = behind;
  }
}

/** The data shows the beginning of what is wrong. */
function malformedNlri(
  name: string,
  why: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): DecodeError {
  return new DecodeError(
    `Cannot decode ${name} NLRI: ${why}`,
    "reset",
    errorCodes.updateMessage,
    updateSubcodes.optionalAttributeError,
    bytes.subarray(start, Math.min(end, start + 64)),
  );
}

export function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

/** Copies `count` octets and returns the offset behind them in `target`. */
export function copy(
  target: Uint8Array,
  targetAt: number,
  bytes: Uint8Array,
  at: number,
  count: number,
): number {
  for (let i = 0; i < count; i += 1) target[targetAt + i] = bytes[at + i] as number;
  return targetAt + count;
}

/** Copies the octets that hold `bits` bits, with the rest of the last one zero. */
export function copyBits(
  target: Uint8Array,
  targetAt: number,
  bytes: Uint8Array,
  at: number,
  bits: number,
): number {
  const end = copy(target, targetAt, bytes, at, (bits + 7) >> 3);
  if ((bits & 7) !== 0) target[end - 1] = (target[end - 1] as number) & (0xff << (8 - (bits & 7)));
  return end;
}

/** Words as of `PrefixVisitor6` of the first `count` octets at `at`; what is beyond them is zero. */
export function wordsInto(bytes: Uint8Array, at: number, count: number, words: Int32Array): void {
  words.fill(0, 0, 4);
  for (let i = 0; i < count; i += 1) {
    const shift = 24 - 8 * (i & 3);
    words[i >> 2] = (words[i >> 2] as number) | ((bytes[at + i] as number) << shift);
  }
}
