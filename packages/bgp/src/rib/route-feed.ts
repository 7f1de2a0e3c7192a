/**
 * What happens in one table, for those who follow it, such as monitoring stations (RFC 7854): as
 * many feeds as are opened, each at its own pace. A feed tells what there is of the sources that it
 * watches, and then every change, as routes with what is true of them when they are taken; states
 * in between may be left out.
 *
 * However slow its owner is, a feed notes at most `pendingCountMax` changes. When there are more,
 * it forgets those that a walk over the table finds again, and walks. Only too many withdrawals
 * make it lose something: then it says so, and its owner begins anew.
 *
 * With no feed open, a change costs the table one comparison.
 */
import { must } from "@heddle/std";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { ineligibilityOf } from "./adj-rib-in.ts";
import type { TableFeeds } from "./changes.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";
import { rowDead } from "./rows.ts";

/** Whose routes: the Adj-RIB-In of a peer, or the best path of every key. */
export type FeedSource = PeerIndex | "loc-rib";

/**
 * A prefix in words of 32 bits, the first one the most significant; of IPv4 the others are 0.
 * Values would have to be interned, which costs more than all the rest.
 */
export interface PrefixWords {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  readonly length: number;
}

/** A route as it is now. */
export type FeedRoute = {
  readonly source: FeedSource;
  readonly family: AddressFamily;
  /** As the peer sent it (RFC 7911); 0 without, and in the Loc-RIB. */
  readonly pathId: number;
  /** Before import policy; undefined when it is gone, and in the Loc-RIB. */
  readonly received: PathAttributes | undefined;
  /** After import policy; undefined when it is gone, or takes no part in the decision process. */
  readonly accepted: PathAttributes | undefined;
} & ({ readonly words: PrefixWords } | { readonly key: Uint8Array; readonly payload: Uint8Array });

export interface FeedPiece {
  /** Routes that came, changed or went since they were told last. */
  readonly changed: readonly FeedRoute[];
  /** Routes that a walk over the table found. */
  readonly found: readonly FeedRoute[];
  /** Sources of which every route that there was at `watch` has been told now. */
  readonly complete: readonly FeedSource[];
  /** Withdrawals are missing: nothing is watched any more. */
  readonly lost: boolean;
}

export interface FeedOptions {
  /** There is something to take, since the last `take` left nothing; must not call the RIB. */
  readonly wake?: () => void;
  /** Changes noted at a time; default 65536. */
  readonly pendingCountMax?: number;
}

/** One source; `lap` is its part of the walk that is under way, if any. */
interface Watch {
  readonly source: FeedSource;
  lap: { start: number; hasWrapped: boolean } | undefined;
  /** It has walked the table once, and that has been told. */
  isComplete: boolean;
  /** Something was told before this lap, so that withdrawals ahead of the walk matter. */
  isRepeated: boolean;
}

/** A path that changed; those of a key are a list. */
interface Pending {
  readonly source: FeedSource;
  readonly pathId: number;
  readonly next: Pending | undefined;
}

const pendingCountDefault = 65_536;
/** Keys that one `take` walks over: a few milliseconds. */
const keyCountMax = 32_768;
/** Keys walked over before it is looked whose lap is over. */
const chunkLength = 256;
const noBytes = new Uint8Array(0);

export class RouteFeed implements Disposable {
  readonly #table: FamilyTable;
  readonly #wake: () => void;
  readonly #pendingCountMax: number;
  readonly #close: (feed: RouteFeed) => void;
  readonly #watches: Map<FeedSource, Watch> = new Map();
  readonly #walking: Set<Watch> = new Set();
  /** The next id of the walk. */
  #at = 0;
  /** By id. */
  #pending: Map<number, Pending> = new Map();
  #pendingCount = 0;
  #isLost = false;
  #isAsleep = true;

  constructor(table: FamilyTable, options: FeedOptions, close: (feed: RouteFeed) => void) {
    this.#table = table;
    this.#wake = options.wake ?? (() => undefined);
    this.#pendingCountMax = options.pendingCountMax ?? pendingCountDefault;
    this.#close = close;
  }

