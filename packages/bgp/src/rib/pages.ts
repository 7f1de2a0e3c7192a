/**
 * The tables in pieces, for those who read them over many turns of the event loop while routes come
 * and go. A route that is there all the time is on exactly one page; one that comes or goes
 * meanwhile may be missed or shown.
 */
import { containsPrefix } from "@heddle/inet";
import type { DecisionStep } from "./decision.ts";
import { lostByOf } from "./explain.ts";
import type { ExportGroup } from "./export-group.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";
import {
  type AdjRibRoute,
  listPaths,
  nameOf,
  prefixOfId,
  type RibKeyedPath,
  type RibPath,
  type RouteFilter,
  receivedAt,
  sentAt,
  unicastPrefixOf,
} from "./queries.ts";
import type { TargetSets } from "./target-sets.ts";

/** Where a piece begins: 0, or `next` of the piece before it. */
export type PageCursor = number;

export interface PageOptions {
  readonly cursor?: PageCursor;
  /** Enough routes for a page, 1 or more; those of one key stay together. Default 1000. */
  readonly routeCountMax?: number;
}

export interface RoutePage<T> {
  readonly routes: readonly T[];
  /** Undefined after the last page. */
  readonly next: PageCursor | undefined;
}

/** A path of the Loc-RIB's table, with the rule by which it is not the best of its key. */
export type ComparedPath = (RibPath | RibKeyedPath) & {
  /** Undefined for the best path. */
  readonly lostBy: DecisionStep | undefined;
  /** How many paths the key has. */
  readonly pathCount: number;
};

const routeCountDefault = 1000;
/** Keys looked at for one page, whether or not they are wanted: a few milliseconds. */
const keyCountMax = 32_768;

export function pathPage(
  table: FamilyTable,
  filter: Omit<RouteFilter, "family">,
  options: PageOptions,
): RoutePage<ComparedPath> {
  const { within, peer, bestOnly } = filter;
  return pageOf(table, options, (id) => {
    if (within !== undefined) {
      const prefix = prefixOfId(table, id);
      if (prefix?.family !== within.family || !containsPrefix(within, prefix)) return [];
    }
    return comparedPaths(table, id).filter(
      (path) => (peer === undefined || path.peer === peer) && (bestOnly !== true || path.best),
    );
  });
}

/** The paths of one key, best first. */
export function comparedPaths(table: FamilyTable, id: number): ComparedPath[] {
  const listed = listPaths(table, id);
  return listed.map((entry) => {
    const common = {
      ...entry.route,
      lostBy: lostByOf(entry, listed),
      pathCount: listed.length,
    };
    return table.prefixes === undefined
      ? { ...common, ...nameOf(table, id, table.paths.payloadOf(entry.path)) }
      : { ...common, prefix: unicastPrefixOf(table, id) };
  });
}

/** As `adjRibIn`. */
export function adjRibInPage(
  table: FamilyTable,
  peer: PeerIndex,
  options: PageOptions,
): RoutePage<AdjRibRoute> {
  return pageOf(table, options, (id) => receivedAt(table, id, peer));
}

/** As `adjRibOut`. */
export function adjRibOutPage(
  table: FamilyTable,
  group: ExportGroup,
  peer: PeerIndex,
  targetSets: TargetSets,
  options: PageOptions,
): RoutePage<AdjRibRoute> {
  return pageOf(table, options, (id) => sentAt(table, group, id, peer, targetSets));
}

function pageOf<T>(
  { routeKeys }: FamilyTable,
  { cursor = 0, routeCountMax = routeCountDefault }: PageOptions,
  routesAt: (id: number) => Iterable<T>,
): RoutePage<T> {
  const routes: T[] = [];
  const { top } = routeKeys;
  const end = Math.min(top, cursor + keyCountMax);
  let id = cursor;
  for (; id < end && routes.length < routeCountMax; id += 1) {
    if (routeKeys.has(id)) routes.push(...routesAt(id));
  }
  return { routes, next: id < top ? id : undefined };
}
