/**
 * A batch of routes as UPDATE messages of one update group. Routes with the same attributes share
 * messages; what was learned from one member lies together, so that split horizon is leaving out a
 * range of bytes. In a group that route target memberships constrain (RFC 4684), what has the same
 * route targets lies together, and a member takes the ranges that it is interested in.
 */
import {
  UpdateBuilder,
  type UpdateHead,
  withdrawHead4,
  withdrawHeadMp,
} from "../packet/update-builder.ts";
import type { DirtyKeys } from "./changes.ts";
import type { ExportEntry, ExportGroup } from "./export-group.ts";
import type { FamilyTable } from "./family-table.ts";
import { type GroupMessages, RangeMap } from "./group-messages.ts";
import type { PeerIndex } from "./peer.ts";
import { emptyRouteList, newRouteList, type RouteList, RouteLists } from "./route-lists.ts";
import type { TargetSets } from "./target-sets.ts";

/** Stands for all sources that are not members of the group. */
const notMember = -1;

/** Withdrawals for those that `before` was for and that `after` is not for. */
interface Departure {
  readonly before: ExportEntry;
  readonly after: ExportEntry | undefined;
  readonly routes: RouteList;
}

export class UpdateBatch {
  readonly #table: FamilyTable;
  readonly #group: ExportGroup;
  readonly #targetSets: TargetSets;
  readonly #builder: UpdateBuilder;
  readonly #withdrawHead: UpdateHead;
  readonly #isWide: boolean;
  readonly #routes: RouteLists;
  #entries: ExportEntry[] = [];
  /** Routes to be withdrawn, by the member that need not be told. */
  #withdrawn: Map<PeerIndex, RouteList> = new Map();
  /** One of them, for the source looked up last: withdrawals of a peer come one after the other. */
  #withdrawnLast: { readonly source: PeerIndex; readonly routes: RouteList } | undefined;
  /** Routes to be withdrawn from one member. */
  #extra: Map<PeerIndex, RouteList> = new Map();
  /** Of a constrained group, by who was and who is told. */
  #departures: Map<string, Departure> = new Map();
  #bytes: Uint8Array = new Uint8Array(4096);
  #length = 0;

  constructor(table: FamilyTable, group: ExportGroup, targetSets: TargetSets) {
    this.#table = table;
    this.#group = group;
    this.#targetSets = targetSets;
    this.#builder = new UpdateBuilder(group.cls.messageLengthMax);
    const { addPathCount, family } = group.cls;
    this.#withdrawHead = family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family);
    this.#isWide = table.prefixes === undefined || addPathCount > 0;
    this.#routes = new RouteLists(this.#isWide);
  }

  /** The change from what is advertised to what is best; undefined when the group sees none. */
  encodeChanges(dirty: DirtyKeys): GroupMessages | undefined {
    this.#collectChanges(dirty);
    const messages = this.#group.cls.constrained ? this.#constrained() : this.#shared();
    const { bytes, extra } = messages;
    return bytes.length === 0 && extra.size === 0 ? undefined : messages;
  }

  /**
   * What is advertised, for one member; `mayHold` says of a route that is not exported to it
   * whether it may hold it from before, when `row` was exported.
   */
  encodeState(
    ids: Int32Array,
    peer: PeerIndex,
    mayHold: (id: number, row: number) => boolean,
  ): Uint8Array {
    const gone = newRouteList();
    const { addPathCount } = this.#group.cls;
    const { addPathOut, advertised, advertisedPayload } = this.#table;
    const visit = (id: number, pathId: number, row: number, payload: number): void => {
      const entry = this.#entryFor(peer, row, id);
      if (entry !== undefined) this.#announce(entry, id, payload, pathId);
      else if (mayHold(id, row)) this.#routes.push(gone, id, -1, pathId);
    };
    for (const id of ids) {
      if (addPathCount === 0) visit(id, 0, advertised[id]!, advertisedPayload?.[id] ?? -1);
      else {
        addPathOut.forEach(id, (pathId, row, payload, rank) => {
          visit(id, pathId, rank < addPathCount ? row : -1, payload);
        });
      }
    }
    if (gone.first >= 0) this.#append(this.#withdrawals(gone));
    this.#appendAnnouncements(() => undefined);
    return this.#takeBytes();
  }

