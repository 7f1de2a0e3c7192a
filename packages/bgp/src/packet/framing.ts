/**
 * The message header (RFC 4271 4.1) and the cutting of a byte stream into messages.
 *
 *      marker (16, all ones) | length (2) | type (1)
 */
import { DecodeError } from "../errors.ts";
import { errorCodes, headerSubcodes, messageTypes } from "./iana.ts";

export const headerLength = 19;
/** RFC 4271 4. */
export const messageLengthMax = 4096;
/** RFC 8654 4. */
export const extendedMessageLengthMax = 65535;

/** Smallest length per type; KEEPALIVE has no other. ROUTE-REFRESH is judged by its decoder. */
const lengthMin: Readonly<Record<number, number>> = {
  [messageTypes.open]: 29,
  [messageTypes.update]: 23,
  [messageTypes.notification]: 21,
  [messageTypes.keepalive]: 19,
  [messageTypes.routeRefresh]: headerLength,
};

/**
 * Takes a message whose body is `bytes[bodyStart, bodyEnd)`, borrowed during the call. False stops
 * the framer: what is left of the chunk is dropped, as the connection is being closed.
 */
export type MessageVisitor = (
  type: number,
  bytes: Uint8Array,
  bodyStart: number,
  bodyEnd: number,
) => boolean;

/**
 * Cuts receive chunks into messages. Messages that lie in one chunk are handed out in place; only
 * one that straddles chunks is assembled in a buffer of its own, which is bounded by the length
 * limit.
 */
export class Framer {
  #lengthMax = messageLengthMax;
  #partial: Uint8Array = new Uint8Array(messageLengthMax);
  #partialLength = 0;
  #stopped = false;

  /** Both sides announced extended messages (RFC 8654). */
  allowExtended(): void {
    this.#lengthMax = extendedMessageLengthMax;
  }

  /**
   * @throws DecodeError `reset` when the stream is not BGP: bad marker, length or type. Nothing may
   *   be
   * pushed afterwards.
   */
  push(chunk: Uint8Array, visit: MessageVisitor): void {
    if (this.#stopped) return;
    let at = this.#partialLength > 0 ? this.#completePartial(chunk, visit) : 0;
    while (!this.#stopped && chunk.length - at >= headerLength) {
      const length = this.#checkHeader(chunk, at);
      if (chunk.length - at < length) break;
      this.#deliver(chunk, at, at + length, visit);
      at += length;
    }
    if (!this.#stopped && at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  #deliver(bytes: Uint8Array, start: number, end: number, visit: MessageVisitor): void {
    const type = bytes[start + 18] as number;
    if (!visit(type, bytes, start + headerLength, end)) this.#stopped = true;
  }

  /** Feeds the message begun earlier; returns the offset in `chunk` of what follows it. */
  #completePartial(chunk: Uint8Array, visit: MessageVisitor): number {
    let at = 0;
    if (this.#partialLength < headerLength) {
      at = Math.min(chunk.length, headerLength - this.#partialLength);
      this.#keep(chunk, 0, at);
      if (this.#partialLength < headerLength) return at;
    }
    const length = this.#checkHeader(this.#partial, 0);
    const taken = Math.min(chunk.length - at, length - this.#partialLength);
    this.#keep(chunk, at, at + taken);
    if (this.#partialLength === length) {
      this.#partialLength = 0;
      this.#deliver(this.#partial, 0, length, visit);
    }
    return at + taken;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const length = this.#partialLength + end - start;
    if (length > this.#partial.length) {
      const grown = new Uint8Array(extendedMessageLengthMax);
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(chunk.subarray(start, end), this.#partialLength);
    this.#partialLength = length;
    // Garbage is refused with its first octets, not when a whole header has come.
    if (length < headerLength) checkMarker(this.#partial, 0, Math.min(length, 16));
  }

  /** The length of the message that starts at `at`. @throws DecodeError `reset` */
  #checkHeader(bytes: Uint8Array, at: number): number {
    checkMarker(bytes, at, 16);
    const length = ((bytes[at + 16] as number) << 8) | (bytes[at + 17] as number);
    const type = bytes[at + 18] as number;
    const min = lengthMin[type];
    if (length < headerLength || length > this.#lengthMax) throw badLength(length);
    if (min === undefined) {
      throw headerError(`type ${type}`, headerSubcodes.badType, Uint8Array.of(type));
    }
    checkLengthOfType(type, length, min);
    return length;
  }
}

function checkMarker(bytes: Uint8Array, at: number, length: number): void {
  for (let i = at; i < at + length; i += 1) {
    if (bytes[i] !== 0xff) {
      throw headerError("its marker is not all ones", headerSubcodes.connectionNotSynchronized);
    }
  }
}

function checkLengthOfType(type: number, length: number, min: number): void {
  if (length < min || (type === messageTypes.keepalive && length !== min)) {
    throw badLength(length);
  } else if (type === messageTypes.open && length > messageLengthMax) {
    // RFC 8654 4: OPEN and KEEPALIVE keep the old limit.
    throw badLength(length);
  }
}

function badLength(length: number): DecodeError {
  return headerError(
    `length ${length}`,
    headerSubcodes.badLength,
    Uint8Array.of(length >> 8, length & 0xff),
  );
}

function headerError(why: string, subcode: number, data?: Uint8Array): DecodeError {
  return new DecodeError(
    `Cannot decode message header: ${why}`,
    "reset",
    errorCodes.messageHeader,
    subcode,
    data,
  );
}

/** Writes a header at `at` of a message of `length` octets. */
export function encodeHeader(bytes: Uint8Array, at: number, length: number, type: number): void {
  bytes.fill(0xff, at, at + 16);
  bytes[at + 16] = length >> 8;
  bytes[at + 17] = length & 0xff;
  bytes[at + 18] = type;
}
