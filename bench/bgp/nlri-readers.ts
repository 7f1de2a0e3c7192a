/** From NLRI on the wire to the number of a route of the workload. */
import type { Table } from "./table.ts";

/** -1 stands for a route that is not of the workload. */
export interface NlriReader {
  /** Octets of the route at `at`; more than there are when it is cut short. */
  lengthAt(bytes: Uint8Array, at: number): number;
  /** The number of the route at `at`, every octet of which has been compared. */
  indexAt(bytes: Uint8Array, at: number, withdrawn: boolean): number;
}

/** Of a table whose prefixes differ in their first 24 bits. */
export class TableReader implements NlriReader {
  readonly #table: Table;
  readonly #indexes = new Int32Array(1 << 24).fill(-1);

  constructor(table: Table) {
    this.#table = table;
    for (const [index, word] of table.address.entries()) this.#indexes[word >>> 8] = index;
  }

  lengthAt(bytes: Uint8Array, at: number): number {
    return 1 + (((bytes[at] as number) + 7) >> 3);
  }

  indexAt(bytes: Uint8Array, at: number): number {
    const length = bytes[at] as number;
    if (length > 24) return -1;
    let key = length > 0 ? (bytes[at + 1] as number) << 16 : 0;
    if (length > 8) key |= (bytes[at + 2] as number) << 8;
    if (length > 16) key |= bytes[at + 3] as number;
    const index = this.#indexes[key] as number;
    return index >= 0 && this.#table.length[index] === length ? index : -1;
  }
}

/** NLRI of one size each, which hold the number of their route as a uint32 plus `base`. */
export interface FixedLayout {
  readonly indexOffset: number;
  readonly base: number;
  /** Bits that count in an announcement; as long as the NLRI. */
  readonly mask: Uint8Array;
  /** The same in a withdrawal, whose label means nothing (RFC 8277 2.4). */
  readonly withdrawnMask: Uint8Array;
}

export class FixedReader implements NlriReader {
  readonly #layout: FixedLayout;
  readonly #length: number;
  /** The NLRI of all routes, one behind the other. */
  readonly #expected: Uint8Array;

  constructor(layout: FixedLayout, expected: Uint8Array) {
    this.#layout = layout;
    this.#length = layout.mask.length;
    this.#expected = expected;
  }

  lengthAt(): number {
    return this.#length;
  }

  indexAt(bytes: Uint8Array, at: number, withdrawn: boolean): number {
    const { indexOffset, base, mask, withdrawnMask } = this.#layout;
    const expected = this.#expected;
    const index = uint32At(bytes, at + indexOffset) - base;
    const start = index * this.#length;
    if (index < 0 || start >= expected.length) return -1;
    const masked = withdrawn ? withdrawnMask : mask;
    for (let i = 0; i < masked.length; i += 1) {
      const differs = (bytes[at + i] as number) ^ (expected[start + i] as number);
      if ((differs & (masked[i] as number)) !== 0) return -1;
    }
    return index;
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  const low = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  return high * 0x10000 + low;
}
