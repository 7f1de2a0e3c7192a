/**
 * Adj-RIB-In of one family (RFC 4271 3.2): takes the prefixes and attribute bytes of UPDATEs into
 * the table, and what happens to a peer's routes when its session or its policy changes.
 */

import type { Ip, Prefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { decodeAttributes } from "../packet/decode-attributes.ts";
import { isProblem, type RouteSource, routeAttributesOf } from "../packet/decoded-attributes.ts";
import { walkPrefixes4, walkPrefixes6, wordOfIp6 } from "../packet/nlri.ts";
import { outcomeIndexOf } from "../policy/evaluate.ts";
import type { Block } from "./blocks.ts";
import type { FamilyTable } from "./family-table.ts";
import type { ImportClass } from "./import.ts";
import { type LocalAttributes, localKeyBytes, localPathAttributes } from "./local-route.ts";
import { localPeer } from "./peer.ts";
import type { PeerState } from "./peer-state.ts";
import { type PeerTraits, rowDead, rowOwnNextHop, rowStale } from "./rows.ts";

/** Part of a buffer; `end` is exclusive. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class AdjRibIn {
  readonly #table: FamilyTable;
  readonly #localClass: ImportClass;
  readonly #localTraits: PeerTraits;
  readonly #isOwnAddress: (address: Ip) => boolean;
  /** What the prefix visitors work with: set for the duration of one walk. */
  #peer = 0;
  #traits: PeerTraits;
  #block: Block | undefined;
  #row = -1;
  #outcomeIndex = -1;

  constructor(
    table: FamilyTable,
    localClass: ImportClass,
    localTraits: PeerTraits,
    isOwnAddress: (address: Ip) => boolean,
  ) {
    this.#table = table;
    this.#localClass = localClass;
    this.#localTraits = localTraits;
    this.#traits = localTraits;
    this.#isOwnAddress = isOwnAddress;
  }

  /**
   * Announces the prefixes of `nlri` with the attribute block `key`; returns the problems of the
   * block when it is new.
   * @throws DecodeError `reset`
   */
  announce(
    peer: PeerState,
    importClass: ImportClass,
    source: RouteSource,
    key: ByteRange,
    nlri: ByteRange,
  ): readonly string[] {
    const { blocks } = this.#table;
    const hash = blocks.hash(key.bytes, key.start, key.end);
    const block = blocks.find(importClass, hash, key.bytes, key.start, key.end);
    if (block !== undefined) {
      this.#announceAll(peer, block, nlri);
      return [];
    }
    const owned = key.bytes.slice(key.start, key.end);
    const decoded = decodeAttributes(owned, importClass.cx);
    const problems = decoded.problems.map((p) => p.message);
    const attributes = routeAttributesOf(decoded, source);
    if (isProblem(attributes)) {
      this.withdraw(peer, nlri);
      return problems.includes(attributes.message) ? problems : [...problems, attributes.message];
    }
    this.#announceAll(peer, blocks.add(importClass, hash, owned, attributes), nlri);
    return problems;
  }

  /** @throws DecodeError `reset` when `nlri` is malformed */
  withdraw(peer: PeerState, nlri: ByteRange): void {
    this.#peer = peer.index;
    this.#walk(nlri, this.#withdraw4, this.#withdraw6);
  }

  originate(prefix: Prefix, attributes: LocalAttributes): void {
    const { blocks } = this.#table;
    const key = localKeyBytes(attributes);
    const hash = blocks.hash(key, 0, key.length);
    this.#peer = localPeer;
    this.#traits = this.#localTraits;
    this.#setBlock(
      blocks.find(this.#localClass, hash, key, 0, key.length) ??
        blocks.add(this.#localClass, hash, key, localPathAttributes(attributes)),
    );
    const [w0, w1, w2, w3] = wordsOf(prefix);
    this.#announceOne(w0, w1, w2, w3, prefix.length);
  }

  /** False when the prefix is not originated here. */
  withdrawLocal(prefix: Prefix): boolean {
    const before = this.#table.heldCount(localPeer);
    const [w0, w1, w2, w3] = wordsOf(prefix);
    this.#peer = localPeer;
    this.#withdrawOne(w0, w1, w2, w3, prefix.length);
    return this.#table.heldCount(localPeer) < before;
  }

  /**
   * The session ended. With `retain` the routes become stale; those that were stale already go (RFC
   * 4724 4.2: a second failure before the first is over).
   */
  sessionDown(peer: PeerState, retain: boolean): void {
    this.#killRows(peer, (flags) => !retain || (flags & rowStale) !== 0);
    const { rows } = this.#table;
    for (let row = 0; row < rows.top; row += 1) {
      if (this.#belongsTo(row, peer)) rows.markStale(row);
    }
  }

  sweepStale(peer: PeerState): void {
    this.#killRows(peer, (flags) => (flags & rowStale) !== 0);
  }

  /** The row for a prefix after a change of import policy; a stale one for a stale one. */
  reimport(row: number, id: number, importClass: ImportClass, traits: PeerTraits): number {
    const { blocks, prefixes, rows } = this.#table;
    const { key, hash, attributes } = rows.blockOf(row);
    const block =
      blocks.find(importClass, hash, key, 0, key.length) ??
      blocks.add(importClass, hash, key, attributes);
    const word = (index: number): number => prefixes.wordOf(id, index);
    const length = prefixes.lengthOf(id);
    const sets = block.prefixSets;
    const outcomeIndex = outcomeIndexOf(sets, word(0), word(1), word(2), word(3), length);
    const isStale = rows.isStale(row);
    const replacement = this.#rowFor(block, rows.peer[row]!, outcomeIndex, traits, isStale);
    if (isStale) rows.markStale(replacement);
    return replacement;
  }

  #killRows(peer: PeerState, doomed: (flags: number) => boolean): void {
    const { rows } = this.#table;
    let found = false;
    for (let row = 0; row < rows.top; row += 1) {
      if (!this.#belongsTo(row, peer) || !doomed(rows.flags[row]!)) continue;
      this.#table.markDead(row);
      found = true;
    }
    if (found) this.#table.startSweep();
  }

  #belongsTo(row: number, peer: PeerState): boolean {
    const { rows } = this.#table;
    return rows.has(row) && rows.peer[row] === peer.index && (rows.flags[row]! & rowDead) === 0;
  }

  #announceAll(peer: PeerState, block: Block, nlri: ByteRange): void {
    this.#peer = peer.index;
    this.#traits = peer.traits;
    this.#setBlock(block);
    try {
      this.#walk(nlri, this.#announce4, this.#announce6);
    } finally {
      this.#block = undefined;
      if (block.rowCount === 0) this.#table.blocks.remove(block);
    }
  }

  #setBlock(block: Block): void {
    this.#block = block;
    this.#outcomeIndex = -1;
  }

  #walk(nlri: ByteRange, visit4: Visit4, visit6: Visit6): void {
    if (this.#table.prefixes.wordCount === 1) {
      walkPrefixes4(nlri.bytes, nlri.start, nlri.end, visit4);
    } else {
      walkPrefixes6(nlri.bytes, nlri.start, nlri.end, visit6);
    }
  }

  readonly #announce4: Visit4 = (address, length) => this.#announceOne(address, 0, 0, 0, length);
  readonly #announce6: Visit6 = (w0, w1, w2, w3, length) =>
    this.#announceOne(w0, w1, w2, w3, length);
  readonly #withdraw4: Visit4 = (address, length) => this.#withdrawOne(address, 0, 0, 0, length);
  readonly #withdraw6: Visit6 = (w0, w1, w2, w3, length) =>
    this.#withdrawOne(w0, w1, w2, w3, length);

  #announceOne(w0: number, w1: number, w2: number, w3: number, length: number): void {
    const block = this.#block!;
    const sets = block.prefixSets;
    const index = sets.length === 0 ? 0 : outcomeIndexOf(sets, w0, w1, w2, w3, length);
    // The row at hand cannot be freed during the walk: a prefix that comes twice gets the same row
    // again.
    if (index !== this.#outcomeIndex) {
      this.#outcomeIndex = index;
      this.#row = this.#rowFor(block, this.#peer, index, this.#traits, false);
    }
    this.#table.announce(this.#table.addPrefix(w0, w1, w2, w3, length), this.#row);
  }

  #withdrawOne(w0: number, w1: number, w2: number, w3: number, length: number): void {
    const id = this.#table.prefixes.find(w0, w1, w2, w3, length);
    if (id >= 0) this.#table.withdraw(id, this.#peer);
  }

  #rowFor(
    block: Block,
    peer: number,
    outcomeIndex: number,
    traits: PeerTraits,
    stale: boolean,
  ): number {
    const { rows } = this.#table;
    const row = rows.find(block, peer, outcomeIndex, stale);
    if (row >= 0) return row;
    const { nextHop } = block.outcomes[outcomeIndex]!.attributes;
    const ownNextHop = peer !== localPeer && this.#isOwnAddress(nextHop);
    return rows.add(block, peer, outcomeIndex, traits, ownNextHop);
  }
}

type Visit4 = (address: number, length: number) => void;
type Visit6 = (w0: number, w1: number, w2: number, w3: number, length: number) => void;

/** The words of a prefix, as {@link FamilyTable.addPrefix} wants them. */
export function wordsOf(prefix: Prefix): readonly [number, number, number, number] {
  if (prefix.family === 4) return [prefix.address | 0, 0, 0, 0];
  const { address } = prefix;
  return [
    wordOfIp6(address, 0),
    wordOfIp6(address, 1),
    wordOfIp6(address, 2),
    wordOfIp6(address, 3),
  ];
}

/** Why the row's path is not eligible, if so. */
export function ineligibilityOf(
  table: FamilyTable,
  row: number,
): "policy" | "as-loop" | "cluster-loop" | "own-next-hop" | undefined {
  if (table.rows.flags[row]! & rowOwnNextHop) return "own-next-hop";
  return table.rows.outcomeOf(row).ineligible;
}

/** The family of a prefix's table. */
export function familyOfPrefix(prefix: Prefix): AddressFamily {
  return prefix.family === 4 ? "ipv4-unicast" : "ipv6-unicast";
}
