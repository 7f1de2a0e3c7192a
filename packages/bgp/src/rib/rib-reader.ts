/** The questions that a RIB answers, for people and for the API; nothing here changes anything. */
import type { Ip, Prefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { familyOfPrefix } from "./adj-rib-in.ts";
import type { DiscardCounts } from "./discards.ts";
import { type Explanation, explain } from "./explain.ts";
import type { Families } from "./families.ts";
import {
  adjRibInPage,
  adjRibOutPage,
  type ComparedPath,
  comparedPaths,
  type PageOptions,
  pathPage,
  type RoutePage,
} from "./pages.ts";
import type { PeerIndex, RibPeerCounts } from "./peer.ts";
import type { PeerFamily } from "./peer-state.ts";
import type { PeerTable } from "./peer-table.ts";
import {
  type AdjRibRoute,
  adjRibIn,
  adjRibOut,
  advertisedCount,
  idOfPrefix,
  keyedRoutes,
  longestMatch,
  lookup,
  lookupKey,
  type RibKeyedPath,
  type RibPath,
  type RouteFilter,
  receivedCounts,
  routes,
} from "./queries.ts";
import { type FeedOptions, type RouteFeed, RouteFeeds } from "./route-feed.ts";
import { type RouteStates, routeStates } from "./route-states.ts";

/** Families whose routes are named by a key that their codec makes. */
export type KeyedFamily = Exclude<AddressFamily, "ipv4-unicast" | "ipv6-unicast">;

export class RibReader {
  readonly #peers: PeerTable;
  readonly #families: Families;
  readonly #feeds: Map<AddressFamily, RouteFeeds> = new Map();

  protected constructor(peers: PeerTable, families: Families) {
    this.#peers = peers;
    this.#families = families;
  }

  lookup(prefix: Prefix): RibPath[] {
    return lookup(this.#families.get(familyOfPrefix(prefix)).table, prefix);
  }

  /** The paths of one route of a family other than plain unicast. */
  lookupRoute(family: KeyedFamily, key: Uint8Array): RibKeyedPath[] {
    return lookupKey(this.#families.get(family).table, key);
  }

  /** The paths of the longest prefix with a best path that contains `address`. */
  longestMatch(address: Ip): RibPath[] {
    const family = typeof address === "number" ? "ipv4-unicast" : "ipv6-unicast";
    return longestMatch(this.#families.get(family).table, address);
  }

  /** Plain unicast. Lazy: the RIB must not change while it is being iterated. */
  *routes(filter: RouteFilter = {}): Generator<RibPath> {
    for (const [family, { table }] of this.#families) {
      if (filter.family === undefined || filter.family === family) yield* routes(table, filter);
    }
  }

  /** All other families; as `routes`. */
  *keyedRoutes(filter: RouteFilter = {}): Generator<RibKeyedPath> {
    for (const [family, { table }] of this.#families) {
      if (filter.family === undefined || filter.family === family) {
        yield* keyedRoutes(table, filter);
      }
    }
  }

  /** What the peer has sent, before import policy; as `routes`. */
  adjRibIn(peer: PeerIndex, family: AddressFamily): Generator<AdjRibRoute> {
    return adjRibIn(this.#families.get(family).table, peer);
  }

  /** What the peer holds once it is in sync, as it was sent; as `routes`. */
  *adjRibOut(peer: PeerIndex, family: AddressFamily): Generator<AdjRibRoute> {
    const held = this.#familyOf(peer, family);
    const { targetSets } = this.#families;
    if (held !== undefined) {
      yield* adjRibOut(this.#families.get(family).table, held.group, peer, targetSets);
    }
  }

  // The same in pieces, between which the RIB may change.

  /** Every path of the family that the filter wants. */
  pathPage(
    family: AddressFamily,
    filter: Omit<RouteFilter, "family"> = {},
    options: PageOptions = {},
  ): RoutePage<ComparedPath> {
    return pathPage(this.#families.get(family).table, filter, options);
  }

  /** The paths of exactly this prefix, best first; empty when there is none. */
  comparedPaths(prefix: Prefix): ComparedPath[] {
    const { table } = this.#families.get(familyOfPrefix(prefix));
    const id = idOfPrefix(table, prefix);
    return id < 0 ? [] : comparedPaths(table, id);
  }

  /** As `comparedPaths`, of a route of a family other than plain unicast. */
  comparedRoutes(family: KeyedFamily, key: Uint8Array): ComparedPath[] {
    const { table } = this.#families.get(family);
    const id = table.opaqueKeys?.find(key, key.length) ?? -1;
    return id < 0 ? [] : comparedPaths(table, id);
  }

  adjRibInPage(
    peer: PeerIndex,
    family: AddressFamily,
    options: PageOptions = {},
  ): RoutePage<AdjRibRoute> {
    return adjRibInPage(this.#families.get(family).table, peer, options);
  }

  adjRibOutPage(
    peer: PeerIndex,
    family: AddressFamily,
    options: PageOptions = {},
  ): RoutePage<AdjRibRoute> {
    const held = this.#familyOf(peer, family);
    if (held === undefined) return { routes: [], next: undefined };
    const { targetSets } = this.#families;
    const { table } = this.#families.get(family);
    return adjRibOutPage(table, held.group, peer, targetSets, options);
  }

  /**
   * Why a route is what it is: each path and the rule by which it lost, what import policy made of
   * it, and for every peer with a session what is sent or why nothing is. Undefined when there is
   * no such route.
   */
  explain(
    route: Prefix | { readonly family: KeyedFamily; readonly key: Uint8Array },
  ): Explanation | undefined {
    const family = "key" in route ? route.family : familyOfPrefix(route);
    const peers = [...this.#peers.all()].filter((state) => state.session !== undefined);
    return explain(this.#families.get(family).table, route, peers, this.#families.targetSets);
  }

  /** What happens in the table of the family, until the feed is disposed of. */
  openFeed(family: AddressFamily, options: FeedOptions = {}): RouteFeed {
    const feeds = this.#feeds.get(family) ?? new RouteFeeds(this.#families.get(family).table);
    this.#feeds.set(family, feeds);
    return feeds.open(options);
  }

  /** The peer of the current session has been sent the whole table once, and its End-of-RIB. */
  isInitialTableSent(peer: PeerIndex, family: AddressFamily): boolean {
    return this.#familyOf(peer, family)?.endOfRibDue === false;
  }

  /** What became of the peer's routes. */
  routeStates(peer: PeerIndex, family: AddressFamily): RouteStates {
    return routeStates(this.#families.get(family).table, peer);
  }

  /** Keys with a best path; costs a pass over them. */
  locRibCount(family: AddressFamily): number {
    const { best, routeKeys } = this.#families.get(family).table;
    let count = 0;
    for (let id = 0; id < routeKeys.top; id += 1)
      if (routeKeys.has(id) && best[id]! >= 0) count += 1;
    return count;
  }

  counts(peer: PeerIndex, family: AddressFamily): RibPeerCounts {
    const { table } = this.#families.get(family);
    const held = this.#familyOf(peer, family);
    const { targetSets } = this.#families;
    return {
      ...receivedCounts(table, peer),
      advertised: held === undefined ? 0 : advertisedCount(table, held.group, peer, targetSets),
    };
  }

  /** What of the peer's routes was thrown away, over all its sessions. */
  discardCounts(peer: PeerIndex): DiscardCounts {
    return { ...this.#peers.get(peer).discards };
  }

  /** Prefixes in the table, also those whose paths are all ineligible. */
  prefixCount(family: AddressFamily): number {
    return this.#families.get(family).table.routeKeys.count;
  }

  /** Distinct attribute blocks in use. */
  attributeCount(family: AddressFamily): number {
    return this.#families.get(family).table.blocks.count;
  }

  /** Distinct payloads in use. */
  payloadCount(family: AddressFamily): number {
    return this.#families.get(family).table.payloads?.count ?? 0;
  }

  /** Distinct sets of route targets in use. */
  get targetSetCount(): number {
    return this.#families.targetSets.count;
  }

  /** Of the current session. */
  #familyOf(peer: PeerIndex, family: AddressFamily): PeerFamily | undefined {
    const state = this.#peers.get(peer);
    return state.session === undefined ? undefined : state.families.get(family);
  }
}
