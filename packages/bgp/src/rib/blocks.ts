/**
 * Attribute blocks interned by their bytes: the same bytes from peers of the same import class are
 * decoded, checked and put through policy once, for as long as a route refers to them.
 */
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { PrefixSet } from "../policy/prefix-set.ts";
import { type ImportClass, type ImportOutcome, importAttributes } from "./import.ts";

export interface Block {
  readonly importClass: ImportClass;
  /** The bytes it is found by. Owned. */
  readonly key: Uint8Array;
  readonly hash: number;
  /** As received. */
  readonly attributes: PathAttributes;
  /** See `Residue`: an outcome per prefix set, and the final one. */
  readonly prefixSets: readonly PrefixSet[];
  readonly outcomes: readonly ImportOutcome[];
  /** Rows of this block that are not dead: a live and a stale one per peer and outcome in use. */
  readonly rows: number[];
  /** Rows that refer to the block, also dead ones. */
  rowCount: number;
}

export class BlockTable {
  readonly #seed: number;
  #mask = 255;
  #slots: (Block | undefined)[] = new Array<Block | undefined>(256).fill(undefined);
  #count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get count(): number {
    return this.#count;
  }

  /** The block of `bytes[start, end)`; undefined when it has to be added. */
  find(
    importClass: ImportClass,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Block | undefined {
    let slot = hash & this.#mask;
    for (let block = this.#slots[slot]; block !== undefined; block = this.#slots[slot]) {
      const hit = block.hash === hash && block.importClass === importClass;
      if (hit && equals(block.key, bytes, start, end)) return block;
      slot = (slot + 1) & this.#mask;
    }
    return undefined;
  }

  /** Adds a block that `find` did not find. `key` is owned by the table from now on. */
  add(importClass: ImportClass, hash: number, key: Uint8Array, attributes: PathAttributes): Block {
    if (this.#count * 2 >= this.#slots.length) this.#grow();
    const { prefixSets, outcomes } = importAttributes(attributes, importClass);
    const block: Block = {
      importClass,
      key,
      hash,
      attributes,
      prefixSets,
      outcomes,
      rows: [],
      rowCount: 0,
    };
    this.#insert(block);
    this.#count += 1;
    return block;
  }

  remove(block: Block): void {
    const slots = this.#slots;
    const mask = this.#mask;
    let hole = block.hash & mask;
    while (slots[hole] !== block) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[at] !== undefined; at = (at + 1) & mask) {
      const distance = (at - slots[at]!.hash) & mask;
      if (distance >= ((at - hole) & mask)) {
        slots[hole] = slots[at];
        hole = at;
      }
    }
    slots[hole] = undefined;
    this.#count -= 1;
  }

  /** FNV-1a over the bytes, seeded. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    return (hash ^ (hash >>> 15)) | 0;
  }

  #insert(block: Block): void {
    let slot = block.hash & this.#mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = block;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<Block | undefined>(old.length * 2).fill(undefined);
    this.#mask = this.#slots.length - 1;
    for (const block of old) if (block !== undefined) this.#insert(block);
  }
}

function equals(key: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i += 1) if (key[i] !== bytes[start + i]) return false;
  return true;
}
