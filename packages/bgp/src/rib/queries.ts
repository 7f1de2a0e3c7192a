/**
 * Questions about the RIB, for people and for the API. Nothing here is on the path of an update.
 */
import { containsPrefix, type Ip, type Prefix, prefixOf, widthOf } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { prefixFromWords4, prefixFromWords6 } from "../packet/nlri.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { familyOfPrefix, ineligibilityOf, wordsOf } from "./adj-rib-in.ts";
import type { ExportGroup } from "./export.ts";
import type { FamilyTable } from "./family-table.ts";
import type { Ineligible } from "./import.ts";
import { localPeer, type PeerIndex, type RibPeerCounts } from "./peer.ts";
import { rowDead, rowStale } from "./rows.ts";

/** One path of a prefix. */
export interface RibPath {
  readonly prefix: Prefix;
  /** Undefined for locally originated routes. */
  readonly peer: PeerIndex | undefined;
  /** After import policy. */
  readonly attributes: PathAttributes;
  readonly best: boolean;
  /** Takes part in forwarding next to or as the best path. */
  readonly multipath: boolean;
  /** Kept from a session that ended (RFC 4724). */
  readonly stale: boolean;
  /** Why the path takes no part in the decision process; undefined when it does. */
  readonly ineligible: Ineligible | undefined;
}

export interface RouteFilter {
  readonly family?: AddressFamily;
  readonly peer?: PeerIndex;
  readonly bestOnly?: boolean;
  /** Only prefixes inside this one. */
  readonly within?: Prefix;
}

export function prefixOfId(table: FamilyTable, id: number): Prefix {
  const { prefixes } = table;
  const length = prefixes.lengthOf(id);
  if (prefixes.wordCount === 1) return prefixFromWords4(prefixes.wordOf(id, 0), length);
  const word = (index: number): number => prefixes.wordOf(id, index);
  return prefixFromWords6(word(0), word(1), word(2), word(3), length);
}

/** The paths of one prefix, the best first, then those that share its load. */
export function pathsOf(table: FamilyTable, id: number): RibPath[] {
  const prefix = prefixOfId(table, id);
  const shares = table.sharesOf(id);
  const paths: RibPath[] = [];
  for (const { row } of table.candidatesOf(id)) {
    if (table.rows.flags[row]! & rowDead) continue;
    const peer = table.rows.peer[row]!;
    paths.push({
      prefix,
      peer: peer === localPeer ? undefined : peer,
      attributes: table.rows.outcomeOf(row).attributes,
      best: table.best[id] === row,
      multipath: shares.includes(row),
      stale: (table.rows.flags[row]! & rowStale) !== 0,
      ineligible: ineligibilityOf(table, row),
    });
  }
  const rank = (path: RibPath): number => (path.best ? 0 : path.multipath ? 1 : 2);
  return paths.sort((a, b) => rank(a) - rank(b) || (a.peer ?? 0) - (b.peer ?? 0));
}

export function lookup(table: FamilyTable, prefix: Prefix): RibPath[] {
  const [w0, w1, w2, w3] = wordsOf(prefix);
  const id = table.prefixes.find(w0, w1, w2, w3, prefix.length);
  return id < 0 ? [] : pathsOf(table, id);
}

/** One hash lookup per length, longest first. */
export function longestMatch(table: FamilyTable, address: Ip): RibPath[] {
  for (
    let length: number = widthOf(typeof address === "number" ? 4 : 6);
    length >= 0;
    length -= 1
  ) {
    const [w0, w1, w2, w3] = wordsOf(prefixOf(address, length));
    const id = table.prefixes.find(w0, w1, w2, w3, length);
    if (id >= 0 && table.best[id]! >= 0) return pathsOf(table, id);
  }
  return [];
}

export function* routes(table: FamilyTable, filter: RouteFilter): Generator<RibPath> {
  const { within } = filter;
  if (within !== undefined && familyOfPrefix(within) !== table.family) return;
  for (let id = 0; id < table.prefixes.top; id += 1) {
    if (!table.prefixes.has(id) || table.head[id]! < 0) continue;
    if (within !== undefined && !containsPrefix(within, prefixOfId(table, id))) continue;
    for (const path of pathsOf(table, id)) {
      if (filter.peer !== undefined && path.peer !== filter.peer) continue;
      if (filter.bestOnly !== true || path.best) yield path;
    }
  }
}

/** Costs one pass over the rows, not over the routes. */
export function receivedCounts(
  table: FamilyTable,
  peer: PeerIndex,
): Omit<RibPeerCounts, "advertised"> {
  const { rows } = table;
  const counts = { received: 0, accepted: 0, stale: 0 };
  for (let row = 0; row < rows.top; row += 1) {
    if (!rows.has(row) || rows.peer[row] !== peer || rows.flags[row]! & rowDead) continue;
    const count = rows.pathCount[row]!;
    counts.received += count;
    if (ineligibilityOf(table, row) === undefined) counts.accepted += count;
    if (rows.flags[row]! & rowStale) counts.stale += count;
  }
  return counts;
}

/** As `receivedCounts`, unless export policy looks at prefixes: then a pass over the table. */
export function advertisedCount(table: FamilyTable, group: ExportGroup, peer: PeerIndex): number {
  const { rows } = table;
  let count = 0;
  for (let row = 0; row < rows.top; row += 1) {
    if (!rows.has(row) || rows.peer[row] === peer || rows.advertisedCount[row] === 0) continue;
    const { prefixSets, outcomes } = group.residueOf(row);
    if (prefixSets.length > 0) return advertisedCountByPrefix(table, group, peer);
    if (outcomes[0] !== undefined) count += rows.advertisedCount[row]!;
  }
  return count;
}

function advertisedCountByPrefix(table: FamilyTable, group: ExportGroup, peer: PeerIndex): number {
  let count = 0;
  for (let id = 0; id < table.prefixes.top; id += 1) {
    const row = table.prefixes.has(id) ? table.advertised[id]! : -1;
    if (row < 0 || table.rows.peer[row] === peer) continue;
    if (group.entryOf(row, id) !== undefined) count += 1;
  }
  return count;
}
