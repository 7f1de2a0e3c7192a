/**
 * Rows: one per peer, attribute block and import outcome in use. A path in the table is nothing but
 * the number of its row, so the attributes of a million routes are as many rows as there are
 * distinct attribute sets.
 *
 * A row lives while a path or an Adj-RIB-Out refers to it. When a session ends, its rows become
 * stale (kept for graceful restart) or dead (being swept): the paths need not be touched for that,
 * and the next session gets new rows.
 */
import type { Asn } from "@heddle/inet";
import { must } from "@heddle/std";
import type { Block } from "./blocks.ts";
import { growFloat64, growInt32, growUint8, growUint16, growUint32 } from "./columns.ts";
import { type Candidate, ineligibleScore, longLivedScore, longLivedScoreOf } from "./decision.ts";
import type { ImportOutcome } from "./import.ts";

export const rowStale = 1;
export const rowDead = 2;
/** Own next hop: ineligible although the outcome of the block is not. */
export const rowOwnNextHop = 4;
/** Stale beyond the restart time: the least preferred of all (RFC 9494 4.3). */
export const rowLongLived = 8;
/** The peer may not announce the route: see `RouteOwnership`. */
export const rowNotOwner = 16;
/** The flow specification does not agree with unicast routing (RFC 8955 6). */
export const rowFlowInvalid = 32;

const ineligibleFlags = rowOwnNextHop | rowNotOwner | rowFlowInvalid;
/** What, besides block, peer and outcome, makes a row another row. */
export const rowVariant: number = rowStale | rowLongLived | rowNotOwner | rowFlowInvalid;

/** A path in the decision process; `row` and `path` lead back. */
export interface RowCandidate extends Candidate {
  readonly row: number;
  readonly path: number;
}

/** What distinguishes the peers that share a block. */
export type PeerTraits = Pick<Candidate, "external" | "peerAddress"> & {
  /** The peer's BGP Identifier. */
  readonly routerId: Candidate["identifier"];
};

/** Columns are public to read, for the loops of the table; only this class writes them. */
export class RowTable {
  peer: Int32Array = new Int32Array(64);
  score: Float64Array = new Float64Array(64);
  /** RFC 7432 7.7, as of {@link Candidate}. */
  mobility: Float64Array = new Float64Array(64);
  med: Uint32Array = new Uint32Array(64);
  /** 0 for none, which is no AS number (RFC 7607). */
  neighborAsn: Uint32Array = new Uint32Array(64);
  identifier: Uint32Array = new Uint32Array(64);
  clusterListLength: Uint16Array = new Uint16Array(64);
  flags: Uint8Array = new Uint8Array(64);
  /** Paths of the table that are this row. */
  pathCount: Int32Array = new Int32Array(64);
  /** What was last advertised, and entries of add-path, that are this row. */
  advertisedCount: Int32Array = new Int32Array(64);
  /** Number of the route's set of route targets; -1 where none is kept. */
  targetSet: Int32Array = new Int32Array(64);
  /** RFC 7311, of the rows that have the attribute. */
  readonly aigp: Map<number, bigint> = new Map();
  #outcomeIndex: Int32Array = new Int32Array(64);
  /** The next row of the same block, -1 for none. */
  #next: Int32Array = new Int32Array(64);
  readonly #traits: PeerTraits[] = [];
  readonly #blocks: (Block | undefined)[] = [];
  readonly #free: number[] = [];
  readonly #onFree: (row: number, block: Block) => void;
  readonly #equalizesStale: boolean;

  /**
   * `onFree` is called when nothing refers to a row any more, before its number is reused;
   * `equalizesStale` as of `longLivedScoreOf`.
   */
  constructor(onFree: (row: number, block: Block) => void, equalizesStale = false) {
    this.#onFree = onFree;
    this.#equalizesStale = equalizesStale;
  }

  /** All rows are below this. */
  get top(): number {
    return this.#blocks.length;
  }

  has(row: number): boolean {
    return this.#blocks[row] !== undefined;
  }

  blockOf(row: number): Block {
    return this.#blocks[row]!;
  }

  /** The row as the path with that number and identifier as received (RFC 7911). */
  candidateOf(row: number, path: number, pathId: number): RowCandidate {
    const neighborAsn = this.neighborAsn[row]!;
    const asPathOf = (): Candidate["asPath"] => this.outcomeOf(row).attributes.asPath;
    return {
      row,
      path,
      score: this.score[row]!,
      mobility: this.mobility[row]!,
      aigp: this.aigp.get(row),
      med: this.med[row]!,
      neighborAsn: neighborAsn === 0 ? undefined : (neighborAsn as Asn),
      external: this.isExternal(row),
      identifier: this.identifier[row] as Candidate["identifier"],
      clusterListLength: this.clusterListLength[row]!,
      peerAddress: this.peerAddressOf(row),
      // Few comparisons want it, and the block may have to be decoded for it.
      get asPath() {
        return asPathOf();
      },
      pathId,
    };
  }

  outcomeOf(row: number): ImportOutcome {
    return this.#blocks[row]!.outcomeAt(this.#outcomeIndex[row]!);
  }

  isExternal(row: number): boolean {
    return this.#traits[row]!.external;
  }