  #collectChanges({ addPath, changed }: DirtyKeys): void {
    const { addPathCount } = this.#group.cls;
    const { advertised, best, bestPayload } = this.#table;
    if (addPathCount === 0) {
      for (const id of changed) {
        this.#collect(
          id,
          0,
          advertised[id]!,
          best[id]!,
          bestPayload === undefined ? -1 : bestPayload[id]!,
        );
      }
      return;
    }
    for (const change of addPath) {
      const oldRow = change.oldRank < addPathCount ? change.oldRow : -1;
      const newRow = change.newRank < addPathCount ? change.newRow : -1;
      // Only its rank is another.
      if (oldRow === newRow && change.oldPayload === change.newPayload) continue;
      this.#collect(change.id, change.pathId, oldRow, newRow, change.newPayload);
    }
  }

  #collect(id: number, pathId: number, oldRow: number, newRow: number, payload: number): void {
    const before = oldRow < 0 ? undefined : this.#group.entryOf(oldRow, id);
    const after = newRow < 0 ? undefined : this.#group.entryOf(newRow, id);
    if (after !== undefined) this.#announce(after, id, payload, pathId);
    if (before === undefined) return;
    if (this.#group.cls.constrained) this.#depart(before, after, id, pathId);
    else if (after === undefined) {
      this.#routes.push(this.#withdrawnOf(before.source), id, -1, pathId);
    } else if (before.source !== after.source && this.#memberOf(after.source) !== notMember) {
      // What it holds is not replaced: it is not sent its own route.
      this.#routes.push(listOf(this.#extra, after.source), id, -1, pathId);
    }
  }

  #withdrawnOf(source: PeerIndex): RouteList {
    const last = this.#withdrawnLast;
    if (last?.source === source) return last.routes;
    const routes = listOf(this.#withdrawn, this.#memberOf(source));
    this.#withdrawnLast = { source, routes };
    return routes;
  }

  #depart(before: ExportEntry, after: ExportEntry | undefined, id: number, pathId: number): void {
    const sameAudience = before.source === after?.source && before.targetSet === after.targetSet;
    if (sameAudience) return;
    const now = after === undefined ? "" : `${after.targetSet} ${after.source}`;
    const key = `${before.targetSet} ${before.source} ${now}`;
    let departure = this.#departures.get(key);
    if (departure === undefined) {
      departure = { before, after, routes: newRouteList() };
      this.#departures.set(key, departure);
    }
    this.#routes.push(departure.routes, id, -1, pathId);
  }

  /** Messages that all members take, but for what they sent themselves. */
  #shared(): GroupMessages {
    const skipped = new RangeMap();
    const skip = (source: PeerIndex, start: number): void => {
      const member = this.#memberOf(source);
      if (member !== notMember) skipped.add(member, start, this.#length);
    };
    for (const [source, withdrawn] of this.#withdrawn) {
      const start = this.#length;
      this.#append(this.#withdrawals(withdrawn));
      skip(source, start);
    }
    this.#appendAnnouncements((last, start) => skip(last.source, start));
    const extra = new Map<PeerIndex, Uint8Array>();
    for (const [peer, withdrawn] of this.#extra) {
      extra.set(peer, this.#withdrawals(withdrawn).slice());
    }
    return { bytes: this.#takeBytes(), skipped, taken: undefined, extra };
  }

  /** Messages of which each member takes what its memberships cover. */
  #constrained(): GroupMessages {
    const taken = new RangeMap();
    for (const { before, after, routes } of this.#departures.values()) {
      const start = this.#length;
      this.#append(this.#withdrawals(routes));
      for (const member of this.#audienceOf(before)) {
        if (after === undefined || !this.#isFor(after, member)) {
          taken.add(member, start, this.#length);
        }
      }
    }
    this.#appendAnnouncements((last, start) => {
      for (const member of this.#audienceOf(last)) taken.add(member, start, this.#length);
    });
    return { bytes: this.#takeBytes(), skipped: noRanges, taken, extra: nothingExtra };
  }

  *#audienceOf(entry: ExportEntry): Generator<PeerIndex> {
    for (const peer of this.#targetSets.interestedIn(entry.targetSet)) {
      if (peer !== entry.source && this.#group.members.has(peer)) yield peer;
    }
  }

  #isFor(entry: ExportEntry, member: PeerIndex): boolean {
    return member !== entry.source && this.#targetSets.isInterested(member, entry.targetSet);
  }

  #entryFor(peer: PeerIndex, row: number, id: number): ExportEntry | undefined {
    if (row < 0) return undefined;
    const { cls, splitsHorizon } = this.#group;
    if (splitsHorizon && this.#table.rows.peer[row] === peer) return undefined;
    const entry = this.#group.entryOf(row, id);
    if (entry === undefined || !cls.constrained) return entry;
    return this.#targetSets.isInterested(peer, entry.targetSet) ? entry : undefined;
  }

  #announce(entry: ExportEntry, id: number, payload: number, pathId: number): void {
    if (entry.first < 0) this.#entries.push(entry);
    this.#routes.push(entry, id, payload, pathId);
  }

  #memberOf(source: PeerIndex): PeerIndex {
    const { members, splitsHorizon } = this.#group;
    return splitsHorizon && members.has(source) ? source : notMember;
  }

  /** Calls `close` after the last message of each source and set of route targets. */
  #appendAnnouncements(close: (last: ExportEntry, start: number) => void): void {
    const entries = this.#entries;
    entries.sort((a, b) => a.targetSet - b.targetSet || a.source - b.source);
    const refused = newRouteList();
    let start = this.#length;
    for (const [i, entry] of entries.entries()) {
      this.#builder.begin(entry.head);
      this.#addRoutes(entry, true, refused);
      emptyRouteList(entry);
      const next = entries[i + 1];
      if (next?.source === entry.source && next.targetSet === entry.targetSet) continue;
      this.#append(this.#builder.finish());
      // RFC 4271 9.2: what no message has room for is not advertised.
      if (refused.first >= 0) this.#append(this.#withdrawals(refused));
      emptyRouteList(refused);
      close(entry, start);
      start = this.#length;
    }
    this.#entries = [];
  }

  #withdrawals(routes: RouteList): Uint8Array {
    this.#builder.begin(this.#withdrawHead);
    this.#addRoutes(routes, false, newRouteList());
    return this.#builder.finish();
  }

  #addRoutes(routes: RouteList, announced: boolean, refused: RouteList): void {
    const { opaqueKeys } = this.#table;
    if (opaqueKeys !== undefined) this.#addOpaque(routes, announced, refused);
    else if (this.#isWide) this.#addPaths(routes);
    else this.#addPrefixes(routes);
  }

  #addPrefixes(routes: RouteList): void {
    const prefixes = this.#table.prefixes!;
    const builder = this.#builder;
    const { id: ids, next } = this.#routes;
    const isIpv4 = prefixes.wordCount === 1;
    for (let at = routes.first; at >= 0; at = next[at]!) {
      const id = ids[at]!;
      const length = prefixes.lengthOf(id);
      const w0 = prefixes.wordOf(id, 0);
      if (isIpv4) builder.prefix4(w0, length);
      else {
        const word = (index: number): number => prefixes.wordOf(id, index);
        builder.prefix6(w0, word(1), word(2), word(3), length);
      }
    }
  }

  #addPaths(routes: RouteList): void {
    const prefixes = this.#table.prefixes!;
    const builder = this.#builder;
    const { id: ids, next, pathId: pathIds } = this.#routes;
    for (let at = routes.first; at >= 0; at = next[at]!) {
      const id = ids[at]!;
      const pathId = pathIds[at]!;
      const word = (index: number): number => prefixes.wordOf(id, index);
      const length = prefixes.lengthOf(id);
      if (prefixes.wordCount === 1) builder.pathPrefix4(pathId, word(0), length);
      else builder.pathPrefix6(pathId, word(0), word(1), word(2), word(3), length);
    }
  }

  #addOpaque(routes: RouteList, announced: boolean, refused: RouteList): void {
    const { opaqueKeys, payloads } = this.#table;
    const hasPathId = this.#group.cls.addPathCount > 0;
    const lists = this.#routes;
    for (let at = routes.first; at >= 0; at = lists.next[at]!) {
      const id = lists.id[at]!;
      const payloadId = lists.payload[at]!;
      const pathId = lists.pathId[at]!;
      const announcedPayload = payloadId < 0 ? noPayload : payloads!.bytesOf(payloadId);
      const payload = announced ? announcedPayload : undefined;
      const keys = opaqueKeys!;
      const fits = this.#builder.nlri(
        keys.codec,
        hasPathId ? pathId : undefined,
        keys.bytesOf(id),
        payload,
      );
      if (!fits) lists.push(refused, id, -1, pathId);
    }
  }

  #append(messages: Uint8Array): void {
    const end = this.#length + messages.length;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(messages, this.#length);
    this.#length = end;
  }

  #takeBytes(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    this.#withdrawn = new Map();
    this.#withdrawnLast = undefined;
    this.#extra = new Map();
    this.#departures = new Map();
    this.#routes.clear();
    return bytes;
  }
}

const noPayload = new Uint8Array(0);
const noRanges = new RangeMap();
const nothingExtra: ReadonlyMap<PeerIndex, Uint8Array> = new Map();

function listOf(lists: Map<PeerIndex, RouteList>, key: PeerIndex): RouteList {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list = newRouteList();
  lists.set(key, list);
  return list;
}
