/**
 * An update group: peers for which every route looks the same. What a row looks like to the group
 * is worked out once, for as long as the row lives.
 */
import type { PathAttributes } from "../packet/path-attributes.ts";
import { nlriRoomOf, type UpdateHead } from "../packet/update-builder.ts";
import { mapResidue, type Residue } from "../policy/evaluate.ts";
import {
  type ExportClass,
  exportRoute,
  headOf,
  type NotExported,
  type RouteOrigin,
} from "./export.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";
import { outcomeForKey } from "./residue.ts";
import { rowLongLived } from "./rows.ts";

/** One encoding of a row for a group. */
export interface ExportEntry {
  /** What precedes the routes in an UPDATE. */
  readonly head: UpdateHead;
  /** The peer that the route was learned from. */
  readonly source: PeerIndex;
  /** Number of the set of route targets; -1 where the group is not constrained by them. */
  readonly targetSet: number;
  /** Scratch of the batch being encoded: what is to be announced, as the batch lays it out. */
  readonly pending: number[];
}

/** A path identifier, the longest prefix with its length octet. */
const prefixRoom = 21;

export class ExportGroup {
  readonly cls: ExportClass;
  readonly key: string;
  /** Peers with a session that are sent what the group says. */
  readonly members: Set<PeerIndex> = new Set();
  /** Peers that moved to another group and may still hold routes of this one. */
  readonly leaving: Set<PeerIndex> = new Set();
  readonly #table: FamilyTable;
  readonly #originOf: (peer: PeerIndex) => Omit<RouteOrigin, "longLived">;
  readonly #cache: (Residue<ExportEntry | undefined> | undefined)[] = [];

  /** `key` is equal for peers that belong to the same group. */
  constructor(
    key: string,
    cls: ExportClass,
    table: FamilyTable,
    originOf: (peer: PeerIndex) => Omit<RouteOrigin, "longLived">,
  ) {
    this.key = key;
    this.cls = cls;
    this.#table = table;
    this.#originOf = originOf;
  }

  /**
   * True when the routes of a peer are not sent back to it; false for memberships towards clients
   * (RFC 4684 3.2 i).
   */
  get splitsHorizon(): boolean {
    return this.cls.family !== "route-target" || this.cls.to !== "client";
  }

  /** How the group sees `row` for the key; undefined when it is not exported to it. */
  entryOf(row: number, id: number): ExportEntry | undefined {
    const residue = this.residueOf(row);
    if (residue.prefixSets.length === 0) return residue.outcomes[0];
    return residue.outcomes[outcomeForKey(residue.prefixSets, this.#table.routeKeys, id)];
  }

  residueOf(row: number): Residue<ExportEntry | undefined> {
    const known = this.#cache[row];
    if (known !== undefined) return known;
    const residue = this.#export(row);
    while (this.#cache.length <= row) this.#cache.push(undefined);
    this.#cache[row] = residue;
    return residue;
  }

  /** The row's number is about to be reused. */
  forget(row: number): void {
    if (row < this.#cache.length) this.#cache[row] = undefined;
  }

  /** Where the row's routes come from. */
  originOf(row: number): RouteOrigin {
    const { rows } = this.#table;
    const longLived = (rows.flags[row]! & rowLongLived) !== 0;
    return { ...this.#originOf(rows.peer[row]!), longLived };
  }

  /** What the members are sent for the key, or why nothing is. */
  attributesFor(row: number, id: number): PathAttributes | NotExported {
    const { attributes } = this.#table.rows.outcomeOf(row);
    const { prefixSets, outcomes } = this.cls.policy.evaluate(attributes);
    const verdict = outcomes[outcomeForKey(prefixSets, this.#table.routeKeys, id)]!;
    const sent = exportRoute(attributes, this.originOf(row), this.cls, verdict);
    if (typeof sent === "string") return sent;
    const head = headOf(sent, this.cls);
    if (head === undefined) return "next-hop";
    return nlriRoomOf(head, this.cls.messageLengthMax) < prefixRoom ? "message-length" : sent;
  }

  #export(row: number): Residue<ExportEntry | undefined> {
    const { attributes } = this.#table.rows.outcomeOf(row);
    const origin = this.originOf(row);
    return mapResidue(this.cls.policy.evaluate(attributes), (verdict) => {
      const sent = exportRoute(attributes, origin, this.cls, verdict);
      if (typeof sent === "string") return undefined;
      const head = headOf(sent, this.cls);
      if (head === undefined || nlriRoomOf(head, this.cls.messageLengthMax) < prefixRoom) {
        return undefined;
      }
      const { peer, targetSet } = this.#table.rows;
      const set = this.cls.constrained ? targetSet[row]! : -1;
      return { head, source: peer[row]!, targetSet: set, pending: [] };
    });
  }
}
