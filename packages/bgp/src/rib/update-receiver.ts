/**
 * Takes an UPDATE apart (RFC 4271 4.3, RFC 4760) and hands its routes to the Adj-RIBs-In of their
 * families.
 */
import { type AddressFamily, addressFamilyOf } from "../packet/address-family.ts";
import { attributeFlags, attributeTypes } from "../packet/iana.ts";
import {
  endOfRibOf,
  locateMp,
  type MpParts,
  newMpParts,
  newUpdateParts,
  splitUpdate,
  type UpdateParts,
} from "../packet/update.ts";
import type { AdjRibIn, ByteRange } from "./adj-rib-in.ts";
import type { PeerState } from "./peer-state.ts";

export interface UpdateOutcome {
  /** RFC 7606 findings; only the first time an attribute block is seen. */
  readonly problems: readonly string[];
  /** The UPDATE was an End-of-RIB marker (RFC 4724 2). */
  readonly endOfRib: AddressFamily | undefined;
}

const quiet: UpdateOutcome = { problems: [], endOfRib: undefined };

export class UpdateReceiver {
  readonly #ribOf: (family: AddressFamily) => AdjRibIn | undefined;
  readonly #parts: UpdateParts = newUpdateParts();
  readonly #mp: MpParts = newMpParts();
  /** Holds attribute blocks whose multiprotocol attributes had to be cut out; an UPDATE fits. */
  readonly #key: Uint8Array = new Uint8Array(0x20000);

  constructor(ribOf: (family: AddressFamily) => AdjRibIn | undefined) {
    this.#ribOf = ribOf;
  }

  /** @throws DecodeError `reset` */
  receive(peer: PeerState, bytes: Uint8Array, start: number, end: number): UpdateOutcome {
    const parts = splitUpdate(bytes, start, end, this.#parts);
    const mp = locateMp(bytes, parts.attributesStart, parts.attributesEnd, this.#mp);
    const endOfRib = endOfRibOf(parts, mp);
    if (endOfRib !== undefined) return { problems: [], endOfRib };
    // Withdrawals first: a prefix that is both withdrawn and announced is announced (RFC 4271 4.3).
    this.#withdraw(peer, bytes, parts, mp);
    const problems = this.#announce(peer, bytes, parts, mp);
    return problems.length === 0 ? quiet : { problems, endOfRib: undefined };
  }

  #withdraw(peer: PeerState, bytes: Uint8Array, parts: UpdateParts, mp: MpParts): void {
    if (parts.withdrawnEnd > parts.withdrawnStart) {
      const nlri = { bytes, start: parts.withdrawnStart, end: parts.withdrawnEnd };
      const held = peer.families.get("ipv4-unicast");
      if (held !== undefined) {
        this.#ribOf("ipv4-unicast")?.withdraw(peer, nlri, held.addPathReceive);
      }
    }
    if (mp.unreachStart < 0) return;
    const family = addressFamilyOf(mp.unreachAfi, mp.unreachSafi);
    const negotiated = family === undefined ? undefined : peer.families.get(family);
    if (family === undefined || negotiated === undefined) return;
    const nlri = { bytes, start: mp.unreachNlriStart, end: mp.unreachEnd };
    this.#ribOf(family)?.withdraw(peer, nlri, negotiated.addPathReceive);
  }

  #announce(
    peer: PeerState,
    bytes: Uint8Array,
    parts: UpdateParts,
    mp: MpParts,
  ): readonly string[] {
    let problems: readonly string[] = noProblems;
    const v4 = peer.families.get("ipv4-unicast");
    if (parts.nlriEnd > parts.nlriStart && v4 !== undefined) {
      const nlri = { bytes, start: parts.nlriStart, end: parts.nlriEnd };
      const key = this.#keyWithoutMp(bytes, parts, mp);
      const rib = this.#ribOf("ipv4-unicast");
      if (rib !== undefined) {
        problems = rib.announce(peer, v4.importClass, "nlri", key, nlri, v4.addPathReceive);
      }
    }
    const family = mp.reachStart < 0 ? undefined : addressFamilyOf(mp.reachAfi, mp.reachSafi);
    const negotiated = family === undefined ? undefined : peer.families.get(family);
    if (family === undefined || negotiated === undefined || mp.reachNlriStart === mp.reachEnd) {
      return problems;
    }
    const nlri = { bytes, start: mp.reachNlriStart, end: mp.reachEnd };
    const key = this.#keyWithReach(bytes, parts, mp);
    const found = this.#ribOf(family)?.announce(
      peer,
      negotiated.importClass,
      "mp-reach",
      key,
      nlri,
      negotiated.addPathReceive,
    );
    return found === undefined || found.length === 0 ? problems : [...problems, ...found];
  }

  /**
   * The attributes that routes of the NLRI field share; in place when there is nothing to cut out.
   */
  #keyWithoutMp(bytes: Uint8Array, parts: UpdateParts, mp: MpParts): ByteRange {
    if (mp.reachStart < 0 && mp.unreachStart < 0) {
      return { bytes, start: parts.attributesStart, end: parts.attributesEnd };
    }
    return { bytes: this.#key, start: 0, end: this.#copyOthers(bytes, parts, mp, 0) };
  }

  /** MP_REACH_NLRI without its prefixes, in a canonical form, then the other attributes. */
  #keyWithReach(bytes: Uint8Array, parts: UpdateParts, mp: MpParts): ByteRange {
    const key = this.#key;
    const flags = bytes[mp.reachStart]!;
    const valueStart = mp.reachStart + ((flags & attributeFlags.extendedLength) === 0 ? 3 : 4);
    const length = mp.reachNlriStart - valueStart;
    key[0] = flags | attributeFlags.extendedLength;
    key[1] = attributeTypes.mpReachNlri;
    key[2] = length >> 8;
    key[3] = length & 0xff;
    key.set(bytes.subarray(valueStart, mp.reachNlriStart), 4);
    return { bytes: key, start: 0, end: this.#copyOthers(bytes, parts, mp, 4 + length) };
  }

  /** Appends all attributes but the two multiprotocol ones to the key; returns its new length. */
  #copyOthers(bytes: Uint8Array, parts: UpdateParts, mp: MpParts, length: number): number {
    const reach = { start: mp.reachStart, end: mp.reachEnd };
    const unreach = { start: mp.unreachStart, end: mp.unreachEnd };
    const cuts = [reach, unreach].filter((cut) => cut.start >= 0);
    cuts.sort((a, b) => a.start - b.start);
    let at = parts.attributesStart;
    let end = length;
    for (const cut of [...cuts, { start: parts.attributesEnd, end: parts.attributesEnd }]) {
      this.#key.set(bytes.subarray(at, cut.start), end);
      end += cut.start - at;
      at = cut.end;
    }
    return end;
  }
}

const noProblems: readonly string[] = [];
