/**
 * Payloads of routes (labels, ESI, gateway: see `NlriCodec`), interned by their bytes and counted:
 * one is forgotten when no path and no Adj-RIB-Out refers to it any more.
 */
import { growInt32 } from "./columns.ts";
import { KeyTable } from "./key-table.ts";

export class PayloadTable {
  readonly #strings: KeyTable;
  #references: Int32Array = new Int32Array(64);

  constructor(seed: number) {
    this.#strings = new KeyTable(seed);
  }

  /** Distinct payloads in use. */
  get count(): number {
    return this.#strings.count;
  }

  /**
   * The id of the first `length` octets of `bytes`. A new one has no reference yet: whoever does
   * not retain it calls `freeIfUnused`.
   */
  intern(bytes: Uint8Array, length: number): number {
    const id = this.#strings.add(bytes, length);
    if (id >= this.#references.length) {
      this.#references = growInt32(this.#references, this.#references.length * 2);
    }
    return id;
  }

  /** The payload; borrowed until its last reference goes. */
  bytesOf(id: number): Uint8Array {
    return this.#strings.bytesOf(id);
  }

  retain(id: number): void {
    this.#references[id] = this.#references[id]! + 1;
  }

  release(id: number): void {
    this.#references[id] = this.#references[id]! - 1;
    this.freeIfUnused(id);
  }

  freeIfUnused(id: number): void {
    if (this.#references[id] === 0) this.#strings.remove(id);
  }
}
