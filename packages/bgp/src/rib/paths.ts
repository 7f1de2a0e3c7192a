/** The paths of all keys of a table: singly linked lists over columns, with a free list. */
import { growUint32 } from "./columns.ts";
import { int32Column, StaggeredGrowth } from "./staggered-growth.ts";

/** Columns are public to read, for the loops of the table. `-1` ends a list. */
export class PathColumns {
  row: Int32Array = new Int32Array(256);
  next: Int32Array = new Int32Array(256);
  /** Payload id, -1 for none; only where the family has payloads. */
  payload: Int32Array | undefined;
  /** Identifier as received, uint32 (RFC 7911); only once a session has sent one. */
  pathId: Uint32Array | undefined;
  #top = 0;
  #free = -1;
  #growth: StaggeredGrowth;

  constructor(withPayloads: boolean) {
    this.payload = withPayloads ? new Int32Array(this.row.length) : undefined;
    this.#growth = this.#plan();
  }

  /** From now on paths have identifiers; those that there are have 0. */
  enablePathIds(): void {
    if (this.pathId !== undefined) return;
    this.pathId = new Uint32Array(this.row.length);
    this.#growth = this.#plan();
  }

  /** A path of `row` in front of the list that starts at `next`. */
  add(row: number, next: number, payload: number, pathId: number): number {
    let path = this.#free;
    if (path >= 0) {
      this.#free = this.next[path]!;
    } else {
      if (this.#top >= this.#growth.at) this.#growth.step();
      path = this.#top++;
    }
    this.row[path] = row;
    this.next[path] = next;
    if (this.payload !== undefined) this.payload[path] = payload;
    if (this.pathId !== undefined) this.pathId[path] = pathId;
    return path;
  }

  /** The path of the peer with that identifier in the list at `head`; -1 for none. */
  find(head: number, peers: Int32Array, peer: number, pathId: number): number {
    const { row, next, pathId: pathIds } = this;
    let path = head;
    if (pathIds === undefined) {
      while (path >= 0 && peers[row[path]!] !== peer) path = next[path]!;
      return path;
    }
    while (path >= 0 && (peers[row[path]!] !== peer || pathIds[path] !== pathId)) {
      path = next[path]!;
    }
    return path;
  }

  /** Takes the path out of the list at `head` and frees it; returns the new head. */
  unlink(head: number, path: number): number {
    const { next } = this;
    const after = next[path]!;
    if (head !== path) {
      let at = head;
      while (next[at] !== path) at = next[at]!;
      next[at] = after;
    }
    this.#release(path);
    return head === path ? after : head;
  }

  payloadOf(path: number): number {
    return this.payload === undefined ? -1 : this.payload[path]!;
  }

  pathIdOf(path: number): number {
    return this.pathId === undefined ? 0 : this.pathId[path]!;
  }

  #release(path: number): void {
    this.next[path] = this.#free;
    this.#free = path;
  }

  #plan(): StaggeredGrowth {
    const columns = [int32Column(this, "row"), int32Column(this, "next")];
    if (this.payload !== undefined) columns.push(int32Column(this, "payload"));
    if (this.pathId !== undefined) {
      columns.push({
        capacity: () => this.pathId!.length,
        grow: (capacity) => {
          this.pathId = growUint32(this.pathId!, capacity);
        },
      });
    }
    return new StaggeredGrowth(columns, 0.9, 1);
  }
}
