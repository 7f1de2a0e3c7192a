/**
 * A set of byte strings that gives each a small integer id, stable until it is removed; columns of
 * other arrays are indexed by that id.
 *
 * The strings lie in pages of slots of one size, so that storing one never moves another, and a
 * page that empties is given back.
 */
import { assert } from "@heddle/std";
import { growInt32, growUint16 } from "./columns.ts";
import { SlotTable } from "./slot-table.ts";
import { StaggeredGrowth } from "./staggered-growth.ts";

const freed = 0xffff;
const capacityMin = 64;
const pageLength = 1 << 16;
/** Slots are at least 8 octets long: 2^13 fit a page. */
const slotBits = 13;
const slotMask = (1 << slotBits) - 1;

/** A page of slots of one size. */
interface Page {
  readonly bytes: Uint8Array;
  readonly slotLength: number;
  /** Slots given back, all below `top`. */
  readonly free: number[];
  /** Slots from here on were never used. */
  top: number;
  used: number;
}

export class KeyTable {
  readonly #seed: number;
  readonly #slots: SlotTable = new SlotTable(capacityMin * 2, {
    hashOf: (id) => this.#hashes[id]!,
    insertRange: (start, end) => {
      for (let id = start; id < end; id += 1) {
        if (this.has(id)) this.#slots.insert(id, this.#hashes[id]!);
      }
    },
  });
  /** Page and slot by id; the next free id for an id that is not in use. */
  #place: Int32Array = new Int32Array(capacityMin);
  #lengths: Uint16Array = new Uint16Array(capacityMin);
  /** By id, so that removal and growth need not read the strings. */
  #hashes: Int32Array = new Int32Array(capacityMin);
  readonly #growth: StaggeredGrowth = new StaggeredGrowth(
    [
      {
        capacity: () => this.#place.length,
        grow: (capacity) => {
          this.#place = growInt32(this.#place, capacity);
        },
      },
      {
        capacity: () => this.#lengths.length,
        grow: (capacity) => {
          this.#lengths = growUint16(this.#lengths, capacity);
        },
      },
      {
        capacity: () => this.#hashes.length,
        grow: (capacity) => {
          this.#hashes = growInt32(this.#hashes, capacity);
        },
      },
    ],
    0.65,
    0.8,
  );
  readonly #pages: (Page | undefined)[] = [];
  /** Numbers of pages with room, by slot length. */
  readonly #open: Map<number, number[]> = new Map();
  #top = 0;
  #free = -1;
  #count = 0;

  /** `seed` decides the order of the slots; keep it secret where keys come from strangers. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get count(): number {
    return this.#count;
  }

  /** All ids are below this. */
  get top(): number {
    return this.#top;
  }

  /** Octets held for the strings, used or not. */
  get byteCount(): number {
    return this.#pages.reduce((sum, page) => sum + (page?.bytes.length ?? 0), 0);
  }

  /** False for an id that was never given out or was removed. */
  has(id: number): boolean {
    return id < this.#top && this.#lengths[id] !== freed;
  }

  /** The string; borrowed until it is removed. */
  bytesOf(id: number): Uint8Array {
    const { bytes, slotLength } = this.#pageOf(id);
    const start = (this.#place[id]! & slotMask) * slotLength;
    return bytes.subarray(start, start + this.#lengths[id]!);
  }

  /** The first octet of a string that is not empty. */
  firstOctetOf(id: number): number {
    const { bytes, slotLength } = this.#pageOf(id);
    return bytes[(this.#place[id]! & slotMask) * slotLength]!;
  }

  /** The id of the first `length` octets of `bytes`, or -1. */
  find(bytes: Uint8Array, length: number): number {
    const hash = this.#hash(bytes, length);
    const { slots, mask, former, formerMask } = this.#slots;
    const id = this.#probe(slots, mask, hash, bytes, length);
    if (id >= 0 || former === undefined) return id;
    return this.#probe(former, formerMask, hash, bytes, length);
  }

  /**
   * The id of the first `length` octets of `bytes`, which are copied into the table when it does
   * not have them: then it is one that was freed or `top`.
   */
  add(bytes: Uint8Array, length: number): number {
    assert(length < freed, "a key is shorter than a page");
    const known = this.find(bytes, length);
    if (known >= 0) return known;
    if (this.#slots.crowded) this.#slots.grow(this.#count, this.#top);
    const id = this.#takeId();
    this.#place[id] = this.#store(bytes, length);
    this.#lengths[id] = length;
    this.#hashes[id] = this.#hash(bytes, length);
    this.#slots.insert(id, this.#hashes[id]!);
    if (this.#slots.former !== undefined) this.#slots.move();
    this.#count += 1;
    return id;
  }

  remove(id: number): void {
    this.#slots.remove(id);
    this.#release(this.#place[id]!);
    this.#lengths[id] = freed;
    this.#place[id] = this.#free;
    this.#free = id;
    this.#count -= 1;
  }

  #pageOf(id: number): Page {
    return this.#pages[this.#place[id]! >>> slotBits]!;
  }

  #probe(slots: Int32Array, mask: number, hash: number, bytes: Uint8Array, length: number): number {
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry === 0) return -1;
      if (entry < 0 || this.#hashes[entry - 1] !== hash) continue;
      if (this.#equals(entry - 1, bytes, length)) return entry - 1;
    }
  }

  #equals(id: number, bytes: Uint8Array, length: number): boolean {
    if (this.#lengths[id] !== length) return false;
    const page = this.#pageOf(id);
    const start = (this.#place[id]! & slotMask) * page.slotLength;
    for (let i = 0; i < length; i += 1) if (page.bytes[start + i] !== bytes[i]) return false;
    return true;
  }

  /** FNV-1a over the bytes, seeded, finished so that every bit counts in the low ones. */
  #hash(bytes: Uint8Array, length: number): number {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }

  #takeId(): number {
    if (this.#free < 0) {
      if (this.#top >= this.#growth.at) this.#growth.step();
      return this.#top++;
    }
    const id = this.#free;
    this.#free = this.#place[id]!;
    return id;
  }

  /** Copies the string into a page; returns page and slot. */
  #store(bytes: Uint8Array, length: number): number {
    const slotLength = slotLengthOf(length);
    const open = this.#openPages(slotLength);
    const number = open.at(-1) ?? this.#addPage(slotLength, open);
    const page = this.#pages[number]!;
    const slot = page.free.pop() ?? page.top++;
    page.used += 1;
    if (page.used === slotCountOf(page)) open.pop();
    const start = slot * slotLength;
    for (let i = 0; i < length; i += 1) page.bytes[start + i] = bytes[i]!;
    return (number << slotBits) | slot;
  }

  #release(place: number): void {
    const number = place >>> slotBits;
    const page = this.#pages[number]!;
    const open = this.#openPages(page.slotLength);
    if (page.used === slotCountOf(page)) open.push(number);
    page.used -= 1;
    page.free.push(place & slotMask);
    // One stays, so that a key that comes and goes does not take a page with it each time.
    if (page.used > 0 || open.length === 1) return;
    open.splice(open.indexOf(number), 1);
    this.#pages[number] = undefined;
  }

  #openPages(slotLength: number): number[] {
    const known = this.#open.get(slotLength);
    if (known !== undefined) return known;
    const open: number[] = [];
    this.#open.set(slotLength, open);
    return open;
  }

  #addPage(slotLength: number, open: number[]): number {
    const vacant = this.#pages.indexOf(undefined);
    const number = vacant < 0 ? this.#pages.length : vacant;
    const bytes = new Uint8Array(pageLength);
    this.#pages[number] = { bytes, slotLength, free: [], top: 0, used: 0 };
    open.push(number);
    return number;
  }
}

function slotCountOf(page: Page): number {
  return Math.floor(page.bytes.length / page.slotLength);
}

/** Multiples of 8 up to 64, then powers of two: little is wasted, and there are few sizes. */
function slotLengthOf(length: number): number {
  if (length <= 64) return Math.max(8, (length + 7) & ~7);
  return 2 ** Math.ceil(Math.log2(length));
}
