/** Writes UPDATE messages (RFC 4271 4.3, RFC 4760 3 and 4) one behind the other. */

import { messageLengthMax, messageTypes } from "@heddle/bgp";
import { Writer } from "@heddle/codec";

const lengthMax = 512 * 1024 * 1024;
const marker = new Uint8Array(16).fill(0xff);
const mpReach = 14;
const mpUnreach = 15;
/** Optional, with a length of two octets. */
const mpFlags = 0x90;

/** Codepoints of a family, and the octets of its next hop before the IPv4 address. */
export interface MpFamily {
  readonly afi: number;
  readonly safi: number;
  /** 8 for VPN families, whose next hop has a route distinguisher of zero (RFC 4364 4.3.2). */
  readonly nextHopPrefixLength: number;
}

/**
 * `announce…` or `withdraw…`, then NLRI written to `writer`, then `end`; or one of the next pair
 * when a message would become too long.
 */
export class UpdateStream {
  /** For the NLRI of the message in hand. */
  readonly writer: Writer = new Writer(lengthMax, 64 * 1024);
  #start = 0;
  #withdrawnAt = -1;
  #attributesAt = -1;
  #mpAt = -1;

  /** IPv4 unicast in the NLRI field. */
  announce(attributes: Uint8Array): void {
    this.#begin();
    this.writer.u16(0).u16(attributes.length).bytes(attributes);
  }

  /** IPv4 unicast in the Withdrawn Routes field. */
  withdraw(): void {
    this.#begin();
    this.#withdrawnAt = this.writer.length;
    this.writer.u16(0);
  }

  announceMp(family: MpFamily, attributes: Uint8Array, nextHop: number): void {
    this.#begin();
    this.writer.u16(0);
    this.#attributesAt = this.writer.length;
    this.writer.u16(0).bytes(attributes).u8(mpFlags).u8(mpReach);
    this.#beginMp(family);
    this.writer.u8(family.nextHopPrefixLength + 4);
    this.writer.zeros(family.nextHopPrefixLength).u32(nextHop).u8(0);
  }

  withdrawMp(family: MpFamily): void {
    this.#begin();
    this.writer.u16(0);
    this.#attributesAt = this.writer.length;
    this.writer.u16(0).u8(mpFlags).u8(mpUnreach);
    this.#beginMp(family);
  }

  /** False when another NLRI of `length` octets needs the next message. */
  hasRoom(length: number): boolean {
    return this.writer.length - this.#start + length + 2 <= messageLengthMax;
  }

  end(): void {
    const { writer } = this;
    if (this.#withdrawnAt >= 0) {
      writer.patchU16(this.#withdrawnAt, writer.length - this.#withdrawnAt - 2);
      writer.u16(0);
    }
    for (const at of [this.#mpAt, this.#attributesAt]) {
      if (at >= 0) writer.patchU16(at, writer.length - at - 2);
    }
    writer.patchU16(this.#start + marker.length, writer.length - this.#start);
  }

  /** All messages so far. Owned. */
  take(): Uint8Array {
    return this.writer.copy();
  }

  #begin(): void {
    [this.#withdrawnAt, this.#attributesAt, this.#mpAt] = [-1, -1, -1];
    this.#start = this.writer.length;
    this.writer.bytes(marker).u16(0).u8(messageTypes.update);
  }

  #beginMp(family: MpFamily): void {
    this.#mpAt = this.writer.length;
    this.writer.u16(0).u16(family.afi).u8(family.safi);
  }
}
