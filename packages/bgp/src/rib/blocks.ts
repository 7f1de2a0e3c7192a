/**
 * Attribute blocks interned by their bytes: the same bytes from peers of the same import class are
 * decoded, checked and put through policy once, for as long as a route refers to them.
 *
 * What stays of a block are its bytes. The decoded attributes are kept only of those that came
 * last, which are about to be exported, and decoded again for whoever asks later: with 28 000
 * blocks that is a quarter of the memory, and the garbage collector has little to copy.
 */
import { decodeAttributes } from "../packet/decode-attributes.ts";
import { isProblem, routeAttributesOf } from "../packet/decoded-attributes.ts";
import { attributeTypes } from "../packet/iana.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Residue } from "../policy/evaluate.ts";
import { growInt32 } from "./columns.ts";
import {
  type ImportClass,
  type ImportOutcome,
  type ImportVerdict,
  importOutcome,
  importVerdicts,
} from "./import.ts";
import { Slab } from "./slab.ts";
import { SlotTable } from "./slot-table.ts";

export class Block {
  readonly importClass: ImportClass;
  /** The bytes it is found by. Owned. */
  readonly key: Uint8Array;
  readonly hash: number;
  readonly verdicts: Residue<ImportVerdict>;
  /** Number in the table of blocks; reused. */
  readonly id: number;
  /** First of the rows that are not dead, -1 for none: see `RowTable`. */
  firstRow = -1;
  /** Rows that refer to the block, also dead ones. */
  rowCount = 0;
  /** An attribute was discarded (RFC 7606 2). */
  lacksAttribute = false;
  #attributes: PathAttributes | undefined;
  /** The outcome last asked for, while the attributes are at hand. */
  #outcome: ImportOutcome | undefined;
  #outcomeIndex = -1;

  constructor(
    id: number,
    importClass: ImportClass,
    hash: number,
    key: Uint8Array,
    attributes: PathAttributes,
  ) {
    this.id = id;
    this.importClass = importClass;
    this.hash = hash;
    this.key = key;
    this.verdicts = importVerdicts(attributes, importClass);
    this.#attributes = attributes;
  }

  /** As received. */
  get attributes(): PathAttributes {
    return this.#attributes ?? decodeKey(this.key, this.importClass);
  }

  /** What import makes of a route for which that verdict holds. */
  outcomeAt(index: number): ImportOutcome {
    if (this.#outcome !== undefined && this.#outcomeIndex === index) return this.#outcome;
    const verdict = this.verdicts.outcomes[index]!;
    const outcome = importOutcome(this.attributes, this.importClass, verdict);
    if (this.#attributes !== undefined) {
      this.#outcome = outcome;
      this.#outcomeIndex = index;
    }
    return outcome;
  }

  /** The key tells everything again, but for local routes. */
  forgetAttributes(): void {
    if (this.importClass.local) return;
    this.#attributes = undefined;
    this.#outcome = undefined;
  }
}

/** Blocks of which the attributes are at hand: more than come in between two flushes. */
const recentCountMax = 4096;

export class BlockTable {
  readonly #seed: number;
  readonly #slab = new Slab();
  readonly #slots: SlotTable = new SlotTable(256, {
    hashOf: (id) => this.#hashes[id]!,
    insertRange: (start, end) => this.#insertRange(start, end),
  });
  readonly #blocks: (Block | undefined)[] = [];
  /** By number of the block, so that looking for one seldom touches another. */
  #hashes: Int32Array = new Int32Array(128);
  readonly #free: number[] = [];
  /** A ring of the last blocks added; some may be gone. */
  readonly #recent: Block[] = [];
  #recentAt = 0;
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
    const { slots, mask, former, formerMask } = this.#slots;
    const sought = { importClass, hash, bytes, start, end };
    const block = this.#probe(slots, mask, sought);
    return block !== undefined || former === undefined
      ? block
      : this.#probe(former, formerMask, sought);
  }

  /** Adds a block that `find` did not find; the bytes are copied. */
  add(
    importClass: ImportClass,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    attributes: PathAttributes,
  ): Block {
    if (this.#slots.crowded) this.#slots.grow(this.#count, this.#blocks.length);
    const id = this.#free.pop() ?? this.#blocks.length;
    const key = this.#slab.copy(bytes, start, end);
    const block = new Block(id, importClass, hash, key, attributes);
    this.#blocks[id] = block;
    if (id === this.#hashes.length) this.#hashes = growInt32(this.#hashes, id * 2);
    this.#hashes[id] = hash;
    this.#slots.insert(id, hash);
    if (this.#slots.former !== undefined) this.#slots.move();
    this.#count += 1;
    this.#recent[this.#recentAt]?.forgetAttributes();
    this.#recent[this.#recentAt] = block;
    this.#recentAt = (this.#recentAt + 1) % recentCountMax;
    return block;
  }

  remove(block: Block): void {
    this.#slots.remove(block.id);
    this.#blocks[block.id] = undefined;
    this.#free.push(block.id);
    this.#count -= 1;
  }

  /** FNV-1a over the bytes, seeded. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    return (hash ^ (hash >>> 15)) | 0;
  }

  #probe(slots: Int32Array, mask: number, sought: Sought): Block | undefined {
    const { importClass, hash } = sought;
    for (let slot = hash & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot]!;
      if (entry < 0 || this.#hashes[entry - 1] !== hash) continue;
      const block = this.#blocks[entry - 1];
      if (block?.importClass === importClass && equals(block.key, sought)) return block;
    }
    return undefined;
  }

  #insertRange(start: number, end: number): void {
    for (let id = start; id < end; id += 1) {
      if (this.#blocks[id] !== undefined) this.#slots.insert(id, this.#hashes[id]!);
    }
  }
}

interface Sought {
  readonly importClass: ImportClass;
  readonly hash: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function equals(key: Uint8Array, { bytes, start, end }: Sought): boolean {
  if (key.length !== end - start) return false;
  for (let i = 0; i < key.length; i += 1) if (key[i] !== bytes[start + i]) return false;
  return true;
}

/** MP_REACH_NLRI comes first in the key of a block that has it: see `UpdateReceiver`. */
function decodeKey(key: Uint8Array, { cx }: ImportClass): PathAttributes {
  const source = key[1] === attributeTypes.mpReachNlri ? "mp-reach" : "nlri";
  const attributes = routeAttributesOf(decodeAttributes(key, cx), source);
  if (isProblem(attributes)) throw new Error(`Cannot decode a known block: ${attributes.message}`);
  return attributes;
}
