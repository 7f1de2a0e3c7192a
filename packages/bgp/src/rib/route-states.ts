/** Routes of one peer by what became of them, as monitoring counts them (RFC 9972). */
import { ineligibilityOf } from "./adj-rib-in.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";
import { rowDead, rowLongLived, rowStale } from "./rows.ts";

export interface RouteStates {
  /** In the Adj-RIB-In, rejected by import policy. */
  readonly rejected: number;
  /** Accepted, and kept from a session that ended (RFC 4724). */
  readonly stale: number;
  /** Accepted, and kept beyond the restart time (RFC 9494). */
  readonly longLivedStale: number;
}

/** Costs one pass over the rows, not over the routes. */
export function routeStates(table: FamilyTable, peer: PeerIndex): RouteStates {
  const { rows } = table;
  const states = { rejected: 0, stale: 0, longLivedStale: 0 };
  for (let row = 0; row < rows.top; row += 1) {
    const flags = rows.flags[row]!;
    if (!rows.has(row) || rows.peer[row] !== peer || flags & rowDead) continue;
    const count = rows.pathCount[row]!;
    if (rows.outcomeOf(row).ineligible === "policy") states.rejected += count;
    if (ineligibilityOf(table, row) !== undefined || (flags & rowStale) === 0) continue;
    if (flags & rowLongLived) states.longLivedStale += count;
    else states.stale += count;
  }
  return states;
}