  /** From now on the source's routes are told: those that there are, and every change. */
  watch(source: FeedSource): void {
    if (this.#watches.has(source)) return;
    const watch: Watch = { source, lap: undefined, isComplete: false, isRepeated: false };
    this.#watches.set(source, watch);
    this.#startLap(watch);
    this.wake();
  }

  unwatch(source: FeedSource): void {
    const watch = this.#watches.get(source);
    if (watch === undefined) return;
    this.#watches.delete(source);
    this.#walking.delete(watch);
    if (this.#pendingCount > 0) this.#release((pending) => pending.source === source);
  }

  /** There is something to take. A Loc-RIB tells nothing while selection is put off. */
  get isPending(): boolean {
    if (this.#isHeld) return false;
    return this.#isLost || this.#pendingCount > 0 || this.#walking.size > 0;
  }

  /** About `limit` routes. */
  take(limit = 1000): FeedPiece {
    const changed: FeedRoute[] = [];
    const found: FeedRoute[] = [];
    const complete: FeedSource[] = [];
    const lost = this.#isLost;
    if (lost) this.#reset();
    else if (!this.#isHeld) {
      this.#takePending(this.#walking.size > 0 ? Math.ceil(limit / 2) : limit, changed);
      this.#walk(limit - changed.length, found, complete);
    }
    this.#isAsleep = !this.isPending;
    return { changed, found, complete, lost };
  }

  [Symbol.dispose](): void {
    this.#close(this);
    this.#reset();
  }

  // What the table calls.

  /** A path of the source came, changed or, `isGone`, went. */
  note(id: number, source: FeedSource, pathId: number, isGone: boolean): void {
    const watch = this.#watches.get(source);
    if (watch === undefined || this.#isLost) return;
    const isToldOnlyByWalk = !isGone || !watch.isRepeated;
    if (isToldOnlyByWalk && this.#isAhead(id, watch)) return;
    const known = this.#pending.get(id);
    for (let at = known; at !== undefined; at = at.next) {
      if (at.source === source && at.pathId === pathId) return;
    }
    this.#pending.set(id, { source, pathId, next: known });
    this.#pendingCount += 1;
    if (this.#pendingCount > this.#pendingCountMax) this.#shed();
    this.wake();
  }

  /** The key is needed until it is taken. */
  holds(id: number): boolean {
    return this.#pending.has(id);
  }

  /** There may be something to take. */
  wake(): void {
    if (!this.#isAsleep || !this.isPending) return;
    this.#isAsleep = false;
    this.#wake();
  }

  get #isHeld(): boolean {
    return this.#table.held && this.#watches.has("loc-rib");
  }

  #startLap(watch: Watch): void {
    if (this.#walking.size === 0) this.#at = 0;
    watch.lap = { start: this.#at, hasWrapped: false };
    this.#walking.add(watch);
  }

  /** The walk has yet to come to the key. */
  #isAhead(id: number, { lap }: Watch): boolean {
    if (lap === undefined) return false;
    return lap.hasWrapped ? id >= this.#at && id < lap.start : id >= this.#at || id < lap.start;
  }

  /**
   * Too much is pending: what is still there is left to another walk. It is called in the middle of
   * a change, so no key may be freed here; those that are left out have a route.
   */
  #shed(): void {
    const before = this.#pending;
    const repeated = new Set<Watch>();
    this.#pending = new Map();
    this.#pendingCount = 0;
    for (const [id, first] of before) {
      for (let at: Pending | undefined = first; at !== undefined; at = at.next) {
        if (this.#has(id, at)) repeated.add(this.#watchOf(at));
        else this.#keep(id, at);
      }
    }
    for (const watch of repeated) {
      watch.isRepeated = true;
      this.#startLap(watch);
    }
    if (this.#pendingCount > this.#pendingCountMax / 2) this.#isLost = true;
  }

  #watchOf({ source }: Pending): Watch {
    return must(this.#watches.get(source), "what is pending is watched");
  }

  #keep(id: number, { source, pathId }: Pending): void {
    this.#pending.set(id, { source, pathId, next: this.#pending.get(id) });
    this.#pendingCount += 1;
  }

  #reset(): void {
    this.#watches.clear();
    this.#walking.clear();
    this.#isLost = false;
    this.#release(() => true);
  }

  /** Those that `isDue` says are not pending any more; keys that were there for them are freed. */
  #release(isDue: (pending: Pending) => boolean): void {
    const before = this.#pending;
    this.#pending = new Map();
    this.#pendingCount = 0;
    for (const [id, first] of before) {
      for (let at: Pending | undefined = first; at !== undefined; at = at.next) {
        if (!isDue(at)) this.#keep(id, at);
      }
      if (!this.#pending.has(id)) this.#table.freeIfUnused(id);
    }
  }

  #takePending(limit: number, routes: FeedRoute[]): void {
    for (const [id, first] of this.#pending) {
      if (routes.length >= limit) break;
      this.#pending.delete(id);
      for (let at: Pending | undefined = first; at !== undefined; at = at.next) {
        this.#pendingCount -= 1;
        routes.push(this.#routeAt(id, at));
      }
      this.#table.freeIfUnused(id);
    }
  }

  #walk(limit: number, routes: FeedRoute[], complete: FeedSource[]): void {
    const { routeKeys } = this.#table;
    for (let left = keyCountMax; left > 0 && this.#walking.size > 0 && routes.length < limit; ) {
      if (this.#at >= routeKeys.top) this.#wrap();
      this.#endLaps(complete);
      const from = this.#at;
      const end = this.#chunkEnd(from + Math.min(left, chunkLength));
      for (; this.#at < end && routes.length < limit; this.#at += 1) {
        if (routeKeys.has(this.#at)) this.#visit(this.#at, routes);
      }
      left -= this.#at - from;
    }
    this.#endLaps(complete);
  }

  #wrap(): void {
    this.#at = 0;
    for (const { lap } of this.#walking) {
      if (lap === undefined) continue;
      if (lap.hasWrapped) lap.start = 0;
      lap.hasWrapped = true;
    }
  }

  #endLaps(complete: FeedSource[]): void {
    for (const watch of this.#walking) {
      const { lap } = watch;
      if (lap?.hasWrapped !== true || this.#at < lap.start) continue;
      watch.lap = undefined;
      this.#walking.delete(watch);
      if (!watch.isComplete) complete.push(watch.source);
      watch.isComplete = true;
    }
  }

  /** At most `end`, the end of the table, and where the next lap is over. */
  #chunkEnd(end: number): number {
    let next = Math.min(end, this.#table.routeKeys.top);
    for (const { lap } of this.#walking) {
      if (lap?.hasWrapped === true && lap.start < next) next = lap.start;
    }
    return next;
  }

  #visit(id: number, routes: FeedRoute[]): void {
    const { best, head, paths, rows } = this.#table;
    for (let path = head[id]!; path >= 0; path = paths.next[path]!) {
      const row = paths.row[path]!;
      const source = rows.peer[row]!;
      if (this.#watches.get(source)?.lap === undefined || rows.flags[row]! & rowDead) continue;
      routes.push(this.#routeAt(id, { source, pathId: paths.pathIdOf(path) }));
    }
    if (best[id]! < 0 || this.#watches.get("loc-rib")?.lap === undefined) return;
    routes.push(this.#routeAt(id, { source: "loc-rib", pathId: 0 }));
  }

  /** The path of a peer that is not about to be removed with its session; -1 for none. */
  #pathOf(id: number, peer: PeerIndex, pathId: number): number {
    const { head, paths, rows } = this.#table;
    const path = paths.find(head[id]!, rows.peer, peer, pathId);
    return path >= 0 && rows.flags[paths.row[path]!]! & rowDead ? -1 : path;
  }

  #has(id: number, { source, pathId }: Pick<Pending, "source" | "pathId">): boolean {
    return source === "loc-rib"
      ? this.#table.best[id]! >= 0
      : this.#pathOf(id, source, pathId) >= 0;
  }

  #routeAt(id: number, { source, pathId }: Pick<Pending, "source" | "pathId">): FeedRoute {
    const { best, bestPayload, family, paths, prefixes, rows } = this.#table;
    const path = source === "loc-rib" ? -1 : this.#pathOf(id, source, pathId);
    const row = source === "loc-rib" ? best[id]! : path < 0 ? -1 : paths.row[path]!;
    const payload =
      source === "loc-rib" ? (bestPayload?.[id] ?? -1) : path < 0 ? -1 : paths.payloadOf(path);
    const isUsed = row >= 0 && ineligibilityOf(this.#table, row) === undefined;
    const route = {
      ...{ source, family, pathId },
      received: path < 0 ? undefined : rows.blockOf(row).attributes,
      accepted: isUsed ? rows.outcomeOf(row).attributes : undefined,
    };
    return prefixes === undefined
      ? { ...route, ...this.#nameOf(id, payload) }
      : { ...route, words: this.#wordsOf(id) };
  }

  #wordsOf(id: number): PrefixWords {
    const { routeKeys } = this.#table;
    const word = (index: number): number => routeKeys.wordOf(id, index);
    const isLong = routeKeys.prefixFamilyOf(id) === 6;
    return {
      w0: word(0),
      ...(isLong ? { w1: word(1), w2: word(2), w3: word(3) } : { w1: 0, w2: 0, w3: 0 }),
      length: routeKeys.lengthOf(id),
    };
  }

  #nameOf(id: number, payload: number): { key: Uint8Array; payload: Uint8Array } {
    const { opaqueKeys, payloads } = this.#table;
    const keys = must(opaqueKeys, "a family without prefixes has keys");
    return {
      key: keys.bytesOf(id).slice(),
      payload: payload < 0 ? noBytes : (payloads?.bytesOf(payload).slice() ?? noBytes),
    };
  }
}

/** The feeds of one table. */
export class RouteFeeds implements TableFeeds {
  readonly #table: FamilyTable;
  readonly #all: Set<RouteFeed> = new Set();

  constructor(table: FamilyTable) {
    this.#table = table;
  }

  open(options: FeedOptions): RouteFeed {
    const feed = new RouteFeed(this.#table, options, (closed) => {
      this.#all.delete(closed);
      if (this.#all.size === 0) this.#table.feeds = undefined;
    });
    this.#all.add(feed);
    this.#table.feeds = this;
    return feed;
  }

  pathChanged(id: number, peer: PeerIndex, pathId: number, isGone: boolean): void {
    for (const feed of this.#all) feed.note(id, peer, pathId, isGone);
  }

  bestChanged(id: number, isGone: boolean): void {
    for (const feed of this.#all) feed.note(id, "loc-rib", 0, isGone);
  }

  holds(id: number): boolean {
    for (const feed of this.#all) if (feed.holds(id)) return true;
    return false;
  }

  released(): void {
    for (const feed of this.#all) feed.wake();
  }
}
