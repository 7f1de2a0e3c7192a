/**
 * Short byte strings side by side in pages. One page is one allocation for some dozens of strings:
 * a `Uint8Array` with a buffer of its own costs 300 bytes and a visit of the garbage collector
 * more than what is in it.
 */

/** A page stays while one of its strings does, so this is what a string may cost at worst. */
const pageLength = 8192;
/** Longer ones get a buffer of their own, so that little is left at the end of a page. */
const sharedLengthMax = 1024;

export class Slab {
  #page: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** A copy of `bytes[start, end)`. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (length > sharedLengthMax) return new Uint8Array(bytes.subarray(start, end));
    if (this.#length + length > this.#page.length) {
      this.#page = new Uint8Array(pageLength);
      this.#length = 0;
    }
    const at = this.#length;
    const copy = this.#page.subarray(at, at + length);
    for (let i = 0; i < length; i += 1) copy[i] = bytes[start + i]!;
    this.#length = at + length;
    return copy;
  }
}
