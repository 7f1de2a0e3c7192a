/**
 * The routes of one address family: Adj-RIBs-In and Loc-RIB in one table (RFC 4271 3.2), in columns
 * indexed by the id of the key: a prefix, or what the codec of the family makes of an NLRI.
 *
 * Invariants:
 * - `best` of a key is the row that the decision process selects from its paths, -1 for none, and
 *   `bestPayload` that path's payload; they are correct after every operation except for paths of
 *   dead rows that `sweep` has not reached.
 * - `advertised` and its payload are the best as of the last `commit`, and count as references.
 * - a key is in the dirty queue when its `dirty` flag is set; then and only then what is best and
 *   what is advertised may differ.
 * - a key's id is reused only when no path, Adj-RIB-Out, queue or catch-up refers to it.
 */
import type { AddressFamily } from "../packet/address-family.ts";
import { nlriCodecOf } from "../packet/nlri/nlri-codecs.ts";
import { AddPathOut } from "./add-path-out.ts";
import { BlockTable } from "./blocks.ts";
import type { CatchUp } from "./catch-up.ts";
import type { AddPathChange, DirtyKeys, TableFeeds } from "./changes.ts";
import { growUint8, IdQueue } from "./columns.ts";
import type { RibConfig } from "./config.ts";
import { ineligibleScore, selectBest, selectMultipath } from "./decision.ts";
import { evpnCandidate } from "./evpn-candidate.ts";
import type { IdLists } from "./id-lists.ts";
import { MarkCounts } from "./mark-counts.ts";
import { OpaqueKeys } from "./opaque-keys.ts";
import { PathColumns } from "./paths.ts";
import { PayloadTable } from "./payload-table.ts";
import { fetchCountMax, PrefixTable } from "./prefix-table.ts";
import type { RouteKeys } from "./route-keys.ts";
import { type RowCandidate, RowTable, rowDead } from "./rows.ts";
import { type GrowingColumn, int32Column, StaggeredGrowth } from "./staggered-growth.ts";
import { Sweep } from "./sweep.ts";
import { Ties } from "./ties.ts";

const dirtyFlag = 1;
const changedFlag = 2;

export type FamilyTableConfig = Pick<
  RibConfig,
  "forwarding" | "hashSeed" | "longLivedPartial" | "multipath" | "watchedFamilies"
>;

/** Gives the row that replaces `row` for the key; `row` itself when it is up to date. */
export type Reimport = (row: number, id: number) => number;

export class FamilyTable {
  readonly family: AddressFamily;
  /** Of a plain unicast family. */
  readonly prefixes: PrefixTable | undefined;
  /** Of any other family. */
  readonly opaqueKeys: OpaqueKeys | undefined;
  /** Whichever of the two there is. */
  readonly routeKeys: RouteKeys;
  readonly payloads: PayloadTable | undefined;
  readonly blocks: BlockTable;
  readonly rows: RowTable;
  readonly paths: PathColumns;
  readonly addPathOut: AddPathOut = new AddPathOut(this);
  /** Advertised keys by set of route targets, where the owner wants to know them. */
  advertisedByTargetSet: IdLists | undefined;
  /** Catch-ups in progress. */
  readonly catchUps: Set<CatchUp> = new Set();
  /** Of their marks: a catch-up may need a key's id that has no route any more. */
  readonly markCounts: MarkCounts = new MarkCounts();
  /** First path, best row, advertised row by id; public to read. */
  head: Int32Array = new Int32Array(capacityMin);
  best: Int32Array = new Int32Array(capacityMin);
  advertised: Int32Array = new Int32Array(capacityMin);
  /** With payloads only; -1 where there is no row. */
  bestPayload: Int32Array | undefined;
  advertisedPayload: Int32Array | undefined;
  /** While true, nothing leaves the table (RFC 4724 4.1). */
  held = false;
  /** Called when a path comes (1) or goes (-1), unless its row is dead. */
  onPath: ((id: number, row: number, step: 1 | -1) => void) | undefined;
  /** Who follows the table; undefined while nobody does. */
  feeds: TableFeeds | undefined;
  readonly #config: FamilyTableConfig;
  readonly #isMultipath: boolean;
  /** Somebody takes the changes of best paths. */
  readonly #isWatched: boolean;
  readonly #isEvpn: boolean;
  #flags: Uint8Array = new Uint8Array(capacityMin);
  readonly #growth: StaggeredGrowth;
  /** Ids below have been given out at some time. */
  #admitted = 0;
  readonly #dirty = new IdQueue();
  readonly #changed = new IdQueue();
  /** Rows of the multipath set, best first, of keys that have more than one. */
  readonly #shares: Map<number, readonly number[]> = new Map();
  /** Live and stale paths by peer. */
  readonly #held: number[] = [];
  readonly #sweep = new Sweep();
  readonly #ties: Ties;

