/**
 * The routes of one address family: Adj-RIBs-In and Loc-RIB in one table (RFC 4271 3.2), in columns
 * indexed by prefix id.
 *
 * Invariants:
 * - `best` of a prefix is the row that the decision process selects from its paths, -1 for none; it
 *   is correct after every operation except for paths of dead rows that `sweep` has not reached.
 * - `advertised` is `best` as of the last `commit`, and is counted as a reference to its row.
 * - a prefix is in the dirty queue when its `dirty` flag is set; then and only then `best` and
 *   `advertised` may differ.
 * - a prefix id is reused only when no path, Adj-RIB-Out, queue or catch-up refers to it.
 */
import type { AddressFamily } from "../packet/address-family.ts";
import { BlockTable } from "./blocks.ts";
import type { CatchUp } from "./catch-up.ts";
import { growInt32, growUint8, IdQueue } from "./columns.ts";
import type { MultipathConfig } from "./config.ts";
import { ineligibleScore, selectBest, selectMultipath } from "./decision.ts";
import { PathColumns } from "./paths.ts";
import { PrefixTable } from "./prefix-table.ts";
import { type RowCandidate, RowTable, rowDead } from "./rows.ts";

const dirtyFlag = 1;
const changedFlag = 2;

export interface FamilyTableConfig {
  readonly multipath: MultipathConfig;
  readonly forwarding: boolean;
  readonly hashSeed: number;
}

/** Gives the row that replaces `row` for the prefix; `row` itself when it is up to date. */
export type Reimport = (row: number, id: number) => number;

export class FamilyTable {
  readonly family: AddressFamily;
  readonly prefixes: PrefixTable;
  readonly blocks: BlockTable;
  readonly rows: RowTable;
  readonly paths: PathColumns = new PathColumns();
  /** Catch-ups in progress: they may need a prefix id that has no route any more. */
  readonly catchUps: Set<CatchUp> = new Set();
  /** First path, best row, advertised row by prefix id; public to read. */
  head: Int32Array;
  best: Int32Array;
  advertised: Int32Array;
  /** While true, nothing leaves the table (RFC 4724 4.1). */
  held = false;
  readonly #config: FamilyTableConfig;
  readonly #isMultipath: boolean;
  #flags: Uint8Array;
  readonly #dirty = new IdQueue();
  readonly #changed = new IdQueue();
  /** Rows of the multipath set, best first, of prefixes that have more than one. */
  readonly #shares: Map<number, readonly number[]> = new Map();
  /** Live and stale paths by peer. */
  readonly #held: number[] = [];
  /** The sweep goes round the ids below `end`: those that existed when it was last started. */
  #sweepAt = 0;
  #sweepEnd = 0;
  #sweepLeft = 0;

  constructor(family: AddressFamily, config: FamilyTableConfig, onRowFree: (row: number) => void) {
    this.family = family;
    this.#config = config;
    const { ebgpCountMax, ibgpCountMax } = config.multipath;
    this.#isMultipath = config.forwarding && Math.max(ebgpCountMax, ibgpCountMax) > 1;
    this.prefixes = new PrefixTable(family === "ipv4-unicast" ? 1 : 4, config.hashSeed);
    this.blocks = new BlockTable(config.hashSeed);
    this.rows = new RowTable((row, block) => {
      if (block.rowCount === 0) this.blocks.remove(block);
      onRowFree(row);
    });
    const { capacity } = this.prefixes;
    this.head = new Int32Array(capacity).fill(-1);
    this.best = new Int32Array(capacity).fill(-1);
    this.advertised = new Int32Array(capacity).fill(-1);
    this.#flags = new Uint8Array(capacity);
  }

