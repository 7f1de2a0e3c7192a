/**
 * What a peer that is not in sync is still owed of one family: first a walk over all ids of keys,
 * then the keys that changed behind the walk's back, one bit each. However long the peer stays
 * away, this is all the memory it takes.
 */
import type { DirtyKeys } from "./changes.ts";
import type { MarkCounts } from "./mark-counts.ts";
import type { RouteKeys } from "./route-keys.ts";

/** Which changes matter to the peer. */
export interface CatchUpAudience {
  /** It is sent several paths per key (RFC 7911). */
  readonly addPath: boolean;
  /** Whether a change of the key can concern it; absent: each does. */
  readonly concerns?: (id: number) => boolean;
}

export class CatchUp {
  /** Ids below have been walked. */
  #walked: number;
  #marks: Uint32Array = new Uint32Array(0);
  #markCount = 0;
  #scanAt = 0;
  /**
   * Marks are set for every change, also before the walk has come there: what the peer holds is not
   * known.
   */
  #markAll = false;
  readonly audience: CatchUpAudience;
  /** Of all catch-ups of the table. */
  readonly #counts: MarkCounts;

  private constructor(walked: number, audience: CatchUpAudience, counts: MarkCounts) {
    this.#walked = walked;
    this.audience = audience;
    this.#counts = counts;
  }

  /** For a peer that holds nothing yet. */
  static fromStart(audience: CatchUpAudience, counts: MarkCounts): CatchUp {
    return new CatchUp(0, audience, counts);
  }

  /** For a peer that holds everything up to now. */
  static fromNow(audience: CatchUpAudience, counts: MarkCounts): CatchUp {
    return new CatchUp(Number.POSITIVE_INFINITY, audience, counts);
  }

  /**
   * The peer, which holds something, is owed everything again; marks stay, as withdrawals may be
   * among them.
   */
  restart(): void {
    this.#walked = 0;
    this.#markAll = true;
  }

  /** The walk ends where the table does at that moment. */
  walkDone(top: number): boolean {
    return this.#walked >= top;
  }

  get markCount(): number {
    return this.#markCount;
  }

  isMarked(id: number): boolean {
    const word = this.#marks[id >>> 5];
    return word !== undefined && (word & (1 << (id & 31))) !== 0;
  }

  /** What has changed, before it is committed. */
  markChanges({ addPath, changed }: DirtyKeys): void {
    const { addPath: isAddPath, concerns } = this.audience;
    if (isAddPath) for (const { id } of addPath) this.mark(id);
    else if (concerns === undefined) for (const id of changed) this.mark(id);
    else for (const id of changed) if (concerns(id)) this.mark(id);
  }

  /** The key changed. */
  mark(id: number): void {
    if (id >= this.#walked && !this.#markAll) return;
    const index = id >>> 5;
    if (index >= this.#marks.length) this.#grow(index + 1);
    if (this.isMarked(id)) return;
    this.#marks[index] = this.#marks[index]! | (1 << (id & 31));
    this.#markCount += 1;
    this.#counts.add(id);
  }

  /** Takes the mark off; false when there was none. */
  unmark(id: number): boolean {
    if (!this.isMarked(id)) return false;
    const index = id >>> 5;
    this.#marks[index] = this.#marks[index]! & ~(1 << (id & 31));
    this.#markCount -= 1;
    this.#counts.subtract(id);
    return true;
  }

  /** Those of the next `limit` ids of the walk that are in use. */
  walk(limit: number, keys: RouteKeys): Int32Array {
    const start = Math.min(this.#walked, keys.top);
    const end = Math.min(start + limit, keys.top);
    const ids = new Int32Array(end - start);
    let count = 0;
    for (let id = start; id < end; id += 1) if (keys.has(id)) ids[count++] = id;
    // A walk that has reached the end stays there: keys added later come as marks.
    this.#walked = end >= keys.top ? Number.POSITIVE_INFINITY : end;
    return ids.subarray(0, count);
  }

  /** Removes and returns up to `limit` marks. */
  takeMarks(limit: number): Int32Array {
    const taken = new Int32Array(Math.min(limit, this.#markCount));
    let count = 0;
    while (count < taken.length) {
      if (this.#scanAt >= this.#marks.length) this.#scanAt = 0;
      const word = this.#marks[this.#scanAt]!;
      if (word === 0) {
        this.#scanAt += 1;
        continue;
      }
      const bit = 31 - Math.clz32(word & -word);
      this.#marks[this.#scanAt] = word & (word - 1);
      const id = this.#scanAt * 32 + bit;
      this.#counts.subtract(id);
      taken[count++] = id;
    }
    this.#markCount -= count;
    return taken;
  }

  #grow(length: number): void {
    const marks = new Uint32Array(Math.max(length, this.#marks.length * 2, 32));
    marks.set(this.#marks);
    this.#marks = marks;
  }
}
