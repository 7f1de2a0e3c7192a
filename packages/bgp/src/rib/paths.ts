/** The paths of all prefixes of a table: singly linked lists over columns, with a free list. */
import { growInt32 } from "./columns.ts";

/** Columns are public to read, for the loops of the table. `-1` ends a list. */
export class PathColumns {
  row: Int32Array = new Int32Array(256);
  next: Int32Array = new Int32Array(256);
  #top = 0;
  #free = -1;

  /** A path of `row` in front of the list that starts at `next`. */
  add(row: number, next: number): number {
    let path = this.#free;
    if (path >= 0) {
      this.#free = this.next[path]!;
    } else {
      path = this.#top++;
      if (path === this.row.length) this.#grow();
    }
    this.row[path] = row;
    this.next[path] = next;
    return path;
  }

  free(path: number): void {
    this.next[path] = this.#free;
    this.#free = path;
  }

  #grow(): void {
    this.row = growInt32(this.row, this.row.length * 2);
    this.next = growInt32(this.next, this.next.length * 2);
  }
}
