/**
 * A set of prefixes that gives each a small integer id, stable until it is removed; columns of
 * other arrays are indexed by that id. Open addressing with linear probing at a load of at most one
 * half; removal shifts entries back, so there are no tombstones and churn does not slow the table
 * down. Ids are reused, most recently freed first.
 *
 * A prefix is one 32-bit word (IPv4) or four (IPv6), most significant first, as int32 bit patterns
 * with host bits zero, plus its length. Callers of an IPv4 table pass 0 for the other three words.
 */
import { growInt32, growUint8 } from "./columns.ts";

const freed = 255;

export class PrefixTable {
  readonly wordCount: 1 | 4;
  readonly #seed: number;
  #capacity = 256;
  #mask = this.#capacity * 2 - 1;
  #slots: Int32Array = new Int32Array(this.#capacity * 2).fill(-1);
  #words: Int32Array;
  #lengths: Uint8Array = new Uint8Array(this.#capacity).fill(freed);
  #top = 0;
  #free = -1;
  #count = 0;

  /** `seed` decides the order of the slots; keep it secret where prefixes come from strangers. */
  constructor(wordCount: 1 | 4, seed: number) {
    this.wordCount = wordCount;
    this.#seed = seed | 0;
    this.#words = new Int32Array(this.#capacity * wordCount);
  }

  /** Prefixes in the table. */
  get count(): number {
    return this.#count;
  }

  /** All ids are below this. */
  get top(): number {
    return this.#top;
  }

  /** Columns indexed by id need this many elements. */
  get capacity(): number {
    return this.#capacity;
  }

  /** False for an id that was never given out or was removed. */
  has(id: number): boolean {
    return id < this.#top && this.#lengths[id] !== freed;
  }

  lengthOf(id: number): number {
    return this.#lengths[id]!;
  }

  wordOf(id: number, index: number): number {
    return index < this.wordCount ? this.#words[id * this.wordCount + index]! : 0;
  }

  /** The id of the prefix, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const slots = this.#slots;
    let slot = this.#hash(w0, w1, w2, w3, length) & this.#mask;
    for (let id = slots[slot]!; id >= 0; id = slots[slot]!) {
      if (this.#equals(id, w0, w1, w2, w3, length)) return id;
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  /**
   * The id of the prefix, which is added when it is not in the table; then `capacity` may have
   * grown.
   */
  add(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const slots = this.#slots;
    let slot = this.#hash(w0, w1, w2, w3, length) & this.#mask;
    for (let id = slots[slot]!; id >= 0; id = slots[slot]!) {
      if (this.#equals(id, w0, w1, w2, w3, length)) return id;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#free < 0 && this.#top === this.#capacity) {
      this.#grow();
      return this.add(w0, w1, w2, w3, length);
    }
    const id = this.#takeId();
    slots[slot] = id;
    this.#store(id, w0, w1, w2, w3, length);
    this.#count += 1;
    return id;
  }

  remove(id: number): void {
    const mask = this.#mask;
    const slots = this.#slots;
    let hole = this.#homeOf(id);
    while (slots[hole] !== id) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at]! >= 0; at = (at + 1) & mask) {
      const distance = (at - this.#homeOf(slots[at]!)) & mask;
      if (distance >= ((at - hole) & mask)) {
        slots[hole] = slots[at]!;
        hole = at;
      }
    }
    slots[hole] = -1;
    this.#lengths[id] = freed;
    this.#words[id * this.wordCount] = this.#free;
    this.#free = id;
    this.#count -= 1;
  }

  #takeId(): number {
    if (this.#free < 0) return this.#top++;
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

  #homeOf(id: number): number {
    const length = this.#lengths[id]!;
    if (this.wordCount === 1) return this.#hash(this.#words[id]!, 0, 0, 0, length) & this.#mask;
    const at = id * 4;
    const words = this.#words;
    const hash = this.#hash(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, length);
    return hash & this.#mask;
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

  #grow(): void {
    this.#capacity *= 2;
    this.#mask = this.#capacity * 2 - 1;
    this.#words = growInt32(this.#words, this.#capacity * this.wordCount);
    this.#lengths = growUint8(this.#lengths, this.#capacity);
    this.#lengths.fill(freed, this.#top);
    const slots = new Int32Array(this.#capacity * 2).fill(-1);
    for (let id = 0; id < this.#top; id += 1) {
      let slot = this.#homeOf(id);
      while (slots[slot]! >= 0) slot = (slot + 1) & this.#mask;
      slots[slot] = id;
    }
    this.#slots = slots;
  }
}

/** The finalizer of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let x = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
