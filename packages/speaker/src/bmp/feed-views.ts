/**
 * Adj-RIBs-In and Loc-RIB for a station: feeds of the RIB, made into UPDATEs. A piece is made when
 * the station has room for it, so a slow one is told less often, and of each route what is true
 * then.
 */
import {
  type AddressFamily,
  encodeEndOfRib,
  type FeedRoute,
  type FeedSource,
  type PeerIndex,
  type RibReader,
  type RouteFeed,
} from "@heddle/bgp";
import type { BmpView } from "./config.ts";
import { withNextHop } from "./loc-rib-instance.ts";
import type { MonitoredSession, PeerHeader } from "./monitored-session.ts";
import { encodeRoutes } from "./route-updates.ts";

/** Whether `updates` say what is happening, or what has been there for a time nobody knows. */
export type RouteAge = "now" | "unknown";

export interface ViewEvents {
  /** Whole UPDATEs of that peer and table. */
  tell(of: PeerHeader, updates: Uint8Array, age: RouteAge): void;
  /** There is something to tell: `step` is to be called. */
  wake(): void;
  /** Too much happened since the last piece: the station has to begin anew. */
  lost(): void;
}

/** Routes per piece: some milliseconds. */
const pieceCount = 1000;

interface FamilyFeed {
  readonly family: AddressFamily;
  readonly feed: RouteFeed;
}

export class FeedViews implements Disposable {
  readonly #views: readonly BmpView[];
  readonly #locRib: PeerHeader;
  readonly #events: ViewEvents;
  readonly #adjRibsIn: readonly FamilyFeed[];
  /** The Loc-RIB has feeds of its own, which say nothing while selection is put off. */
  readonly #all: readonly FamilyFeed[];
  readonly #monitored: Map<PeerIndex, MonitoredSession> = new Map();
  /** Whose turn it is. */
  #next = 0;

  constructor(
    rib: RibReader,
    families: readonly AddressFamily[],
    views: readonly BmpView[],
    locRib: PeerHeader,
    events: ViewEvents,
  ) {
    this.#views = views;
    this.#locRib = locRib;
    this.#events = events;
    const wake = (): void => events.wake();
    const open = (family: AddressFamily): FamilyFeed => ({
      family,
      feed: rib.openFeed(family, { wake }),
    });
    const isIn = views.includes("pre-policy") || views.includes("post-policy");
    this.#adjRibsIn = isIn ? families.map(open) : [];
    const locRibs = views.includes("loc-rib") ? families.map(open) : [];
    for (const { feed } of locRibs) feed.watch("loc-rib");
    this.#all = [...this.#adjRibsIn, ...locRibs];
  }

  begin(monitored: MonitoredSession): void {
    const { families, index } = monitored;
    this.#monitored.set(index, monitored);
    for (const { family, feed } of this.#adjRibsIn) {
      if (families.includes(family)) feed.watch(index);
    }
  }

  end(monitored: MonitoredSession): void {
    const { index } = monitored;
    // A session that has come meanwhile has the number now.
    if (this.#monitored.get(index) !== monitored) return;
    this.#monitored.delete(index);
    for (const { feed } of this.#adjRibsIn) feed.unwatch(index);
  }

  /** Tells the next piece; false when there is none. */
  step(): boolean {
    const all = this.#all;
    for (let tried = 0; tried < all.length; tried += 1) {
      this.#next = (this.#next + 1) % all.length;
      const due = all[this.#next];
      if (due?.feed.isPending !== true) continue;
      this.#tellPiece(due);
      return true;
    }
    return false;
  }

  [Symbol.dispose](): void {
    for (const { feed } of this.#all) feed[Symbol.dispose]();
  }

  #tellPiece({ family, feed }: FamilyFeed): void {
    const { changed, found, complete, lost } = feed.take(pieceCount);
    if (lost) {
      this.#events.lost();
      return;
    }
    this.#tellRoutes(family, changed, "now");
    this.#tellRoutes(family, found, "unknown");
    for (const source of complete) {
      for (const { header } of this.#tablesOf(source, family)) {
        this.#events.tell(header, encodeEndOfRib(family), "now");
      }
    }
  }

  #tellRoutes(family: AddressFamily, routes: readonly FeedRoute[], age: RouteAge): void {
    for (const [source, group] of Map.groupBy(routes, (route) => route.source)) {
      for (const { header, isReceived, addPath } of this.#tablesOf(source, family)) {
        const attributesOf = ({ received, accepted }: FeedRoute) => {
          const attributes = isReceived ? received : accepted;
          return attributes && withNextHop(this.#locRib, attributes);
        };
        const updates = encodeRoutes(group, attributesOf, addPath);
        this.#events.tell(header, updates, age);
      }
    }
  }

  /** What the station is told of that source. */
  #tablesOf(source: FeedSource, family: AddressFamily): ToldTable[] {
    if (source === "loc-rib") return [{ header: this.#locRib, isReceived: false, addPath: false }];
    const monitored = this.#monitored.get(source);
    if (monitored === undefined) return [];
    const addPath = monitored.addPathReceive.has(family);
    const { header } = monitored;
    const tables: ToldTable[] = [];
    if (this.#views.includes("pre-policy")) tables.push({ header, isReceived: true, addPath });
    if (this.#views.includes("post-policy")) {
      tables.push({ header: { ...header, postPolicy: true }, isReceived: false, addPath });
    }
    return tables;
  }
}

interface ToldTable {
  readonly header: PeerHeader;
  /** As received, before policy. */
  readonly isReceived: boolean;
  readonly addPath: boolean;
}
