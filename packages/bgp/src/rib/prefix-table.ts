/**
 * A set of prefixes that gives each a small integer id, stable until it is removed; columns of
 * other arrays are indexed by that id. Ids are reused, most recently freed first.
 *
 * A prefix is one 32-bit word (IPv4) or four (IPv6), most significant first, as int32 bit patterns
 * with host bits zero, plus its length. Callers of an IPv4 table pass 0 for the other three words.
 */
import type { Family } from "@heddle/inet";
import { growInt32, growUint8 } from "./columns.ts";
import type { RouteKeys } from "./route-keys.ts";
import { removedSlot, SlotTable } from "./slot-table.ts";
import { StaggeredGrowth } from "./staggered-growth.ts";

const freed = 255;
const capacityMin = 256;
/** Slots that stay in the first cache of a processor by themselves. */
const nearSlotCountMax = 8192;
/** Prefixes looked for together: their slots have room in that cache. */
export const fetchCountMax = 256;

export class PrefixTable implements RouteKeys {
  readonly wordCount: 1 | 4;
  readonly #seed: number;
  readonly #slots: SlotTable = new SlotTable(capacityMin * 2, {
    hashOf: (id) => this.#hashOf(id),
    insertRange: (start, end) => this.#insertRange(start, end),
  });
  #words: Int32Array;
  #lengths: Uint8Array = new Uint8Array(capacityMin);
  readonly #growth: StaggeredGrowth;
  #top = 0;
  #free = -1;
  #count = 0;
  /** Hashes of the prefixes that `expect` announced. */
  readonly #expected: Int32Array = new Int32Array(fetchCountMax);
  #expectedCount = 0;
  /** Depends on every slot that was fetched, so that the loads are not optimized away. */
  #fetched = 0;

  /** `seed` decides the order of the slots; keep it secret where prefixes come from strangers. */
  constructor(wordCount: 1 | 4, seed: number) {
    this.wordCount = wordCount;
    this.#seed = seed | 0;
    this.#words = new Int32Array(capacityMin * wordCount);
    this.#growth = new StaggeredGrowth(
      [
        {
          capacity: () => this.#words.length / wordCount,
          grow: (capacity) => {
            this.#words = growInt32(this.#words, capacity * wordCount);
          },
        },
        {
          capacity: () => this.#lengths.length,
          grow: (capacity) => {
            this.#lengths = growUint8(this.#lengths, capacity);
          },
        },
      ],
      0.7,
      0.8,
    );
  }

  /** Prefixes in the table. */
  get count(): number {
    return this.#count;
  }

  /** All ids are below this. */
  get top(): number {
    return this.#top;
  }

  /** False for an id that was never given out or was removed. */
  has(id: number): boolean {
    return id < this.#top && this.#lengths[id] !== freed;
  }

  prefixFamilyOf(_id: number): Family {
    return this.wordCount === 1 ? 4 : 6;
  }

  routeTypeOf(_id: number): number {
    return 0;
  }

  lengthOf(id: number): number {
    return this.#lengths[id]!;
  }

  wordOf(id: number, index: number): number {
    return index < this.wordCount ? this.#words[id * this.wordCount + index]! : 0;
  }

  /** `expect` and `fetch` are worth their time. */
  get isLarge(): boolean {
    return this.#slots.slots.length > nearSlotCountMax;
  }

  /**
   * The prefix will be looked for soon. Slots lie anywhere in memory, and each search waits for its
   * own; `fetch` has the processor load those of all expected prefixes at the same time.
   */
  expect(w0: number, w1: number, w2: number, w3: number, length: number): void {
    this.#expectHash(this.#hash(w0, w1, w2, w3, length));
  }

  /**
   * Fetches for those of up to `fetchCountMax` ids that may be removed next: what has no row in
   * `rows`.
   */
  fetchUnused(ids: Int32Array, rows: Int32Array): void {
    if (!this.isLarge) return;
    for (const id of ids) if (rows[id]! < 0) this.#expectHash(this.#hashOf(id));
    this.fetch();
  }

  /** A loop as small as this keeps more loads in flight than the search itself would. */
  fetch(): void {
    const { slots, mask } = this.#slots;
    const expected = this.#expected;
    let fetched = 0;
    for (let i = 0; i < this.#expectedCount; i += 1) fetched ^= slots[expected[i]! & mask]!;
    this.#fetched ^= fetched;
    this.#expectedCount = 0;
  }

  /** The id of the prefix, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const { slots, mask } = this.#slots;
    const hash = this.#hash(w0, w1, w2, w3, length);
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (entry > 0 && this.#equals(entry - 1, w0, w1, w2, w3, length)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return this.#slots.former === undefined ? -1 : this.#findFormer(hash, w0, w1, w2, w3, length);
  }

  /**
   * The id of the prefix, which is added when it is not in the table: then it is one that was freed
   * or `top`.
   */
  add(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const { slots, mask } = this.#slots;
    const hash = this.#hash(w0, w1, w2, w3, length);
    let place = -1;
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (entry === removedSlot) place = place < 0 ? slot : place;
      else if (this.#equals(entry - 1, w0, w1, w2, w3, length)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    if (this.#slots.former !== undefined) {
      const known = this.#findFormer(hash, w0, w1, w2, w3, length);
      if (known >= 0) return known;
    }
    if (this.#slots.crowded) {
      this.#slots.grow(this.#count, this.#top);
      return this.add(w0, w1, w2, w3, length);
    }
    const id = this.#takeId();
    this.#slots.put(place < 0 ? slot : place, id);
    this.#store(id, w0, w1, w2, w3, length);
    this.#count += 1;
    if (this.#slots.former !== undefined) this.#slots.move();
    return id;
  }

  remove(id: number): void {
    this.#slots.remove(id);
    this.#lengths[id] = freed;
    this.#words[id * this.wordCount] = this.#free;
    this.#free = id;
    this.#count -= 1;
  }

  #expectHash(hash: number): void {
    if (this.#expectedCount === fetchCountMax) this.fetch();
    this.#expected[this.#expectedCount++] = hash;
  }

  #findFormer(
    hash: number,
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
  ): number {
    const { former, formerMask } = this.#slots;
    for (let slot = hash & formerMask; ; slot = (slot + 1) & formerMask) {
      const entry = former![slot]!;
      if (entry === 0) return -1;
      if (entry > 0 && this.#equals(entry - 1, w0, w1, w2, w3, length)) return entry - 1;
    }
  }

  #takeId(): number {
    if (this.#free < 0) {
      if (this.#top >= this.#growth.at) this.#growth.step();
      return this.#top++;
    }
    const id = this.#free;
    this.#free = this.#words[id * this.wordCount]!;
    return id;
  }

  #store(id: number, w0: number, w1: number, w2: number, w3: number, length: number): void {
    this.#lengths[id] = length;
    const at = id * this.wordCount;
    this.#words[at] = w0;
    if (this.wordCount === 1) return;
    this.#words[at + 1] = w1;
    this.#words[at + 2] = w2;
    this.#words[at + 3] = w3;
  }

  #equals(id: number, w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (this.#lengths[id] !== length) return false;
    const words = this.#words;
    if (this.wordCount === 1) return words[id] === w0;
    const at = id * 4;
    return words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3;
  }

  #insertRange(start: number, end: number): void {
    for (let id = start; id < end; id += 1) {
      if (this.#lengths[id] !== freed) this.#slots.insert(id, this.#hashOf(id));
    }
  }

  #hashOf(id: number): number {
    const length = this.#lengths[id]!;
    const words = this.#words;
    if (this.wordCount === 1) return this.#hash(words[id]!, 0, 0, 0, length);
    const at = id * 4;
    return this.#hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, length);
  }

  #hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
    let x = w0 ^ this.#seed ^ Math.imul(length, 0x9e3779b1);
    if (this.wordCount === 4) {
      x = mix(x) ^ w1;
      x = mix(x) ^ w2;
      x = mix(x) ^ w3;
    }
    return mix(x);
  }
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
