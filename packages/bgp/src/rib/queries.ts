/**
 * Questions about the RIB, for people and for the API. Nothing here is on the path of an update.
 */
import {
  containsPrefix,
  type Ip,
  type Ip4,
  type Ip6,
  type Prefix,
  prefixOf,
  widthOf,
} from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { prefixFromWords4, prefixFromWords6 } from "../packet/nlri.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { familyOfPrefix, ineligibilityOf, wordsOf } from "./adj-rib-in.ts";
import { selectBest } from "./decision.ts";
import type { ExportGroup } from "./export-group.ts";
import type { FamilyTable } from "./family-table.ts";
import type { Ineligible } from "./ineligible.ts";
import { localPeer, type PeerIndex, type RibPeerCounts } from "./peer.ts";
import { type RowCandidate, rowDead, rowLongLived, rowStale } from "./rows.ts";
import type { TargetSets } from "./target-sets.ts";

/** One path of a route, of whatever family. */
export interface RibRoute {
  readonly family: AddressFamily;
  /** Identifier under which the peer sent it (RFC 7911); 0 without. */
  readonly pathId: number;
  /** Undefined for locally originated routes. */
  readonly peer: PeerIndex | undefined;
  /** After import policy. */
  readonly attributes: PathAttributes;
  readonly best: boolean;
  /** Takes part in forwarding next to or as the best path. */
  readonly multipath: boolean;
  /** Kept from a session that ended (RFC 4724). */
  readonly stale: boolean;
  /** Kept beyond the restart time (RFC 9494). */
  readonly longLivedStale: boolean;
  /** Why the path takes no part in the decision process; undefined when it does. */
  readonly ineligible: Ineligible | undefined;
}

/** One path of a prefix of a plain unicast family. */
export interface RibPath extends RibRoute {
  readonly prefix: Prefix;
}

/** What names a route of another family, and what of it may differ from path to path; owned. */
export interface RouteName {
  /** As of the family's `NlriCodec`. */
  readonly key: Uint8Array;
  /** Empty for families without. */
  readonly payload: Uint8Array;
  /** Both, the way the codec writes them. */
  readonly text: string;
}

/** One path of a route of any other family. */
export interface RibKeyedPath extends RibRoute, RouteName {}

/** A route as one peer sent it, or is sent it. */
export type AdjRibRoute = {
  readonly family: AddressFamily;
  readonly pathId: number;
  readonly attributes: PathAttributes;
  /** Of a received one: why it takes no part in the decision process; absent when it does. */
  readonly ineligible?: Ineligible;
} & ({ readonly prefix: Prefix } | RouteName);

export interface RouteFilter {
  readonly family?: AddressFamily;
  readonly peer?: PeerIndex;
  readonly bestOnly?: boolean;
  /** Only prefixes inside this one; of keys that hold a prefix, those whose is. */
  readonly within?: Prefix;
}

/** The prefix in the key; undefined where there is none. */
export function prefixOfId(table: FamilyTable, id: number): Prefix | undefined {
  const { routeKeys } = table;
  const family = routeKeys.prefixFamilyOf(id);
  if (family === undefined) return undefined;
  const length = routeKeys.lengthOf(id);
  const word = (index: number): number => routeKeys.wordOf(id, index);
  if (family === 4) return prefixFromWords4(word(0), length);
  return prefixFromWords6(word(0), word(1), word(2), word(3), length);
}

/** The prefix of an id of a plain unicast family. */
export function unicastPrefixOf(table: FamilyTable, id: number): Prefix {
  return prefixOfId(table, id)!;
}

export function nameOf(table: FamilyTable, id: number, payload: number): RouteName {
  const { opaqueKeys, payloads } = table;
  const key = opaqueKeys!.bytesOf(id).slice();
  const bytes = payload < 0 ? new Uint8Array(0) : payloads!.bytesOf(payload).slice();
  const { codec } = opaqueKeys!;
  return { key, payload: bytes, text: codec.format(key, payload < 0 ? undefined : bytes) };
}

/** A path of the table with what is known of it; `path` is its number. */
export interface ListedPath {
  readonly path: number;
  readonly candidate: RowCandidate;
  readonly route: RibRoute;
}