  peerAddressOf(row: number): Candidate["peerAddress"] {
    return this.#traits[row]!.peerAddress;
  }

  isStale(row: number): boolean {
    return (this.flags[row]! & rowStale) !== 0;
  }

  /** True when a row of the peer exists, live or not. */
  anyOf(peer: number): boolean {
    return this.#blocks.some((block, row) => block !== undefined && this.peer[row] === peer);
  }

  /** The row that is not dead, or -1; `variant` are flags of {@link rowVariant}. */
  find(block: Block, peer: number, outcomeIndex: number, variant: number): number {
    for (let row = block.firstRow; row >= 0; row = this.#next[row]!) {
      if (this.peer[row] !== peer || this.#outcomeIndex[row] !== outcomeIndex) continue;
      if ((this.flags[row]! & rowVariant) === variant) return row;
    }
    return -1;
  }

  /** A new row that nothing refers to yet. */
  add(block: Block, peer: number, outcomeIndex: number, traits: PeerTraits, flags: number): number {
    const row = this.#free.pop() ?? this.#blocks.length;
    if (row === this.peer.length) this.#grow();
    const { attributes, mobility, neighborAsn, score } = block.outcomeAt(outcomeIndex);
    this.peer[row] = peer;
    this.score[row] = scoreFor(score, flags, this.#equalizesStale);
    if (attributes.aigp !== undefined) this.aigp.set(row, attributes.aigp);
    this.mobility[row] = mobility;
    this.med[row] = attributes.med ?? 0;
    this.neighborAsn[row] = neighborAsn ?? 0;
    this.identifier[row] = attributes.originatorId ?? traits.routerId;
    this.clusterListLength[row] = attributes.clusterList.length;
    this.flags[row] = flags;
    this.pathCount[row] = 0;
    this.advertisedCount[row] = 0;
    this.targetSet[row] = -1;
    this.#outcomeIndex[row] = outcomeIndex;
    this.#traits[row] = traits;
    this.#blocks[row] = block;
    this.#next[row] = block.firstRow;
    block.firstRow = row;
    block.rowCount += 1;
    return row;
  }

  markStale(row: number): void {
    this.flags[row] = this.flags[row]! | rowStale;
  }

  /** Its paths are out of the decision process at once; they are unlinked by the sweep. */
  markDead(row: number): void {
    this.#unlist(row);
    this.flags[row] = this.flags[row]! | rowDead;
    this.score[row] = ineligibleScore;
  }

  /**
   * True when both rows say the same of the same peer, so that one can stand in for the other
   * unnoticed.
   */
  equivalent(a: number, b: number): boolean {
    const differ = (this.flags[a]! ^ this.flags[b]!) & ~(rowStale | rowDead);
    const sameOutcome =
      this.#blocks[a] === this.#blocks[b] && this.#outcomeIndex[a] === this.#outcomeIndex[b];
    return differ === 0 && sameOutcome && this.peer[a] === this.peer[b];
  }

  retainAdvertised(row: number): void {
    this.advertisedCount[row] = this.advertisedCount[row]! + 1;
  }

  releaseAdvertised(row: number): void {
    this.advertisedCount[row] = this.advertisedCount[row]! - 1;
    this.freeIfUnused(row);
  }

  freeIfUnused(row: number): void {
    if (this.pathCount[row] !== 0 || this.advertisedCount[row] !== 0) return;
    const block = must(this.#blocks[row], `row ${row} is freed once`);
    this.#unlist(row);
    block.rowCount -= 1;
    this.#blocks[row] = undefined;
    this.aigp.delete(row);
    this.#free.push(row);
    this.#onFree(row, block);
  }

  /** Nothing happens when the row is not in the list of its block any more. */
  #unlist(row: number): void {
    const block = this.#blocks[row]!;
    const next = this.#next;
    if (block.firstRow === row) {
      block.firstRow = next[row]!;
      return;
    }
    for (let at = block.firstRow; at >= 0; at = next[at]!) {
      if (next[at] === row) next[at] = next[row]!;
    }
  }

  #grow(): void {
    const capacity = this.peer.length * 2;
    this.peer = growInt32(this.peer, capacity);
    this.score = growFloat64(this.score, capacity);
    this.mobility = growFloat64(this.mobility, capacity);
    this.med = growUint32(this.med, capacity);
    this.neighborAsn = growUint32(this.neighborAsn, capacity);
    this.identifier = growUint32(this.identifier, capacity);
    this.clusterListLength = growUint16(this.clusterListLength, capacity);
    this.#outcomeIndex = growInt32(this.#outcomeIndex, capacity);
    this.#next = growInt32(this.#next, capacity);
    this.flags = growUint8(this.flags, capacity);
    this.pathCount = growInt32(this.pathCount, capacity);
    this.advertisedCount = growInt32(this.advertisedCount, capacity);
    this.targetSet = growInt32(this.targetSet, capacity);
  }
}

function scoreFor(score: number, flags: number, equalizesStale: boolean): number {
  if ((flags & ineligibleFlags) !== 0) return ineligibleScore;
  const isStale = (flags & rowLongLived) !== 0 && score < longLivedScore;
  return isStale ? longLivedScoreOf(score, equalizesStale) : score;
}
