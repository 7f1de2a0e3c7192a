/**
 * What peers that take several paths per key (RFC 7911) are sent: per key the most preferred paths,
 * each under an identifier that it keeps for as long as it is among them.
 *
 * The identifiers are small numbers, unique per key, so that a peer that was away is brought up to
 * date with a handful of withdrawals: one that is withdrawn is remembered, without a path, until no
 * catch-up needs the key any more.
 */
import type { AddPathChange } from "./changes.ts";
import { growInt32, growUint8 } from "./columns.ts";
import { rankPaths } from "./decision.ts";
import type { PathColumns } from "./paths.ts";
import type { PayloadTable } from "./payload-table.ts";
import type { RowCandidate, RowTable } from "./rows.ts";

/** Bound of `RibPeer.addPathSendMax`. */
export const addPathSendLimit = 64;

/** The table whose paths are sent. */
interface RankedTable {
  readonly paths: PathColumns;
  readonly payloads: PayloadTable | undefined;
  readonly rows: RowTable;
  candidatesOf(id: number): RowCandidate[];
}

/** Rank of what is not advertised. */
const unranked = 255;

export class AddPathOut {
  readonly #table: RankedTable;
  /** Paths per key: the highest that a group asks for; 0 once there is none. */
  #countMax = 0;
  /** First entry by key id, -1 for none. */
  #head: Int32Array = new Int32Array(64).fill(-1);
  #next: Int32Array = new Int32Array(64);
  /** -1 for an identifier that was withdrawn. */
  #row: Int32Array = new Int32Array(64);
  #payload: Int32Array = new Int32Array(64);
  #path: Int32Array = new Int32Array(64);
  #pathId: Uint8Array = new Uint8Array(64);
  #rank: Uint8Array = new Uint8Array(64);
  #top = 0;
  #free = -1;
  #count = 0;

  constructor(table: RankedTable) {
    this.#table = table;
  }

  /** False when there is nothing to keep up to date. */
  get active(): boolean {
    return this.#countMax > 0 || this.#count > 0;
  }

  get countMax(): number {
    return this.#countMax;
  }

  /** True when the number is another one: then every key has to be staged anew. */
  setCountMax(countMax: number): boolean {
    const differs = countMax !== this.#countMax;
    this.#countMax = countMax;
    return differs;
  }