  constructor(family: AddressFamily, config: FamilyTableConfig, onRowFree: (row: number) => void) {
    this.family = family;
    this.#config = config;
    const { ebgpCountMax, ibgpCountMax } = config.multipath;
    const { hashSeed } = config;
    const codec = nlriCodecOf(family);
    this.#isWatched =
      codec === undefined ? config.forwarding : config.watchedFamilies?.includes(family) === true;
    const isForwarding = config.forwarding && codec === undefined;
    this.#isMultipath = isForwarding && Math.max(ebgpCountMax, ibgpCountMax) > 1;
    this.#isEvpn = family === "evpn";
    if (codec === undefined) {
      this.prefixes = new PrefixTable(family === "ipv4-unicast" ? 1 : 4, hashSeed);
      this.routeKeys = this.prefixes;
    } else {
      this.opaqueKeys = new OpaqueKeys(codec, this.#isEvpn, hashSeed);
      this.routeKeys = this.opaqueKeys;
      if (codec.payloadLengthMax > 0) this.payloads = new PayloadTable(hashSeed);
    }
    this.paths = new PathColumns(this.payloads !== undefined);
    this.blocks = new BlockTable(hashSeed);
    this.rows = new RowTable((row, block) => {
      if (block.rowCount === 0) this.blocks.remove(block);
      onRowFree(row);
    }, config.longLivedPartial === true);
    this.#ties = new Ties(this.paths, this.rows);
    if (this.payloads !== undefined) {
      this.bestPayload = new Int32Array(capacityMin);
      this.advertisedPayload = new Int32Array(capacityMin);
    }
    this.#growth = new StaggeredGrowth(this.#columns(), 0.8, 0.9);
  }

  get dirty(): boolean {
    return !this.held && (this.#dirty.count > 0 || this.#sweep.left > 0);
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
    const id = this.prefixes!.add(w0, w1, w2, w3, length);
    if (id >= this.#admitted) this.#admit(id);
    return id;
  }

  /** As `addPrefix`, for the first `length` octets of `bytes`. */
  addKey(bytes: Uint8Array, length: number): number {
    const id = this.opaqueKeys!.add(bytes, length);
    if (id >= this.#admitted) this.#admit(id);
    return id;
  }

  /** Makes `row` the path of its peer with that path identifier. */
  announce(id: number, row: number, payload = -1, pathId = 0): void {
    const { paths, rows } = this;
    const peer = rows.peer[row]!;
    const path = this.paths.find(this.head[id]!, rows.peer, peer, pathId);
    if (path < 0) {
      this.head[id] = paths.add(row, this.head[id]!, payload, pathId);
      rows.pathCount[row] = rows.pathCount[row]! + 1;
      this.#held[peer] = this.heldCount(peer) + 1;
      if (payload >= 0) this.payloads!.retain(payload);
      this.onPath?.(id, row, 1);
    } else {
      const old = paths.row[path]!;
      const hasPayload = paths.payloadOf(path) === payload;
      if (old === row && hasPayload) return;
      // First the payload, so that an equivalent row is not taken for an equal route.
      if (!hasPayload) this.#replacePayload(path, payload);
      if (old !== row) this.#replaceRow(id, path, old, row, hasPayload);
    }
    this.feeds?.pathChanged(id, peer, pathId, false);
    this.#decide(id);
  }

  /** Removes the path of the peer; nothing happens when there is none. */
  withdraw(id: number, peer: number, pathId = 0): void {
    const path = this.paths.find(this.head[id]!, this.rows.peer, peer, pathId);
    if (path < 0) return;
    this.#unlink(id, path);
    this.#decide(id);
    // Nobody is told when a path goes that was not eligible, so nothing else would free the key.
    this.freeIfUnused(id);
  }

  markDead(row: number): void {
    const { rows } = this;
    const peer = rows.peer[row]!;
    this.#held[peer] = this.heldCount(peer) - rows.pathCount[row]!;
    rows.markDead(row);
  }

  /** Makes the next `sweep` calls visit every key that there is now. */
  startSweep(): void {
    this.#sweep.start(this.routeKeys.top);
  }

  /** Peers are sent up to so many paths per key by add-path, for every key that there is. */
  setAddPathCount(countMax: number): void {
    if (this.addPathOut.setCountMax(countMax)) this.#sweep.startTouching(this.routeKeys.top);
  }

  /**
   * Visits up to `limit` keys: unlinks paths of dead rows, replaces those that `reimport` finds
   * outdated.
   */
  sweep(limit: number, reimport: Reimport): void {
    const sweep = this.#sweep;
    for (let left = limit; left > 0 && sweep.left > 0; left -= 1) {
      const { touches } = sweep;
      const id = sweep.next();
      if (!this.routeKeys.has(id)) continue;
      this.#sweepKey(id, reimport);
      if (touches && this.routeKeys.has(id)) this.#markDirty(id);
    }
  }

  /** Up to `limit` keys of which peers have to be told. */
  takeDirty(limit: number): DirtyKeys {
    const all = this.#dirty.take(limit);
    const { addPathOut } = this;
    const isAddPath = addPathOut.active;
    const changed = isAddPath ? new Int32Array(all.length) : all;
    let count = 0;
    for (const id of all) {
      this.#flags[id] = this.#flags[id]! & ~dirtyFlag;
      if (!this.#isAdvertised(id)) changed[count++] = id;
      else if (!isAddPath) this.freeIfUnused(id);
    }
    const ids = changed.subarray(0, count);
    return isAddPath
      ? { changed: ids, addPath: addPathOut.stage(all), all }
      : { changed: ids, addPath: noChanges, all: ids };
  }

  /** What `takeDirty` gave out has been advertised. */
  commit({ changed, addPath, all }: DirtyKeys): void {
    const { bestPayload } = this;
    for (const id of changed) {
      this.#setAdvertised(id, this.best[id]!, bestPayload === undefined ? -1 : bestPayload[id]!);
    }
    if (addPath.length > 0) this.addPathOut.commit(addPath, (id) => this.markCounts.has(id));
    for (let at = 0; at < all.length; at += fetchCountMax) {
      const ids = all.subarray(at, at + fetchCountMax);
      this.prefixes?.fetchUnused(ids, this.advertised);
      for (const id of ids) if (this.advertised[id]! < 0) this.freeIfUnused(id);
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

  /** What the decision process chooses from. */
  candidatesOf(id: number): RowCandidate[] {
    const candidates: RowCandidate[] = [];
    for (let path = this.head[id]!; path >= 0; path = this.paths.next[path]!) {
      candidates.push(this.candidateOf(id, path));
    }
    return candidates;
  }

  /** One of them, with its path. */
  candidateOf(id: number, path: number): RowCandidate {
    const { paths, rows } = this;
    const candidate = rows.candidateOf(paths.row[path]!, path, paths.pathIdOf(path));
    return this.#isEvpn ? evpnCandidate(candidate, this, this.#comparesMobility(id)) : candidate;
  }

  freeIfUnused(id: number): void {
    if (this.head[id]! >= 0 || this.advertised[id]! >= 0 || this.#flags[id] !== 0) return;
    if (this.markCounts.has(id) || this.feeds?.holds(id) === true) return;
    if (this.addPathOut.active) {
      this.addPathOut.purge(id);
      if (this.addPathOut.has(id)) return;
    }
    this.routeKeys.remove(id);
  }

  #comparesMobility(id: number): boolean {
    return this.#isEvpn && this.routeKeys.routeTypeOf(id) === macIpRouteType;
  }

  #isAdvertised(id: number): boolean {
    const row = this.best[id]!;
    if (row !== this.advertised[id]) return false;
    return row < 0 || this.bestPayload?.[id] === this.advertisedPayload?.[id];
  }

  #replacePayload(path: number, payload: number): void {
    const old = this.paths.payloadOf(path);
    this.paths.payload![path] = payload;
    if (payload >= 0) this.payloads!.retain(payload);
    if (old >= 0) this.payloads!.release(old);
  }

  /**
   * Where the new row says the same as the old one (a session came back), it takes its place also
   * in what is best and advertised, so that nobody is told.
   */
  #replaceRow(id: number, path: number, old: number, row: number, samePayload: boolean): void {
    const { rows } = this;
    // First what comes, so that nothing seems to be gone in between.
    this.onPath?.(id, row, 1);
    if (rows.flags[old]! & rowDead) {
      const peer = rows.peer[row]!;
      this.#held[peer] = this.heldCount(peer) + 1;
    } else {
      this.onPath?.(id, old, -1);
    }
    this.paths.row[path] = row;
    rows.pathCount[row] = rows.pathCount[row]! + 1;
    if (samePayload && rows.equivalent(old, row)) {
      if (this.best[id] === old) this.best[id] = row;
      if (this.advertised[id] === old) {
        this.#setAdvertised(id, row, this.advertisedPayload?.[id] ?? -1);
      }
      if (this.addPathOut.active) this.addPathOut.replaceRow(id, path, old, row);
    }
    // Last, so that the old row is there to be compared with, and is freed once.
    rows.pathCount[old] = rows.pathCount[old]! - 1;
    rows.freeIfUnused(old);
  }

  #setAdvertised(id: number, row: number, payload: number): void {
    const { advertisedPayload, payloads, rows } = this;
    const old = this.advertised[id]!;
    if (payloads !== undefined && advertisedPayload !== undefined) {
      const kept = row < 0 ? -1 : payload;
      const oldPayload = advertisedPayload[id]!;
      advertisedPayload[id] = kept;
      if (kept >= 0) payloads.retain(kept);
      if (oldPayload >= 0) payloads.release(oldPayload);
    }
    if (old === row) return;
    this.advertised[id] = row;
    this.advertisedByTargetSet?.move(id, row < 0 ? -1 : rows.targetSet[row]!);
    if (row >= 0) rows.retainAdvertised(row);
    if (old >= 0) rows.releaseAdvertised(old);
  }

  #unlink(id: number, path: number): void {
    const { paths, rows } = this;
    const row = paths.row[path]!;
    const peer = rows.peer[row]!;
    const payload = paths.payloadOf(path);
    const pathId = paths.pathIdOf(path);
    this.head[id] = paths.unlink(this.head[id]!, path);
    if (payload >= 0) this.payloads!.release(payload);
    if ((rows.flags[row]! & rowDead) === 0) {
      this.#held[peer] = this.heldCount(peer) - 1;
      this.onPath?.(id, row, -1);
    }
    rows.pathCount[row] = rows.pathCount[row]! - 1;
    rows.freeIfUnused(row);
    this.feeds?.pathChanged(id, peer, pathId, true);
  }

  #sweepKey(id: number, reimport: Reimport): void {
    const { paths, rows } = this;
    let touched = false;
    for (let path = this.head[id]!; path >= 0; ) {
      const next = paths.next[path]!;
      const row = paths.row[path]!;
      const replacement = rows.flags[row]! & rowDead ? -1 : reimport(row, id);
      if (replacement < 0) this.#unlink(id, path);
      else if (replacement !== row) {
        this.#replaceRow(id, path, row, replacement, true);
        this.feeds?.pathChanged(id, rows.peer[replacement]!, paths.pathIdOf(path), false);
      }
      touched ||= replacement !== row;
      path = next;
    }
    if (!touched) return;
    this.#decide(id);
    this.freeIfUnused(id);
  }

  #decide(id: number): void {
    const { score } = this.rows;
    const { row: rowOf, next } = this.paths;
    const comparesMore = this.#isEvpn || this.rows.aigp.size > 0;
    let best = -1;
    let bestPath = -1;
    let bestScore = ineligibleScore;
    let tied = false;
    for (let path = this.head[id]!; path >= 0; path = next[path]!) {
      const row = rowOf[path]!;
      const s = score[row]!;
      if (s < bestScore) {
        tied = comparesMore && best >= 0;
        best = row;
        bestPath = path;
        bestScore = s;
      } else if (best >= 0 && (s === bestScore || (comparesMore && s < ineligibleScore))) {
        tied = true;
      }
    }
    if (tied) {
      bestPath = this.#decideTied(id);
      best = rowOf[bestPath]!;
    } else if (this.#shares.size > 0 && this.#shares.delete(id)) this.#markChanged(id);
    this.#setBest(id, best, bestPath);
  }

  #setBest(id: number, best: number, bestPath: number): void {
    const { bestPayload } = this;
    const payload = best < 0 || bestPayload === undefined ? -1 : this.paths.payloadOf(bestPath);
    const isSame = best === this.best[id] && (bestPayload?.[id] ?? -1) === payload;
    if (isSame && !this.addPathOut.active) return;
    this.#markDirty(id);
    if (isSame) return;
    this.best[id] = best;
    if (bestPayload !== undefined) bestPayload[id] = payload;
    this.feeds?.bestChanged(id, best < 0);
    this.#markChanged(id);
  }

