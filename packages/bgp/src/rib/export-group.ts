/**
 * An update group: peers for which every route looks the same. What a row looks like to the group
 * is worked out once, for as long as the row lives.
 */
import type { PathAttributes } from "../packet/path-attributes.ts";
import { nlriRoomOf, type UpdateHead } from "../packet/update-builder.ts";
import type { Residue, Verdict } from "../policy/evaluate.ts";
import {
  type ExportClass,
  exportRoute,
  headOf,
  type NotExported,
  type RouteOrigin,
} from "./export.ts";
import type { ExportedTargets } from "./exported-targets.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";
import { outcomeForKey } from "./residue.ts";
import type { RouteList } from "./route-lists.ts";
import { rowLongLived } from "./rows.ts";
import { Slab } from "./slab.ts";

/**
 * One encoding of a row for a group. As a list of routes it is scratch of the batch being encoded:
 * what is to be announced.
 */
export interface ExportEntry extends RouteList {
  /** What precedes the routes in an UPDATE. */
  readonly head: UpdateHead;
  /** The peer that the route was learned from. */
  readonly source: PeerIndex;
  /** Number of the set of route targets; -1 where the group is not constrained by them. */
  readonly targetSet: number;
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
  /** Where the group is constrained and export policy changes route targets. */
  readonly targets: ExportedTargets | undefined;
  /** Of rows that look the same for every key. */
  readonly #entries: (ExportEntry | typeof notExported | undefined)[] = [];
  /** Of the others. */
  readonly #residues: Map<number, Residue<ExportEntry | undefined>> = new Map();
  readonly #slab = new Slab();
  readonly #keep = (bytes: Uint8Array): Uint8Array => this.#slab.copy(bytes, 0, bytes.length);

  /** `key` is equal for peers that belong to the same group. */
  constructor(
    key: string,
    cls: ExportClass,
    table: FamilyTable,
    originOf: (peer: PeerIndex) => Omit<RouteOrigin, "longLived">,
    targets?: ExportedTargets,
  ) {
    this.key = key;
    this.cls = cls;
    this.#table = table;
    this.#originOf = originOf;
    this.targets = targets;
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
    const known = this.#entries[row];
    if (known !== undefined) return known === notExported ? undefined : known;
    const residue = this.residueOf(row);
    if (residue === undefined) return this.entryOf(row, id);
    return residue.outcomes[outcomeForKey(residue.prefixSets, this.#table.routeKeys, id)];
  }

  /** How the group sees `row` where that depends on the key; undefined where it does not. */
  residueOf(row: number): Residue<ExportEntry | undefined> | undefined {
    if (this.#entries[row] !== undefined) return undefined;
    const known = this.#residues.get(row);
    if (known !== undefined) return known;
    const { attributes } = this.#table.rows.outcomeOf(row);
    const { prefixSets, outcomes } = this.cls.policy.evaluate(attributes);
    if (prefixSets.length > 0) {
      const entries = outcomes.map((verdict) => this.#export(row, attributes, verdict));
      const residue = { prefixSets, outcomes: entries };
      this.#residues.set(row, residue);
      return residue;
    }
    while (this.#entries.length <= row) this.#entries.push(undefined);
    this.#entries[row] = this.#export(row, attributes, outcomes[0]!) ?? notExported;
    return undefined;
  }

  /** The row's number is about to be reused. */
  forget(row: number): void {
    if (row < this.#entries.length) this.#entries[row] = undefined;
    this.#residues.delete(row);
    this.targets?.forget(row);
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
    const head = headOf(sent, this.cls, borrowed);
    if (head === undefined) return "next-hop";
    return nlriRoomOf(head, this.cls.messageLengthMax) < prefixRoom ? "message-length" : sent;
  }

  #export(row: number, attributes: PathAttributes, verdict: Verdict): ExportEntry | undefined {
    const sent = exportRoute(attributes, this.originOf(row), this.cls, verdict);
    if (typeof sent === "string") return undefined;
    const head = headOf(sent, this.cls, this.#keep);
    if (head === undefined || nlriRoomOf(head, this.cls.messageLengthMax) < prefixRoom) {
      return undefined;
    }
    const { peer, targetSet } = this.#table.rows;
    const set = this.cls.constrained ? (this.targets?.setOf(row, sent) ?? targetSet[row]!) : -1;
    return { head, source: peer[row]!, targetSet: set, first: -1, last: -1 };
  }
}

/** For a head of which only the length matters. */
function borrowed(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** Stands for the entry of a row that the group does not export. */
const notExported = Symbol("not exported");