  /** True while something is advertised or remembered for the key. */
  has(id: number): boolean {
    return (this.#head[id] ?? -1) >= 0;
  }

  /** What is advertised and, with row -1, what was withdrawn, in no order. */
  forEach(
    id: number,
    visit: (pathId: number, row: number, payload: number, rank: number) => void,
  ): void {
    for (let at = this.#head[id] ?? -1; at >= 0; at = this.#next[at]!) {
      visit(this.#pathId[at]!, this.#row[at]!, this.#payload[at]!, this.#rank[at]!);
    }
  }

  /** The steps from what is advertised of the keys to what should be; for `commit`. */
  stage(ids: Int32Array): AddPathChange[] {
    const changes: AddPathChange[] = [];
    for (const id of ids) this.#stageKey(id, changes);
    return changes;
  }

  /** The steps were encoded. `isOwed` says of a key whether a catch-up has yet to pass it. */
  commit(changes: readonly AddPathChange[], isOwed: (id: number) => boolean): void {
    for (const change of changes) {
      const at = this.#entryOf(change.id, change.pathId);
      this.#retain(change.newRow, change.newPayload);
      this.#release(change.oldRow, change.oldPayload);
      this.#row[at] = change.newRow;
      this.#payload[at] = change.newPayload;
      this.#path[at] = change.path;
      this.#rank[at] = change.newRank;
      if (change.newRow < 0 && !isOwed(change.id)) this.#remove(change.id, at);
    }
  }

  /** Forgets the identifiers of the key that were withdrawn. */
  purge(id: number): void {
    for (let at = this.#head[id] ?? -1; at >= 0; ) {
      const next = this.#next[at]!;
      if (this.#row[at]! < 0) this.#remove(id, at);
      at = next;
    }
  }

  /** `row` takes the place of `old`, of which it says the same, for a path. */
  replaceRow(id: number, path: number, old: number, row: number): void {
    for (let at = this.#head[id] ?? -1; at >= 0; at = this.#next[at]!) {
      if (this.#path[at] !== path || this.#row[at] !== old) continue;
      this.#table.rows.retainAdvertised(row);
      this.#row[at] = row;
      this.#table.rows.releaseAdvertised(old);
    }
  }

  #stageKey(id: number, changes: AddPathChange[]): void {
    const { paths } = this.#table;
    const ranked = rankPaths(this.#table.candidatesOf(id), this.#countMax);
    const rankOf = new Map(ranked.map((c, rank) => [c.path, rank]));
    const vacant: number[] = [];
    const used: number[] = [];
    for (let at = this.#head[id] ?? -1; at >= 0; at = this.#next[at]!) {
      used.push(this.#pathId[at]!);
      const path = this.#path[at]!;
      const rank = this.#row[at]! < 0 ? undefined : rankOf.get(path);
      if (rank === undefined) {
        vacant.push(at);
        continue;
      }
      rankOf.delete(path);
      const step = this.#step(id, at, ranked[rank]!.row, paths.payloadOf(path), rank, path);
      if (!isIdle(step)) changes.push(step);
    }
    for (const [path, rank] of rankOf) {
      const at = vacant.pop();
      const { row } = ranked[rank]!;
      if (at === undefined) {
        const pathId = lowestUnused(used);
        used.push(pathId);
        const none = { oldRow: -1, oldPayload: -1, oldRank: unranked };
        const payload = paths.payloadOf(path);
        changes.push({
          id,
          pathId,
          ...none,
          newRow: row,
          newPayload: payload,
          newRank: rank,
          path,
        });
      } else {
        changes.push(this.#step(id, at, row, paths.payloadOf(path), rank, path));
      }
    }
    for (const at of vacant) {
      if (this.#row[at]! >= 0) changes.push(this.#step(id, at, -1, -1, unranked, -1));
    }
  }

  #step(
    id: number,
    at: number,
    newRow: number,
    newPayload: number,
    newRank: number,
    path: number,
  ): AddPathChange {
    return {
      id,
      pathId: this.#pathId[at]!,
      oldRow: this.#row[at]!,
      oldPayload: this.#payload[at]!,
      oldRank: this.#rank[at]!,
      newRow,
      newPayload,
      newRank,
      path,
    };
  }

  #entryOf(id: number, pathId: number): number {
    if (id >= this.#head.length) {
      this.#head = growInt32(this.#head, Math.max(id + 1, this.#head.length * 2), -1);
    }
    for (let at = this.#head[id]!; at >= 0; at = this.#next[at]!) {
      if (this.#pathId[at] === pathId) return at;
    }
    let at = this.#free;
    if (at >= 0) this.#free = this.#next[at]!;
    else at = this.#top++;
    if (at === this.#row.length) this.#grow();
    this.#pathId[at] = pathId;
    this.#next[at] = this.#head[id]!;
    this.#head[id] = at;
    this.#count += 1;
    return at;
  }

  #remove(id: number, entry: number): void {
    let at = this.#head[id]!;
    if (at === entry) {
      this.#head[id] = this.#next[entry]!;
    } else {
      while (this.#next[at] !== entry) at = this.#next[at]!;
      this.#next[at] = this.#next[entry]!;
    }
    this.#next[entry] = this.#free;
    this.#free = entry;
    this.#count -= 1;
  }

  #retain(row: number, payload: number): void {
    if (row >= 0) this.#table.rows.retainAdvertised(row);
    if (payload >= 0) this.#table.payloads?.retain(payload);
  }

  #release(row: number, payload: number): void {
    if (row >= 0) this.#table.rows.releaseAdvertised(row);
    if (payload >= 0) this.#table.payloads?.release(payload);
  }

  #grow(): void {
    const capacity = this.#row.length * 2;
    this.#next = growInt32(this.#next, capacity);
    this.#row = growInt32(this.#row, capacity);
    this.#payload = growInt32(this.#payload, capacity);
    this.#path = growInt32(this.#path, capacity);
    this.#pathId = growUint8(this.#pathId, capacity);
    this.#rank = growUint8(this.#rank, capacity);
  }
}

function isIdle(step: AddPathChange): boolean {
  return (
    step.oldRow === step.newRow &&
    step.oldPayload === step.newPayload &&
    step.oldRank === step.newRank
  );
}

/** From 1 up: identifier 0 is legal, but peers exist that take it for none. */
function lowestUnused(used: readonly number[]): number {
  let pathId = 1;
  while (used.includes(pathId)) pathId += 1;
  return pathId;
}
