/**
 * Packs prefixes that share attributes into UPDATE messages (RFC 4271 4.3, RFC 4760): as many per
 * message as the peer's limit allows. The prefixes of one message are all announced or all
 * withdrawn.
 */
import { Writer } from "@heddle/codec";
import type { Ip, Ip6 } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import type { AddressFamily } from "./address-family.ts";
import type { SharedAttributes } from "./decoded-attributes.ts";
import {
  type EncodeContext,
  encodeAttributes4,
  encodeReachHead,
  encodeSharedAttributes,
  encodeUnreachHead,
} from "./encode-attributes.ts";
import { encodeHeader, headerLength } from "./framing.ts";
import { messageTypes } from "./iana.ts";
import { encodedPrefixLength, encodePathId, encodePrefix4, encodePrefix6 } from "./nlri.ts";
import type { NlriCodec } from "./nlri-codec.ts";
import type { PathAttributes } from "./path-attributes.ts";

/** What precedes the prefixes of a message, and where lengths have to be patched. Owned. */
export interface UpdateHead {
  readonly bytes: Uint8Array;
  /** Of Withdrawn Routes Length, when the prefixes are withdrawn IPv4 ones; else -1. */
  readonly withdrawnLengthAt: number;
  /** Of Total Path Attribute Length, when the prefixes lie inside an attribute; else -1. */
  readonly attributesLengthAt: number;
  /** Of the length of the MP attribute; else -1. */
  readonly mpLengthAt: number;
  /** What follows the prefixes. Owned. */
  readonly tail: Uint8Array;
}

/**
 * Of a head: more than what a message and the longest lists of a policy make, so that `nlriRoomOf`
 * can tell which heads fit no message.
 */
const lengthMax = 1 << 22;
const pathIdLength = 4;
/** An IPv6 host prefix with its path identifier. */
const prefixRoomMin: number = pathIdLength + encodedPrefixLength(128);
const noTail = new Uint8Array(0);

/** Gives a copy of borrowed bytes to be kept. */
export type KeepBytes = (bytes: Uint8Array) => Uint8Array;

/** What heads are written with, one at a time; nothing borrowed from it outlives a call. */
const scratch = new Writer(lengthMax);
const scratchTail = new Writer(lengthMax);

/** Head of UPDATEs that announce in the NLRI field. */
export function announceHead4(
  attributes: PathAttributes,
  cx: EncodeContext,
  keep: KeepBytes = copied,
): UpdateHead {
  const w = scratch;
  w.reset();
  w.zeros(headerLength).u16(0).u16(0);
  encodeAttributes4(w, attributes, cx);
  w.patchU16(headerLength + 2, w.length - headerLength - 4);
  return {
    bytes: keep(w.view()),
    withdrawnLengthAt: -1,
    attributesLengthAt: -1,
    mpLengthAt: -1,
    tail: noTail,
  };
}

function copied(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/**
 * Head of UPDATEs that announce in MP_REACH_NLRI, which comes first among the attributes (RFC 7606
 * 5.1).
 */
export function announceHeadMp(
  family: AddressFamily,
  attributes: SharedAttributes,
  nextHop: Ip,
  linkLocalNextHop: Ip6 | undefined,
  cx: EncodeContext,
  keep: KeepBytes = copied,
): UpdateHead {
  scratchTail.reset();
  encodeSharedAttributes(scratchTail, attributes, cx);
  const w = scratch;
  w.reset();
  w.zeros(headerLength).u16(0).u16(0);
  const mpLengthAt = encodeReachHead(w, family, nextHop, linkLocalNextHop);
  return mpHead(keep(w.view()), mpLengthAt, keep(scratchTail.view()));
}

/** Head of UPDATEs that withdraw in the Withdrawn Routes field; no attributes follow. */
export function withdrawHead4(): UpdateHead {
  return {
    bytes: new Writer(64).zeros(headerLength).u16(0).copy(),
    withdrawnLengthAt: headerLength,
    attributesLengthAt: -1,
    mpLengthAt: -1,
    tail: new Uint8Array(2),
  };
}

/** Head of UPDATEs that withdraw in MP_UNREACH_NLRI. */
export function withdrawHeadMp(family: AddressFamily): UpdateHead {
  const w = new Writer(64);
  w.zeros(headerLength).u16(0).u16(0);
  const mpLengthAt = encodeUnreachHead(w, family);
  return mpHead(w.copy(), mpLengthAt, noTail);
}

function mpHead(bytes: Uint8Array, mpLengthAt: number, tail: Uint8Array): UpdateHead {
  const attributesLengthAt = headerLength + 2;
  return { bytes, withdrawnLengthAt: -1, attributesLengthAt, mpLengthAt, tail };
}

/** The End-of-RIB marker of a family (RFC 4724 2), a whole message. */
export function encodeEndOfRib(family: AddressFamily): Uint8Array {
  const builder = new UpdateBuilder(4096);
  builder.begin(family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family));
  return builder.finish().slice();
}

/**
 * Octets that a message of at most `messageLengthMax` has for NLRI behind `head`; negative when the
 * head itself does not fit.
 */
