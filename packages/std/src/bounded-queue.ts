import { assert } from "./assert.ts";

/**
 * A first-in first-out queue with a hard limit, over a ring that grows by doubling up to the limit.
 * The caller decides what a full queue means: `push` says so and stores nothing.
 */
export class BoundedQueue<T> {
  readonly countMax: number;
  #ring: (T | undefined)[] = new Array<T | undefined>(16);
  #head = 0;
  #count = 0;

  constructor(countMax: number) {
    assert(Number.isInteger(countMax) && countMax > 0, "queue limit is a positive integer");
    this.countMax = countMax;
  }

  get count(): number {
    return this.#count;
  }

  /** Appends `value`; false when the queue is full. */
  push(value: T): boolean {
    if (this.#count === this.countMax) return false;
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count) % this.#ring.length] = value;
    this.#count += 1;
    return true;
  }

  /** Removes and returns the oldest value; undefined when empty. */
  shift(): T | undefined {
    if (this.#count === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#count -= 1;
    return value;
  }

  #grow(): void {
    const ring = new Array<T | undefined>(this.#ring.length * 2);
    for (let i = 0; i < this.#count; i += 1) {
      ring[i] = this.#ring[(this.#head + i) % this.#ring.length];
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