/** The paths of one key, the best first, then those that share its load. */
export function listPaths(table: FamilyTable, id: number): ListedPath[] {
  const { family, paths, rows } = table;
  const shares = table.sharesOf(id);
  const candidates: RowCandidate[] = [];
  for (let path = table.head[id]!; path >= 0; path = paths.next[path]!) {
    candidates.push(table.candidateOf(id, path));
  }
  const best = selectBest(candidates);
  const listed: ListedPath[] = [];
  for (const candidate of candidates) {
    const { path, row } = candidate;
    const flags = rows.flags[row]!;
    if (flags & rowDead) continue;
    const peer = rows.peer[row]!;
    const route: RibRoute = {
      family,
      pathId: paths.pathIdOf(path),
      peer: peer === localPeer ? undefined : peer,
      attributes: rows.outcomeOf(row).attributes,
      best: candidate === best,
      multipath: shares.includes(row),
      stale: (flags & rowStale) !== 0,
      longLivedStale: (flags & rowLongLived) !== 0,
      ineligible: ineligibilityOf(table, row),
    };
    listed.push({ path, candidate, route });
  }
  const rank = ({ route }: ListedPath): number => (route.best ? 0 : route.multipath ? 1 : 2);
  return listed.sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (a.route.peer ?? 0) - (b.route.peer ?? 0) ||
      a.route.pathId - b.route.pathId,
  );
}

function pathsOf(table: FamilyTable, id: number): RibPath[] {
  const prefix = unicastPrefixOf(table, id);
  return listPaths(table, id).map(({ route }) => ({ ...route, prefix }));
}

function keyedPathsOf(table: FamilyTable, id: number): RibKeyedPath[] {
  return listPaths(table, id).map(({ path, route }) => ({
    ...route,
    ...nameOf(table, id, table.paths.payloadOf(path)),
  }));
}

/** -1 when the table does not have it. */
export function idOfPrefix(table: FamilyTable, prefix: Prefix): number {
  const [w0, w1, w2, w3] = wordsOf(prefix);
  return table.prefixes!.find(w0, w1, w2, w3, prefix.length);
}

export function lookup(table: FamilyTable, prefix: Prefix): RibPath[] {
  const id = idOfPrefix(table, prefix);
  return id < 0 ? [] : pathsOf(table, id);
}

export function lookupKey(table: FamilyTable, key: Uint8Array): RibKeyedPath[] {
  const id = table.opaqueKeys!.find(key, key.length);
  return id < 0 ? [] : keyedPathsOf(table, id);
}

/** One hash lookup per length, longest first. */
export function longestMatch(table: FamilyTable, address: Ip): RibPath[] {
  const id = longestMatchId(table, address, widthOf(typeof address === "number" ? 4 : 6));
  return id < 0 ? [] : pathsOf(table, id);
}

/** The id of the longest prefix with a best path that contains the address; -1 for none. */
export function longestMatchId(table: FamilyTable, address: Ip4 | Ip6, lengthMax: number): number {
  for (let length = lengthMax; length >= 0; length -= 1) {
    const id = idOfPrefix(table, prefixOf(address, length));
    if (id >= 0 && table.best[id]! >= 0) return id;
  }
  return -1;
}

export function* routes(table: FamilyTable, filter: RouteFilter): Generator<RibPath> {
  const { within } = filter;
  if (table.prefixes === undefined) return;
  if (within !== undefined && familyOfPrefix(within) !== table.family) return;
  for (const id of idsOf(table, within)) {
    for (const path of pathsOf(table, id)) if (isWanted(path, filter)) yield path;
  }
}

export function* keyedRoutes(table: FamilyTable, filter: RouteFilter): Generator<RibKeyedPath> {
  if (table.opaqueKeys === undefined) return;
  for (const id of idsOf(table, filter.within)) {
    for (const path of keyedPathsOf(table, id)) if (isWanted(path, filter)) yield path;
  }
}

function* idsOf(table: FamilyTable, within: Prefix | undefined): Generator<number> {
  for (let id = 0; id < table.routeKeys.top; id += 1) {
    if (!table.routeKeys.has(id) || table.head[id]! < 0) continue;
    if (within === undefined) yield id;
    else {
      const prefix = prefixOfId(table, id);
      if (prefix?.family === within.family && containsPrefix(within, prefix)) yield id;
    }
  }
}

function isWanted(path: RibRoute, { bestOnly, peer }: RouteFilter): boolean {
  return (peer === undefined || path.peer === peer) && (bestOnly !== true || path.best);
}

/** What the peer has sent, before import policy. */
export function* adjRibIn(table: FamilyTable, peer: PeerIndex): Generator<AdjRibRoute> {
  for (const id of idsOf(table, undefined)) yield* receivedAt(table, id, peer);
}

/** What the peer has sent of one key. */
export function* receivedAt(
  table: FamilyTable,
  id: number,
  peer: PeerIndex,
): Generator<AdjRibRoute> {
  const { paths, rows } = table;
  for (let path = table.head[id]!; path >= 0; path = paths.next[path]!) {
    const row = paths.row[path]!;
    if (rows.peer[row] !== peer || rows.flags[row]! & rowDead) continue;
    const { attributes } = rows.blockOf(row);
    const route = adjRibRoute(table, id, paths.payloadOf(path), paths.pathIdOf(path), attributes);
    const ineligible = ineligibilityOf(table, row);
    yield ineligible === undefined ? route : { ...route, ineligible };
  }
}

