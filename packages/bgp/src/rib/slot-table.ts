/**
 * The slots of an open-addressing hash table of ids, with linear probing at a load of at most one
 * half. Growing is spread over the insertions that follow: until it is over there are the former
 * slots as well, and what is not in `slots` may be found in `former`. Removal shifts entries back,
 * so that there are no tombstones in `slots` and churn does not slow the table down.
 *
 * An entry of `former` may be out of date: its id may have been removed since, or stand for another
 * key. Whoever finds it compares the key, as always.
 */

/** Ids moved per insertion: growth is over long before the next one is due. */
const moveCount = 32;

/** What the owner of the slots knows of the ids in them. */
export interface SlotOwner {
  /** Hash of an id in the table. */
  hashOf(id: number): number;
  /** Calls `insert`, or does the same, for the ids of [start, end) that are in the table. */
  insertRange(start: number, end: number): void;
}

export class SlotTable {
  /** Id + 1 by slot, 0 for none; public to read, for the loops of the owner. */
  slots: Int32Array;
  mask: number;
  /** While growing: as it was before. */
  former: Int32Array | undefined;
  formerMask = 0;
  /** Ids below have been moved; those from `#moveEnd` on never were in `former`. */
  #moved = 0;
  #moveEnd = 0;
  readonly #owner: SlotOwner;

  /** `size` is a power of two. */
  constructor(size: number, owner: SlotOwner) {
    this.slots = new Int32Array(size);
    this.mask = size - 1;
    this.#owner = owner;
  }

  /** Twice as many slots. All ids are below `top`. */
  grow(top: number): void {
    while (this.former !== undefined) this.move();
    this.former = this.slots;
    this.formerMask = this.mask;
    this.#moved = 0;
    this.#moveEnd = top;
    // Zeroed memory comes page by page as it is touched, so that this takes no time by itself.
    this.slots = new Int32Array(this.slots.length * 2);
    this.mask = this.slots.length - 1;
  }

  /** Nothing happens when the id is there, having been freed and used again while growing. */
  insert(id: number, hash: number): void {
    const { slots, mask } = this;
    let slot = hash & mask;
    while (slots[slot] !== 0 && slots[slot] !== id + 1) slot = (slot + 1) & mask;
    slots[slot] = id + 1;
  }

  /** Moves some ids; for the owner to call after each insertion while there is a `former`. */
  move(): void {
    // In the order of the ids, which is the order in which their keys lie in memory.
    const end = Math.min(this.#moveEnd, this.#moved + moveCount);
    this.#owner.insertRange(this.#moved, end);
    this.#moved = end;
    if (end === this.#moveEnd) this.former = undefined;
  }

  /** An id of which the hash can still be told. */
  remove(id: number): void {
    const { slots, mask } = this;
    let hole = this.#owner.hashOf(id) & mask;
    while (slots[hole] !== 0 && slots[hole] !== id + 1) hole = (hole + 1) & mask;
    // Not moved yet: it stays in `former` and is out of date there.
    if (slots[hole] === 0) return;
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const distance = (at - this.#owner.hashOf(slots[at]! - 1)) & mask;
      if (distance >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!;
        hole = at;
      }
    }
    slots[hole] = 0;
  }
}
