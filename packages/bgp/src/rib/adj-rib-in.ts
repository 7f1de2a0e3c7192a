/**
 * Adj-RIB-In of one family (RFC 4271 3.2): takes the routes and attribute bytes of UPDATEs into the
 * table, and what happens to a peer's routes when its session or its policy changes.
 */

import type { Ip, Prefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { decodeAttributes } from "../packet/decode-attributes.ts";
import { isProblem, type RouteSource, routeAttributesOf } from "../packet/decoded-attributes.ts";
import {
  walkPathPrefixes4,
  walkPathPrefixes6,
  walkPrefixes4,
  walkPrefixes6,
  wordOfIp6,
} from "../packet/nlri.ts";
import type { NlriCursor } from "../packet/nlri-codec.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Block } from "./blocks.ts";
import { routeCountOf } from "./discards.ts";
import type { FamilyTable } from "./family-table.ts";
import type { ImportClass } from "./import.ts";
import type { Ineligible } from "./ineligible.ts";
import { type LocalAttributes, localKeyBytes, localPathAttributes } from "./local-route.ts";
import { forbidsLongLived } from "./long-lived.ts";
import { localPeer, type PeerIndex } from "./peer.ts";
import type { PeerState } from "./peer-state.ts";
import type { PrefixTable } from "./prefix-table.ts";
import { outcomeForKey } from "./residue.ts";
import {
  type PeerTraits,
  rowDead,
  rowFlowInvalid,
  rowLongLived,
  rowNotOwner,
  rowOwnNextHop,
  rowStale,
} from "./rows.ts";

/** Part of a buffer; `end` is exclusive. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What of the RIB as a whole decides how a route is taken in. */
export interface RouteChecks {
  isOwnAddress(address: Ip): boolean;
  /**
   * Flags of {@link rowVariant} for one route of the peer: what does not follow from its attributes
   * alone.
   */
  flagsOf(peer: PeerIndex, attributes: PathAttributes, id: number): number;
  /** Whether `flagsOf` can give anything but 0 for the peer. */
  hasFlags(peer: PeerIndex): boolean;
  /** The number of the route's set of route targets, retained for a row; -1 where none is kept. */
  targetSetOf(attributes: PathAttributes): number;
}

export class AdjRibIn {
  readonly #table: FamilyTable;
  readonly #localClass: ImportClass;
  readonly #localTraits: PeerTraits;
  readonly #checks: RouteChecks;
  /** What the visitors of routes work with: set for the duration of one walk. */
  #peer = 0;
  #traits: PeerTraits;
  #block: Block | undefined;
  #hasFlags = false;
  #row = -1;
  #outcomeIndex = -1;
  #flags = 0;

  constructor(
    table: FamilyTable,
    localClass: ImportClass,
    localTraits: PeerTraits,
    checks: RouteChecks,
  ) {
    this.#table = table;
    this.#localClass = localClass;
    this.#localTraits = localTraits;
    this.#traits = localTraits;
    this.#checks = checks;
  }

  /**
   * Announces the routes of `nlri` with the attribute block `key`; returns the problems of the
   * block when it is new. `addPath`: each begins with a path identifier.
   * @throws DecodeError `reset`
   */
  announce(
    peer: PeerState,
    importClass: ImportClass,
    source: RouteSource,
    key: ByteRange,
    nlri: ByteRange,
    addPath: boolean,
  ): readonly string[] {
    const { blocks } = this.#table;
    const hash = blocks.hash(key.bytes, key.start, key.end);
    const block = blocks.find(importClass, hash, key.bytes, key.start, key.end);
    if (block !== undefined) {
      this.#announceAll(peer, block, nlri, addPath);
      if (block.lacksAttribute) this.#countLacking(peer, nlri, addPath);
      return [];
    }
    const { bytes, start, end } = key;
    const decoded = decodeAttributes(bytes.subarray(start, end), importClass.cx);
    const problems = decoded.problems.map((p) => p.message);
    const attributes = routeAttributesOf(decoded, source);
    if (isProblem(attributes)) {
      this.#withdrawAll(peer, nlri, addPath, false);
      peer.discards.treatedAsWithdrawn += routeCountOf(this.#table, nlri, addPath);
      return problems.includes(attributes.message) ? problems : [...problems, attributes.message];
    }
    const added = blocks.add(importClass, hash, bytes, start, end, attributes);
    added.lacksAttribute = problems.length > 0;
    this.#announceAll(peer, added, nlri, addPath);
    if (added.lacksAttribute) this.#countLacking(peer, nlri, addPath);
    return problems;
  }

  #countLacking({ discards }: PeerState, nlri: ByteRange, addPath: boolean): void {
    discards.withoutAttribute += routeCountOf(this.#table, nlri, addPath);
  }

  /** @throws DecodeError `reset` when `nlri` is malformed */
  withdraw(peer: PeerState, nlri: ByteRange, addPath: boolean): void {
    this.#withdrawAll(peer, nlri, addPath, true);
  }

  originate(prefix: Prefix, attributes: LocalAttributes): void {
    this.#setLocalBlock(attributes);
    const [w0, w1, w2, w3] = wordsOf(prefix);
    this.#announceId(this.#table.addPrefix(w0, w1, w2, w3, prefix.length), -1, 0);
  }

  /** As `originate`; both strings as the codec of the family makes them. */
  originateKey(key: Uint8Array, payload: Uint8Array, attributes: LocalAttributes): void {
    this.#setLocalBlock(attributes);
    const id = this.#table.addKey(key, key.length);
    this.#announceId(id, this.#table.payloads?.intern(payload, payload.length) ?? -1, 0);
  }

  /** False when the prefix is not originated here. */
  withdrawLocal(prefix: Prefix): boolean {
    const [w0, w1, w2, w3] = wordsOf(prefix);
    return this.#withdrawLocalId(this.#table.prefixes!.find(w0, w1, w2, w3, prefix.length));
  }

  /** False when the key is not originated here. */
  withdrawLocalKey(key: Uint8Array): boolean {
    return this.#withdrawLocalId(this.#table.opaqueKeys!.find(key, key.length));
  }

  /**
   * The session ended. With `retain` the routes become stale; those that were stale already go (RFC
   * 4724 4.2: a second failure before the first is over), unless they are long-lived.
   */
  sessionDown(peer: PeerState, retain: boolean, longLived: boolean): void {
    this.#killRows(peer, (row) => !retain || (!longLived && this.#table.rows.isStale(row)));
    this.markStale(peer);
  }

  /** What the peer does not announce again is stale (RFC 7313 4.2). */
  markStale(peer: PeerState): void {
    const { rows } = this.#table;
    for (let row = 0; row < rows.top; row += 1) {
      if (this.#belongsTo(row, peer)) rows.markStale(row);
    }
  }

  sweepStale(peer: PeerState): void {
    this.#killRows(peer, (row) => this.#table.rows.isStale(row));
  }

  /** RFC 9494 4.2: stale routes go if their sender wants that, else stay as the least preferred. */
  longLivedStale(peer: PeerState): void {
    const { rows } = this.#table;
    this.#killRows(
      peer,
      (row) => rows.isStale(row) && forbidsLongLived(rows.blockOf(row).attributes),
    );
    this.#table.startSweep();
  }

  /**
   * The row for a key after a change of import policy or of what `RouteChecks` say; a stale one for
   * a stale one, and long-lived stale where `longLived`.
   */
  reimport(
    row: number,
    id: number,
    importClass: ImportClass,
    traits: PeerTraits,
    longLived: boolean,
  ): number {
    const { blocks, routeKeys, rows } = this.#table;
    const old = rows.blockOf(row);
    const block =
      old.importClass === importClass
        ? old
        : (blocks.find(importClass, old.hash, old.key, 0, old.key.length) ??
          blocks.add(importClass, old.hash, old.key, 0, old.key.length, old.attributes));
    const peer = rows.peer[row]!;
    const outcomeIndex = outcomeForKey(block.verdicts.prefixSets, routeKeys, id);
    const { attributes } = block.outcomeAt(outcomeIndex);
    const kept = rows.flags[row]! & (rowStale | rowLongLived);
    const stale = longLived && kept !== 0 ? rowStale | rowLongLived : kept;
    const flags = this.#checks.hasFlags(peer) ? this.#checks.flagsOf(peer, attributes, id) : 0;
    return this.#rowFor(block, peer, outcomeIndex, traits, stale | flags);
  }

  /** Whether what `RouteChecks` say may change the rows of the peer. */
  hasFlags(peer: PeerIndex): boolean {
    return this.#checks.hasFlags(peer);
  }

  #killRows(peer: PeerState, isDoomed: (row: number) => boolean): void {
    const { rows } = this.#table;
    const doomed: number[] = [];
    for (let row = 0; row < rows.top; row += 1) {
      if (this.#belongsTo(row, peer) && isDoomed(row)) doomed.push(row);
    }
    if (doomed.length === 0) return;
    this.#tellGone(doomed);
    for (const row of doomed) this.#table.markDead(row);
    this.#table.startSweep();
  }

  /** Paths of dead rows are unlinked in silence, so whoever follows the paths hears of them now. */
  #tellGone(rows: readonly number[]): void {
    const { head, onPath, paths, routeKeys } = this.#table;
    if (onPath === undefined) return;
    const doomed = new Set(rows);
    for (let id = 0; id < routeKeys.top; id += 1) {
      if (!routeKeys.has(id)) continue;
      for (let path = head[id]!; path >= 0; path = paths.next[path]!) {
        if (doomed.has(paths.row[path]!)) onPath(id, paths.row[path]!, -1);
      }
    }
  }

  #belongsTo(row: number, peer: PeerState): boolean {
    const { rows } = this.#table;
    return rows.has(row) && rows.peer[row] === peer.index && (rows.flags[row]! & rowDead) === 0;
  }

  #announceAll(peer: PeerState, block: Block, nlri: ByteRange, addPath: boolean): void {
    this.#peer = peer.index;
    this.#traits = peer.traits;
    this.#setBlock(block);
    try {
      this.#walkAnnounced(peer, nlri, addPath);
    } finally {
      this.#block = undefined;
      if (block.rowCount === 0) this.#table.blocks.remove(block);
    }
  }

  #setBlock(block: Block): void {
    this.#block = block;
    this.#outcomeIndex = -1;
    this.#hasFlags = this.#checks.hasFlags(this.#peer);
  }

  #setLocalBlock(attributes: LocalAttributes): void {
    const { blocks } = this.#table;
    const key = localKeyBytes(attributes);
    const hash = blocks.hash(key, 0, key.length);
    this.#peer = localPeer;
    this.#traits = this.#localTraits;
    this.#setBlock(
      blocks.find(this.#localClass, hash, key, 0, key.length) ??
        blocks.add(this.#localClass, hash, key, 0, key.length, localPathAttributes(attributes)),
    );
  }

  #walkAnnounced({ discards }: PeerState, nlri: ByteRange, addPath: boolean): void {
    const { bytes, start, end } = nlri;
    const { opaqueKeys, prefixes } = this.#table;
    if (prefixes?.isLarge === true) this.#fetch(prefixes, nlri, addPath);
    if (opaqueKeys !== undefined) {
      const options = { addPath, withdrawn: false };
      const unknownCount = opaqueKeys.codec.walk(bytes, start, end, options, this.#announceKey);
      discards.unknownRouteTypes += unknownCount;
    } else if (prefixes!.wordCount === 1) {
      if (addPath) walkPathPrefixes4(bytes, start, end, this.#announcePath4);
      else walkPrefixes4(bytes, start, end, this.#announce4);
    } else if (addPath) walkPathPrefixes6(bytes, start, end, this.#announcePath6);
    else walkPrefixes6(bytes, start, end, this.#announce6);
  }

  /** `marked`: the routes lie in a field for withdrawn ones. */
  #withdrawAll(peer: PeerState, nlri: ByteRange, addPath: boolean, marked: boolean): void {
    const { bytes, start, end } = nlri;
    const { opaqueKeys, prefixes } = this.#table;
    this.#peer = peer.index;
    if (prefixes?.isLarge === true) this.#fetch(prefixes, nlri, addPath);
    if (opaqueKeys !== undefined) {
      opaqueKeys.codec.walk(bytes, start, end, { addPath, withdrawn: marked }, this.#withdrawKey);
    } else if (prefixes!.wordCount === 1) {
      if (addPath) walkPathPrefixes4(bytes, start, end, this.#withdrawPath4);
      else walkPrefixes4(bytes, start, end, this.#withdraw4);
    } else if (addPath) walkPathPrefixes6(bytes, start, end, this.#withdrawPath6);
    else walkPrefixes6(bytes, start, end, this.#withdraw6);
  }

  #fetch(prefixes: PrefixTable, { bytes, start, end }: ByteRange, addPath: boolean): void {
    if (prefixes.wordCount === 1) {
      if (addPath) walkPathPrefixes4(bytes, start, end, this.#expectPath4);
      else walkPrefixes4(bytes, start, end, this.#expect4);
    } else if (addPath) walkPathPrefixes6(bytes, start, end, this.#expectPath6);
    else walkPrefixes6(bytes, start, end, this.#expect6);
    prefixes.fetch();
  }

  readonly #expect4 = (address: number, length: number): void =>
    this.#table.prefixes!.expect(address, 0, 0, 0, length);
  readonly #expect6 = (w0: number, w1: number, w2: number, w3: number, length: number): void =>
    this.#table.prefixes!.expect(w0, w1, w2, w3, length);
  readonly #expectPath4 = (_pathId: number, address: number, length: number): void =>
    this.#table.prefixes!.expect(address, 0, 0, 0, length);
  readonly #expectPath6: PathVisitor6 = (_pathId, w0, w1, w2, w3, length) =>
    this.#table.prefixes!.expect(w0, w1, w2, w3, length);

  readonly #announce4 = (address: number, length: number): void =>
    this.#announceId(this.#table.addPrefix(address, 0, 0, 0, length), -1, 0);
  readonly #announce6 = (w0: number, w1: number, w2: number, w3: number, length: number): void =>
    this.#announceId(this.#table.addPrefix(w0, w1, w2, w3, length), -1, 0);
  readonly #announcePath4 = (pathId: number, address: number, length: number): void =>
    this.#announceId(this.#table.addPrefix(address, 0, 0, 0, length), -1, pathId);
  readonly #announcePath6: PathVisitor6 = (pathId, w0, w1, w2, w3, length) =>
    this.#announceId(this.#table.addPrefix(w0, w1, w2, w3, length), -1, pathId);
  readonly #announceKey = (cursor: NlriCursor): void => {
    const id = this.#table.addKey(cursor.key, cursor.keyLength);
    const { payloads } = this.#table;
    const payload = payloads?.intern(cursor.payload, cursor.payloadLength) ?? -1;
    this.#announceId(id, payload, cursor.pathId);
  };

  readonly #withdraw4 = (address: number, length: number): void =>
    this.#withdrawId(this.#table.prefixes!.find(address, 0, 0, 0, length), 0);
  readonly #withdraw6 = (w0: number, w1: number, w2: number, w3: number, length: number): void =>
    this.#withdrawId(this.#table.prefixes!.find(w0, w1, w2, w3, length), 0);
  readonly #withdrawPath4 = (pathId: number, address: number, length: number): void =>
    this.#withdrawId(this.#table.prefixes!.find(address, 0, 0, 0, length), pathId);
  readonly #withdrawPath6: PathVisitor6 = (pathId, w0, w1, w2, w3, length) =>
    this.#withdrawId(this.#table.prefixes!.find(w0, w1, w2, w3, length), pathId);
  readonly #withdrawKey = ({ key, keyLength, pathId }: NlriCursor): void =>
    this.#withdrawId(this.#table.opaqueKeys!.find(key, keyLength), pathId);

  #announceId(id: number, payload: number, pathId: number): void {
    const block = this.#block!;
    const sets = block.verdicts.prefixSets;
    const index = sets.length === 0 ? 0 : outcomeForKey(sets, this.#table.routeKeys, id);
    const flags = this.#hasFlags ? this.#flagsOf(block, index, id) : 0;
    // The row at hand cannot be freed during the walk: a route that comes twice gets the same row
    // again.
    if (index !== this.#outcomeIndex || flags !== this.#flags) {
      this.#outcomeIndex = index;
      this.#flags = flags;
      this.#row = this.#rowFor(block, this.#peer, index, this.#traits, flags);
    }
    this.#table.announce(id, this.#row, payload, pathId);
  }

  #flagsOf(block: Block, index: number, id: number): number {
    return this.#checks.flagsOf(this.#peer, block.outcomeAt(index).attributes, id);
  }

  #withdrawId(id: number, pathId: number): void {
    if (id >= 0) this.#table.withdraw(id, this.#peer, pathId);
  }

  #withdrawLocalId(id: number): boolean {
    const before = this.#table.heldCount(localPeer);
    if (id >= 0) this.#table.withdraw(id, localPeer);
    return this.#table.heldCount(localPeer) < before;
  }

  #rowFor(
    block: Block,
    peer: PeerIndex,
    outcomeIndex: number,
    traits: PeerTraits,
    flags: number,
  ): number {
    const { rows } = this.#table;
    const known = rows.find(block, peer, outcomeIndex, flags);
    if (known >= 0) return known;
    const { attributes } = block.outcomeAt(outcomeIndex);
    const isOwn = peer !== localPeer && this.#checks.isOwnAddress(attributes.nextHop);
    const row = rows.add(block, peer, outcomeIndex, traits, isOwn ? flags | rowOwnNextHop : flags);
    rows.targetSet[row] = this.#checks.targetSetOf(attributes);
    return row;
  }
}

type PathVisitor6 = (
  pathId: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  length: number,
) => void;

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
export function ineligibilityOf(table: FamilyTable, row: number): Ineligible | undefined {
  const { ineligible } = table.rows.outcomeOf(row);
  if (ineligible !== undefined) return ineligible;
  const flags = table.rows.flags[row]!;
  if (flags & rowOwnNextHop) return "own-next-hop";
  if (flags & rowNotOwner) return "not-owner";
  return flags & rowFlowInvalid ? "flow-validation" : undefined;
}

/** The family of a prefix's table. */
export function familyOfPrefix(prefix: Prefix): AddressFamily {
  return prefix.family === 4 ? "ipv4-unicast" : "ipv6-unicast";
}
