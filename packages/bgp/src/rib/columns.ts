/** Typed-array columns that grow by doubling; the ids that index them never move. */

/** A copy of `column` with room for `capacity` elements, the new ones set to `fill`. */
export function growInt32(column: Int32Array, capacity: number, fill = 0): Int32Array {
  const grown = new Int32Array(capacity);
  grown.set(column);
  if (fill !== 0) grown.fill(fill, column.length);
  return grown;
}

export function growUint8(column: Uint8Array, capacity: number): Uint8Array {
  const grown = new Uint8Array(capacity);
  grown.set(column);
  return grown;
}

export function growUint32(column: Uint32Array, capacity: number): Uint32Array {
  const grown = new Uint32Array(capacity);
  grown.set(column);
  return grown;
}

export function growUint16(column: Uint16Array, capacity: number): Uint16Array {
  const grown = new Uint16Array(capacity);
  grown.set(column);
  return grown;
}

export function growFloat64(column: Float64Array, capacity: number): Float64Array {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}

/**
 * A first-in first-out list of ids. The owner keeps each id in it at most once, which bounds it by
 * the number of ids.
 */
export class IdQueue {
  #ids: Int32Array = new Int32Array(64);
  #start = 0;
  #end = 0;

  get count(): number {
    return this.#end - this.#start;
  }

  push(id: number): void {
    if (this.#end === this.#ids.length) this.#makeRoom();
    this.#ids[this.#end++] = id;
  }

  /** Removes up to `limit` ids, oldest first; borrowed until the next `push`. */
  take(limit: number): Int32Array {
    const start = this.#start;
    this.#start = Math.min(this.#end, start + limit);
    const taken = this.#ids.subarray(start, this.#start);
    if (this.#start === this.#end) this.#reset();
    return taken;
  }

  /** An emptied queue gives its memory back when a burst had made it large. */
  #reset(): void {
    if (this.#ids.length > 65536) this.#ids = new Int32Array(64);
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(): void {
    const count = this.count;
    const ids = count * 2 > this.#ids.length ? new Int32Array(this.#ids.length * 2) : this.#ids;
    ids.set(this.#ids.subarray(this.#start, this.#end));
    this.#ids = ids;
    this.#start = 0;
    this.#end = count;
  }
}
