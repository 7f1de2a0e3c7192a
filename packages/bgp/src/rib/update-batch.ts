/**
 * A batch of prefixes as UPDATE messages of one update group. Prefixes with the same attributes
 * share messages; what was learned from one member lies together, so that split horizon is leaving
 * out a range of bytes.
 */
import {
  UpdateBuilder,
  type UpdateHead,
  withdrawHead4,
  withdrawHeadMp,
} from "../packet/update-builder.ts";
import type { ExportEntry, ExportGroup } from "./export.ts";
import type { FamilyTable } from "./family-table.ts";
import type { PeerIndex } from "./peer.ts";

/** Messages for all members of a group. Owned, and shared between the members: never written to. */
export interface GroupMessages {
  readonly bytes: Uint8Array;
  /** By member: ascending, disjoint ranges [start, end) of `bytes` that are not for it. */
  readonly skipped: ReadonlyMap<PeerIndex, readonly (readonly [number, number])[]>;
  /** By member: messages that are for it alone. */
  readonly extra: ReadonlyMap<PeerIndex, Uint8Array>;
}

/** Stands for all sources that are not members of the group. */
const notMember = -1;

export class UpdateBatch {
  readonly #table: FamilyTable;
  readonly #group: ExportGroup;
  readonly #builder: UpdateBuilder;
  readonly #withdrawHead: UpdateHead;
  #entries: ExportEntry[] = [];
  /** Ids to be withdrawn, by the member that need not be told. */
  #withdrawn: Map<PeerIndex, number[]> = new Map();
  /** Ids to be withdrawn from one member. */
  #extra: Map<PeerIndex, number[]> = new Map();
  #bytes: Uint8Array = new Uint8Array(4096);
  #length = 0;

  constructor(table: FamilyTable, group: ExportGroup) {
    this.#table = table;
    this.#group = group;
    this.#builder = new UpdateBuilder(group.cls.messageLengthMax);
    const { family } = group.cls;
    this.#withdrawHead = family === "ipv4-unicast" ? withdrawHead4() : withdrawHeadMp(family);
  }

  /** The change from what is advertised to what is best; undefined when the group sees none. */
  encodeChanges(ids: Int32Array): GroupMessages | undefined {
    for (const id of ids) this.#collectChange(id);
    const skipped = new Map<PeerIndex, (readonly [number, number])[]>();
    const skip = (source: PeerIndex, start: number): void => {
      if (source === notMember || start === this.#length) return;
      const ranges = skipped.get(source);
      if (ranges === undefined) skipped.set(source, [[start, this.#length]]);
      else ranges.push([start, this.#length]);
    };
    for (const [source, withdrawn] of this.#withdrawn) {
      const start = this.#length;
      this.#append(this.#withdrawals(withdrawn));
      skip(source, start);
    }
    this.#appendAnnouncements(skip);
    const extra = new Map<PeerIndex, Uint8Array>();
    for (const [peer, withdrawn] of this.#extra) {
      extra.set(peer, this.#withdrawals(withdrawn).slice());
    }
    const bytes = this.#takeBytes();
    return bytes.length === 0 && extra.size === 0 ? undefined : { bytes, skipped, extra };
  }

  /**
   * What is advertised, for one member; `heldOf` says of a prefix that is not exported to it
   * whether it may hold it.
   */
  encodeState(ids: Int32Array, peer: PeerIndex, mayHold: (id: number) => boolean): Uint8Array {
    const gone: number[] = [];
    for (const id of ids) {
      const row = this.#table.advertised[id]!;
      const isOther = row >= 0 && this.#table.rows.peer[row] !== peer;
      const entry = isOther ? this.#group.entryOf(row, id) : undefined;
      if (entry !== undefined) this.#announce(entry, id);
      else if (mayHold(id)) gone.push(id);
    }
    if (gone.length > 0) this.#append(this.#withdrawals(gone));
    this.#appendAnnouncements(() => undefined);
    return this.#takeBytes();
  }

  #collectChange(id: number): void {
    const { advertised, best, rows } = this.#table;
    const oldRow = advertised[id]!;
    const newRow = best[id]!;
    const before = oldRow < 0 ? undefined : this.#group.entryOf(oldRow, id);
    const after = newRow < 0 ? undefined : this.#group.entryOf(newRow, id);
    if (after !== undefined) {
      this.#announce(after, id);
      const { source } = after;
      const heldIt = before !== undefined && before.source !== source;
      if (heldIt && this.#group.members.has(source)) push(this.#extra, source, id);
    } else if (before !== undefined) {
      push(this.#withdrawn, this.#memberOf(rows.peer[oldRow]!), id);
    }
  }

  #announce(entry: ExportEntry, id: number): void {
    if (entry.pending.length === 0) this.#entries.push(entry);
    entry.pending.push(id);
  }

  #memberOf(source: PeerIndex): PeerIndex {
    return this.#group.members.has(source) ? source : notMember;
  }

  /** Calls `close` after the last message of each source. */
  #appendAnnouncements(close: (source: PeerIndex, start: number) => void): void {
    const entries = this.#entries;
    entries.sort((a, b) => a.source - b.source);
    let start = this.#length;
    for (const [i, entry] of entries.entries()) {
      this.#builder.begin(entry.head);
      this.#addPrefixes(entry.pending);
      entry.pending.length = 0;
      if (entries[i + 1]?.source === entry.source) continue;
      this.#append(this.#builder.finish());
      close(this.#memberOf(entry.source), start);
      start = this.#length;
    }
    this.#entries = [];
  }

  #withdrawals(ids: readonly number[]): Uint8Array {
    this.#builder.begin(this.#withdrawHead);
    this.#addPrefixes(ids);
    return this.#builder.finish();
  }

  #addPrefixes(ids: readonly number[]): void {
    const { prefixes } = this.#table;
    const builder = this.#builder;
    if (prefixes.wordCount === 1) {
      for (const id of ids) builder.prefix4(prefixes.wordOf(id, 0), prefixes.lengthOf(id));
      return;
    }
    for (const id of ids) {
      const word = (index: number): number => prefixes.wordOf(id, index);
      builder.prefix6(word(0), word(1), word(2), word(3), prefixes.lengthOf(id));
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
    this.#extra = new Map();
    return bytes;
  }
}

function push(lists: Map<PeerIndex, number[]>, key: PeerIndex, id: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [id]);
  else list.push(id);
}

/** The parts of `messages` that are for `member`, in order; all whole messages. */
export function* partsFor(messages: GroupMessages, member: PeerIndex): Generator<Uint8Array> {
  const { bytes, skipped, extra } = messages;
  let at = 0;
  for (const [start, end] of skipped.get(member) ?? []) {
    if (start > at) yield bytes.subarray(at, start);
    at = end;
  }
  if (at < bytes.length) yield bytes.subarray(at);
  const own = extra.get(member);
  if (own !== undefined) yield own;
}