/** What the peer holds once it is in sync, as sent. */
export function* adjRibOut(
  table: FamilyTable,
  group: ExportGroup,
  peer: PeerIndex,
  targetSets: TargetSets,
): Generator<AdjRibRoute> {
  for (let id = 0; id < table.routeKeys.top; id += 1) {
    if (table.routeKeys.has(id)) yield* sentAt(table, group, id, peer, targetSets);
  }
}

/** What the peer holds of one key, as sent. */
export function* sentAt(
  table: FamilyTable,
  group: ExportGroup,
  id: number,
  peer: PeerIndex,
  targetSets: TargetSets,
): Generator<AdjRibRoute> {
  for (const { pathId, row, payload } of sentOf(table, group, id)) {
    if (!isExportedTo(table, group, peer, row, id, targetSets)) continue;
    const sent = group.attributesFor(row, id);
    if (typeof sent !== "string") yield adjRibRoute(table, id, payload, pathId, sent);
  }
}

function adjRibRoute(
  table: FamilyTable,
  id: number,
  payload: number,
  pathId: number,
  attributes: PathAttributes,
): AdjRibRoute {
  const { family } = table;
  return table.prefixes === undefined
    ? { family, pathId, attributes, ...nameOf(table, id, payload) }
    : { family, pathId, attributes, prefix: unicastPrefixOf(table, id) };
}

/** What may be advertised of a key to members of a group. */
export function sentOf(
  table: FamilyTable,
  group: ExportGroup,
  id: number,
): { readonly pathId: number; readonly row: number; readonly payload: number }[] {
  const { addPathCount } = group.cls;
  const row = table.advertised[id]!;
  if (addPathCount === 0) {
    const payload = table.advertisedPayload?.[id] ?? -1;
    return row < 0 ? [] : [{ pathId: 0, row, payload }];
  }
  const sent: { pathId: number; row: number; payload: number }[] = [];
  table.addPathOut.forEach(id, (pathId, r, payload, rank) => {
    if (r >= 0 && rank < addPathCount) sent.push({ pathId, row: r, payload });
  });
  return sent;
}

function isExportedTo(
  table: FamilyTable,
  group: ExportGroup,
  peer: PeerIndex,
  row: number,
  id: number,
  targetSets: TargetSets,
): boolean {
  if (group.splitsHorizon && table.rows.peer[row] === peer) return false;
  const entry = group.entryOf(row, id);
  if (entry === undefined || !group.cls.constrained) return entry !== undefined;
  return targetSets.isInterested(peer, entry.targetSet);
}

/** Costs one pass over the rows, not over the routes. */
export function receivedCounts(
  table: FamilyTable,
  peer: PeerIndex,
): Omit<RibPeerCounts, "advertised"> {
  const { rows } = table;
  const counts = { received: 0, accepted: 0, stale: 0 };
  const notUsed = new Map<Ineligible, number>();
  for (let row = 0; row < rows.top; row += 1) {
    if (!rows.has(row) || rows.peer[row] !== peer || rows.flags[row]! & rowDead) continue;
    const count = rows.pathCount[row]!;
    counts.received += count;
    const why = ineligibilityOf(table, row);
    if (why === undefined) counts.accepted += count;
    else if (count > 0) notUsed.set(why, (notUsed.get(why) ?? 0) + count);
    if (rows.flags[row]! & rowStale) counts.stale += count;
  }
  return { ...counts, notUsed };
}

/**
 * As `receivedCounts`, unless export policy looks at keys or somebody is sent several paths per
 * key: then a pass over the table.
 */
export function advertisedCount(
  table: FamilyTable,
  group: ExportGroup,
  peer: PeerIndex,
  targetSets: TargetSets,
): number {
  const { rows } = table;
  if (table.addPathOut.active) return advertisedCountByKey(table, group, peer, targetSets);
  let count = 0;
  for (let row = 0; row < rows.top; row += 1) {
    if (!rows.has(row) || rows.advertisedCount[row] === 0) continue;
    if (group.splitsHorizon && rows.peer[row] === peer) continue;
    if (group.residueOf(row) !== undefined) {
      return advertisedCountByKey(table, group, peer, targetSets);
    }
    // Any key will do.
    if (isExportedTo(table, group, peer, row, 0, targetSets)) count += rows.advertisedCount[row]!;
  }
  return count;
}

function advertisedCountByKey(
  table: FamilyTable,
  group: ExportGroup,
  peer: PeerIndex,
  targetSets: TargetSets,
): number {
  let count = 0;
  for (let id = 0; id < table.routeKeys.top; id += 1) {
    if (!table.routeKeys.has(id)) continue;
    for (const { row } of sentOf(table, group, id)) {
      if (isExportedTo(table, group, peer, row, id, targetSets)) count += 1;
    }
  }
  return count;
}