  /** Several paths have the lowest score: the rest of the decision process, and multipath. */
  #decideTied(id: number): number {
    if (!this.#isMultipath) {
      const best = this.#ties.select(this.head[id]!, this.#comparesMobility(id));
      return best >= 0 ? best : selectBest(this.candidatesOf(id))!.path;
    }
    const equals = selectMultipath(this.candidatesOf(id), this.#config.multipath);
    const shares = equals.map((c) => c.row);
    const known = this.#shares.get(id);
    if (shares.length > 1) {
      this.#shares.set(id, shares);
      const same = known?.length === shares.length && known.every((row, i) => row === shares[i]);
      if (!same) this.#markChanged(id);
    } else if (known !== undefined) {
      this.#shares.delete(id);
      this.#markChanged(id);
    }
    return equals[0]!.path;
  }

  #markDirty(id: number): void {
    if (this.#flags[id]! & dirtyFlag) return;
    this.#flags[id] = this.#flags[id]! | dirtyFlag;
    this.#dirty.push(id);
  }

  #markChanged(id: number): void {
    if (!this.#isWatched || this.#flags[id]! & changedFlag) return;
    this.#flags[id] = this.#flags[id]! | changedFlag;
    this.#changed.push(id);
  }

  /** The first use of an id; they come one after the other. */
  #admit(id: number): void {
    if (id >= this.#growth.at) this.#growth.step();
    this.head[id] = -1;
    this.best[id] = -1;
    this.advertised[id] = -1;
    if (this.bestPayload !== undefined) this.bestPayload[id] = -1;
    if (this.advertisedPayload !== undefined) this.advertisedPayload[id] = -1;
    this.#admitted = id + 1;
  }

  #columns(): GrowingColumn[] {
    const flags: GrowingColumn = {
      capacity: () => this.#flags.length,
      grow: (capacity) => {
        this.#flags = growUint8(this.#flags, capacity);
      },
    };
    const names = ["head", "best", "advertised"] as const;
    const columns = [...names.map((name) => int32Column(this, name)), flags];
    if (this.payloads !== undefined) {
      columns.push(int32Column(this, "bestPayload"), int32Column(this, "advertisedPayload"));
    }
    return columns;
  }
}

const capacityMin = 256;
const noChanges: readonly AddPathChange[] = [];

/** RFC 7432 7.2. */
const macIpRouteType = 2;
