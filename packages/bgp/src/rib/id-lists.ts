/** Disjoint lists of ids, each id in at most one: doubly linked over columns, so all is O(1). */
import { growInt32 } from "./columns.ts";

export class IdLists {
  /** By list; -1 ends. */
  #head: Int32Array = new Int32Array(16).fill(-1);
  #next: Int32Array = new Int32Array(64);
  #previous: Int32Array = new Int32Array(64);
  /** By id; -1 for none. */
  #list: Int32Array = new Int32Array(64).fill(-1);

  /** Puts the id into `list`, -1 for none, and takes it out of the one that it was in. */
  move(id: number, list: number): void {
    if (id >= this.#list.length) this.#growIds(id);
    const former = this.#list[id]!;
    if (former === list) return;
    if (former >= 0) this.#unlink(id, former);
    this.#list[id] = list;
    if (list < 0) return;
    if (list >= this.#head.length) this.#growLists(list);
    const next = this.#head[list]!;
    this.#next[id] = next;
    this.#previous[id] = -1;
    if (next >= 0) this.#previous[next] = id;
    this.#head[list] = id;
  }

  /** The lists must not change meanwhile. */
  forEach(list: number, visit: (id: number) => void): void {
    const head = this.#head[list];
    if (head === undefined) return;
    for (let id = head; id >= 0; id = this.#next[id]!) visit(id);
  }

  #unlink(id: number, list: number): void {
    const next = this.#next[id]!;
    const previous = this.#previous[id]!;
    if (previous >= 0) this.#next[previous] = next;
    else this.#head[list] = next;
    if (next >= 0) this.#previous[next] = previous;
  }

  #growIds(id: number): void {
    const capacity = Math.max(id + 1, this.#list.length * 2);
    this.#next = growInt32(this.#next, capacity);
    this.#previous = growInt32(this.#previous, capacity);
    this.#list = growInt32(this.#list, capacity, -1);
  }

  #growLists(list: number): void {
    this.#head = growInt32(this.#head, Math.max(list + 1, this.#head.length * 2), -1);
  }
}