export function nlriRoomOf(head: UpdateHead, messageLengthMax: number): number {
  return messageLengthMax - head.bytes.length - head.tail.length;
}

/**
 * Appends messages to one growing buffer: `begin` with a head, then prefixes, then `begin` with the
 * next head; `finish` hands out all of it. A head without prefixes makes one message, too.
 */
export class UpdateBuilder {
  readonly #messageLengthMax: number;
  #bytes: Uint8Array = new Uint8Array(8192);
  #length = 0;
  #start = -1;
  #head: UpdateHead | undefined;

  /** `messageLengthMax`: 4096, or 65535 when extended messages are negotiated. */
  constructor(messageLengthMax: number) {
    this.#messageLengthMax = messageLengthMax;
  }

  /**
   * Ends the message in hand and starts one. @throws BgpError `encode` when the head does not leave
   * room for any prefix with its path identifier
   */
  begin(next: UpdateHead): void {
    const room = nlriRoomOf(next, this.#messageLengthMax);
    if (room < prefixRoomMin) {
      throw new BgpError(
        "encode",
        `Cannot encode UPDATE: ${room} octets are left for prefixes, want ${prefixRoomMin}`,
      );
    }
    this.#end();
    this.#head = next;
    this.#openMessage();
  }

  /** `address` as of `PrefixVisitor4`. */
  prefix4(address: number, length: number): void {
    this.#reserve(encodedPrefixLength(length));
    this.#length = encodePrefix4(this.#bytes, this.#length, address, length);
  }

  /** Words as of `PrefixVisitor6`. */
  prefix6(w0: number, w1: number, w2: number, w3: number, length: number): void {
    this.#reserve(encodedPrefixLength(length));
    this.#length = encodePrefix6(this.#bytes, this.#length, w0, w1, w2, w3, length);
  }

  /** {@link prefix4} for a session whose NLRI carry path identifiers (RFC 7911 3). */
  pathPrefix4(pathId: number, address: number, length: number): void {
    this.#reserve(pathIdLength + encodedPrefixLength(length));
    const at = encodePathId(this.#bytes, this.#length, pathId);
    this.#length = encodePrefix4(this.#bytes, at, address, length);
  }

  /** {@link prefix6} for a session whose NLRI carry path identifiers (RFC 7911 3). */
  pathPrefix6(
    pathId: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
  ): void {
    this.#reserve(pathIdLength + encodedPrefixLength(length));
    const at = encodePathId(this.#bytes, this.#length, pathId);
    this.#length = encodePrefix6(this.#bytes, at, w0, w1, w2, w3, length);
  }

  /**
   * A route of a keyed family; without payload it is withdrawn. `pathId` is undefined for a session
   * without path identifiers. False, and nothing is written, when no message has room for the route
   * behind this head (RFC 4271 9.2: it is not advertised).
   */
  nlri(
    codec: NlriCodec,
    pathId: number | undefined,
    key: Uint8Array,
    payload: Uint8Array | undefined,
  ): boolean {
    const length = codec.encodedLength(key, payload) + (pathId === undefined ? 0 : pathIdLength);
    if (length > nlriRoomOf(this.#head as UpdateHead, this.#messageLengthMax)) return false;
    this.#reserve(length);
    const at =
      pathId === undefined ? this.#length : encodePathId(this.#bytes, this.#length, pathId);
    this.#length = codec.encode(this.#bytes, at, key, payload);
    return true;
  }

  /** All whole messages since the last `finish`, borrowed until the next `begin`. */
  finish(): Uint8Array {
    this.#end();
    const messages = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return messages;
  }

  #reserve(prefixLength: number): void {
    const { tail } = this.#head as UpdateHead;
    if (this.#length + prefixLength + tail.length - this.#start > this.#messageLengthMax) {
      this.#closeMessage();
      this.#openMessage();
    }
    this.#ensure(prefixLength);
  }

  #openMessage(): void {
    const { bytes } = this.#head as UpdateHead;
    this.#start = this.#length;
    this.#ensure(bytes.length);
    this.#bytes.set(bytes, this.#start);
    this.#length += bytes.length;
  }

  #end(): void {
    if (this.#head === undefined) return;
    this.#closeMessage();
    this.#head = undefined;
  }

  #closeMessage(): void {
    const at = this.#head as UpdateHead;
    const start = this.#start;
    if (at.withdrawnLengthAt >= 0) {
      this.#patchU16(start + at.withdrawnLengthAt, this.#length - start - at.bytes.length);
    }
    if (at.mpLengthAt >= 0) {
      const lengthAt = start + at.mpLengthAt;
      this.#patchU16(lengthAt, this.#length - lengthAt - 2);
    }
    this.#ensure(at.tail.length);
    this.#bytes.set(at.tail, this.#length);
    this.#length += at.tail.length;
    if (at.attributesLengthAt >= 0) {
      const lengthAt = start + at.attributesLengthAt;
      this.#patchU16(lengthAt, this.#length - lengthAt - 2);
    }
    encodeHeader(this.#bytes, start, this.#length - start, messageTypes.update);
  }

  #patchU16(at: number, value: number): void {
    this.#bytes[at] = value >> 8;
    this.#bytes[at + 1] = value & 0xff;
  }

  #ensure(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
