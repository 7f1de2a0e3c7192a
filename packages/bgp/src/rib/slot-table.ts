/**
 * The slots of an open-addressing hash table of ids, with linear probing at a load of at most one
 * half. Growing is spread over the insertions that follow: until it is over there are the former
 * slots as well, and what is not in `slots` may be found in `former`.
 *
 * Removal touches the slots alone: moving the entries behind into the hole would want their hashes,
 * which lie anywhere in memory. A slot in the middle of a run becomes `removedSlot`, one at its end
 * is vacant at once, and so are the removed ones before it. Removed slots count as load, so that
 * churn cannot fill the table with them.
 *
 * An entry of `former` may be out of date: its id may have been removed since, or stand for another
 * key. Whoever finds it compares the key, as always.
 */

/** Ids moved per insertion: growth is over long before the next one is due. */
const moveCount = 32;

/** A slot whose id was removed, with others behind it. */
export const removedSlot = -1;

/** What the owner of the slots knows of the ids in them. */
export interface SlotOwner {
  /** Hash of an id in the table. */
  hashOf(id: number): number;
  /** Calls `insert`, or does the same, for the ids of [start, end) that are in the table. */
  insertRange(start: number, end: number): void;
}

export class SlotTable {
  /** Id + 1 by slot, or `removedSlot`; 0 for none. Public to read, for the loops of the owner. */
  slots: Int32Array;
  mask: number;
  /** While growing: as it was before. */
  former: Int32Array | undefined;
  formerMask = 0;
  /** Ids below have been moved; those from `#moveEnd` on never were in `former`. */
  #moved = 0;
  #moveEnd = 0;
  /** Slots that are not 0. */
  #used = 0;
  readonly #owner: SlotOwner;

  /** `size` is a power of two. */
  constructor(size: number, owner: SlotOwner) {
    this.slots = new Int32Array(size);
    this.mask = size - 1;
    this.#owner = owner;
  }

  /** An insertion has to wait for `grow`. */
  get crowded(): boolean {
    return this.#used * 2 >= this.slots.length;
  }

  /** Room for more than the `count` ids that there are, all below `top`. */
  grow(count: number, top: number): void {
    while (this.former !== undefined) this.move();
    this.former = this.slots;
    this.formerMask = this.mask;
    this.#moved = 0;
    this.#moveEnd = top;
    const { length } = this.slots;
    // Zeroed memory comes page by page as it is touched, so that this takes no time by itself.
    this.slots = new Int32Array(count * 4 >= length ? length * 2 : length);
    this.mask = this.slots.length - 1;
    this.#used = 0;
  }

  /** Nothing happens when the id is there, having been freed and used again while growing. */
  insert(id: number, hash: number): void {
    const { slots, mask } = this;
    let place = -1;
    let slot = hash & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      if (slots[slot] === id + 1) return;
      if (place < 0 && slots[slot] === removedSlot) place = slot;
    }
    this.put(place < 0 ? slot : place, id);
  }

  /** As `insert` with the slot that a search has come to: one that is vacant or was removed. */
  put(slot: number, id: number): void {
    if (this.slots[slot] === 0) this.#used += 1;
    this.slots[slot] = id + 1;
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
    let slot = this.#owner.hashOf(id) & mask;
    while (slots[slot] !== 0 && slots[slot] !== id + 1) slot = (slot + 1) & mask;
    // Not moved yet: it stays in `former` and is out of date there.
    if (slots[slot] === 0) return;
    slots[slot] = removedSlot;
    if (slots[(slot + 1) & mask] !== 0) return;
    for (; slots[slot] === removedSlot; slot = (slot - 1) & mask) {
      slots[slot] = 0;
      this.#used -= 1;
    }
  }
}