  get dirty(): boolean {
    return !this.held && (this.#dirty.count > 0 || this.#sweepLeft > 0);
  }

  get changed(): boolean {
    return !this.held && this.#changed.count > 0;
  }

  /** Prefixes of the peer in the Adj-RIB-In. */
  heldCount(peer: number): number {
    return this.#held[peer] ?? 0;
  }

  /** The id of a prefix that is about to get a path. */
  addPrefix(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const id = this.prefixes.add(w0, w1, w2, w3, length);
    if (id >= this.head.length) this.#grow();
    return id;
  }

  /** Makes `row` the path of its peer. */
  announce(id: number, row: number): void {
    const { paths, rows } = this;
    const peer = rows.peer[row]!;
    const path = this.#pathOf(id, peer);
    if (path < 0) {
      this.head[id] = paths.add(row, this.head[id]!);
      rows.pathCount[row] = rows.pathCount[row]! + 1;
      this.#held[peer] = this.heldCount(peer) + 1;
    } else {
      const old = paths.row[path]!;
      if (old === row) return;
      this.#replaceRow(id, path, old, row);
    }
    this.#decide(id);
  }

  /** Removes the path of the peer; nothing happens when there is none. */
  withdraw(id: number, peer: number): void {
    const path = this.#pathOf(id, peer);
    if (path < 0) return;
    this.#unlink(id, path);
    this.#decide(id);
    // Nobody is told when a path goes that was not eligible, so nothing else would free the prefix.
    this.freeIfUnused(id);
  }

  markDead(row: number): void {
    const { rows } = this;
    const peer = rows.peer[row]!;
    this.#held[peer] = this.heldCount(peer) - rows.pathCount[row]!;
    rows.markDead(row);
  }

  /** Makes the next `sweep` calls visit every prefix that there is now. */
  startSweep(): void {
    this.#sweepEnd = this.prefixes.top;
    this.#sweepLeft = this.#sweepEnd;
  }

  /**
   * Visits up to `limit` prefixes: unlinks paths of dead rows, replaces those that `reimport` finds
   * outdated.
   */
  sweep(limit: number, reimport: Reimport): void {
    for (let left = limit; left > 0 && this.#sweepLeft > 0; left -= 1) {
      if (this.#sweepAt >= this.#sweepEnd) this.#sweepAt = 0;
      const id = this.#sweepAt++;
      this.#sweepLeft -= 1;
      if (this.prefixes.has(id)) this.#sweepPrefix(id, reimport);
    }
  }

  /** Up to `limit` prefixes whose best path is not what is advertised; borrowed until `commit`. */
  takeDirty(limit: number): Int32Array {
    const taken = this.#dirty.take(limit);
    let count = 0;
    for (const id of taken) {
      this.#flags[id] = this.#flags[id]! & ~dirtyFlag;
      if (this.best[id] === this.advertised[id]) this.freeIfUnused(id);
      else taken[count++] = id;
    }
    return taken.subarray(0, count);
  }

  /** What `takeDirty` gave out has been advertised. */
  commit(ids: Int32Array): void {
    for (const id of ids) {
      this.#setAdvertised(id, this.best[id]!);
      this.freeIfUnused(id);
    }
  }

  /** Up to `limit` prefixes whose forwarding may have changed, passed to `visit` one by one. */
  takeChanged(limit: number, visit: (id: number) => void): void {
    if (this.held) return;
    for (const id of this.#changed.take(limit)) {
      this.#flags[id] = this.#flags[id]! & ~changedFlag;
      visit(id);
      this.freeIfUnused(id);
    }
  }

  /** The rows that forward, best first. */
  sharesOf(id: number): readonly number[] {
    const best = this.best[id]!;
    return this.#shares.get(id) ?? (best < 0 ? [] : [best]);
  }

  candidatesOf(id: number): RowCandidate[] {
    const candidates: RowCandidate[] = [];
    for (let path = this.head[id]!; path >= 0; path = this.paths.next[path]!) {
      candidates.push(this.rows.candidateOf(this.paths.row[path]!));
    }
    return candidates;
  }

  freeIfUnused(id: number): void {
    if (this.head[id]! >= 0 || this.advertised[id]! >= 0 || this.#flags[id] !== 0) return;
    for (const catchUp of this.catchUps) if (catchUp.isMarked(id)) return;
    this.prefixes.remove(id);
  }

  #pathOf(id: number, peer: number): number {
    const { row, next } = this.paths;
    const peers = this.rows.peer;
    let path = this.head[id]!;
    while (path >= 0 && peers[row[path]!] !== peer) path = next[path]!;
    return path;
  }

  /**
   * Where the new row says the same as the old one (a session came back), it takes its place also
   * in what is best and advertised, so that nobody is told.
   */
  #replaceRow(id: number, path: number, old: number, row: number): void {
    const { rows } = this;
    if (rows.flags[old]! & rowDead) {
      const peer = rows.peer[row]!;
      this.#held[peer] = this.heldCount(peer) + 1;
    }
    this.paths.row[path] = row;
    rows.pathCount[row] = rows.pathCount[row]! + 1;
    if (rows.equivalent(old, row)) {
      if (this.best[id] === old) this.best[id] = row;
      if (this.advertised[id] === old) this.#setAdvertised(id, row);
    }
    // Last, so that the old row is there to be compared with, and is freed once.
    rows.pathCount[old] = rows.pathCount[old]! - 1;
    rows.freeIfUnused(old);
  }

  #setAdvertised(id: number, row: number): void {
    const { rows } = this;
    const old = this.advertised[id]!;
    if (old === row) return;
    this.advertised[id] = row;
    if (row >= 0) rows.advertisedCount[row] = rows.advertisedCount[row]! + 1;
    if (old < 0) return;
    rows.advertisedCount[old] = rows.advertisedCount[old]! - 1;
    rows.freeIfUnused(old);
  }

