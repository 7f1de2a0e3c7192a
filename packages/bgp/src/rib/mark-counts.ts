/**
 * How many peers that catch up have marked a key. A key that is about to be freed is looked up
 * here: with a thousand peers away, asking each of them took longer than all the rest.
 */
import { growInt32 } from "./columns.ts";

export class MarkCounts {
  /** By id; ids behind its end have no mark. */
  #counts: Int32Array = new Int32Array(0);

  has(id: number): boolean {
    return id < this.#counts.length && this.#counts[id] !== 0;
  }

  add(id: number): void {
    if (id >= this.#counts.length) {
      this.#counts = growInt32(this.#counts, Math.max(id + 1, this.#counts.length * 2, 256));
    }
    this.#counts[id] = this.#counts[id]! + 1;
  }

  /** Of a key that was added. */
  subtract(id: number): void {
    this.#counts[id] = this.#counts[id]! - 1;
  }
}