  #unlink(id: number, path: number): void {
    const { paths, rows } = this;
    let at = this.head[id]!;
    if (at === path) {
      this.head[id] = paths.next[path]!;
    } else {
      while (paths.next[at] !== path) at = paths.next[at]!;
      paths.next[at] = paths.next[path]!;
    }
    const row = paths.row[path]!;
    const peer = rows.peer[row]!;
    paths.free(path);
    rows.pathCount[row] = rows.pathCount[row]! - 1;
    if ((rows.flags[row]! & rowDead) === 0) this.#held[peer] = this.heldCount(peer) - 1;
    rows.freeIfUnused(row);
  }

  #sweepPrefix(id: number, reimport: Reimport): void {
    const { paths, rows } = this;
    let touched = false;
    for (let path = this.head[id]!; path >= 0; ) {
      const next = paths.next[path]!;
      const row = paths.row[path]!;
      if (rows.flags[row]! & rowDead) {
        this.#unlink(id, path);
        touched = true;
      } else {
        const replacement = reimport(row, id);
        if (replacement !== row) {
          this.#replaceRow(id, path, row, replacement);
          touched = true;
        }
      }
      path = next;
    }
    if (!touched) return;
    this.#decide(id);
    this.freeIfUnused(id);
  }

  #decide(id: number): void {
    const { score } = this.rows;
    const { row: rowOf, next } = this.paths;
    let best = -1;
    let bestScore = ineligibleScore;
    let tied = false;
    for (let path = this.head[id]!; path >= 0; path = next[path]!) {
      const row = rowOf[path]!;
      const s = score[row]!;
      if (s < bestScore) {
        best = row;
        bestScore = s;
        tied = false;
      } else if (s === bestScore && best >= 0) {
        tied = true;
      }
    }
    if (tied) best = this.#decideTied(id);
    else if (this.#shares.size > 0 && this.#shares.delete(id)) this.#markChanged(id);
    if (best === this.best[id]) return;
    this.best[id] = best;
    this.#markDirty(id);
    this.#markChanged(id);
  }

  /** Several paths have the lowest score: the rest of the decision process, and multipath. */
  #decideTied(id: number): number {
    const candidates = this.candidatesOf(id);
    if (!this.#isMultipath) return selectBest(candidates)!.row;
    const shares = selectMultipath(candidates, this.#config.multipath).map((c) => c.row);
    const known = this.#shares.get(id);
    if (shares.length > 1) {
      this.#shares.set(id, shares);
      const same = known?.length === shares.length && known.every((row, i) => row === shares[i]);
      if (!same) this.#markChanged(id);
    } else if (known !== undefined) {
      this.#shares.delete(id);
      this.#markChanged(id);
    }
    return shares[0]!;
  }

  #markDirty(id: number): void {
    if (this.#flags[id]! & dirtyFlag) return;
    this.#flags[id] = this.#flags[id]! | dirtyFlag;
    this.#dirty.push(id);
  }

  #markChanged(id: number): void {
    if (!this.#config.forwarding || this.#flags[id]! & changedFlag) return;
    this.#flags[id] = this.#flags[id]! | changedFlag;
    this.#changed.push(id);
  }

  #grow(): void {
    const { capacity } = this.prefixes;
    this.head = growInt32(this.head, capacity, -1);
    this.best = growInt32(this.best, capacity, -1);
    this.advertised = growInt32(this.advertised, capacity, -1);
    this.#flags = growUint8(this.#flags, capacity);
  }
}
