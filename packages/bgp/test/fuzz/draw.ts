/** Choices out of a seeded generator, so that a case is its seed. */
import { type Rng, seededRng } from "@heddle/std";

export class Draw {
  readonly #rng: Rng;

  constructor(seed: number) {
    // Small seeds leave the first outputs of xorshift32 small, too.
    this.#rng = seededRng(Math.imul(seed + 1, 0x9e3779b1));
    for (let i = 0; i < 4; i += 1) this.#rng.uint32();
  }

  /** 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#rng.uint32() % limit;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }

  /** `min` to `max` of what `one` makes. */
  list<T>(min: number, max: number, one: () => T): T[] {
    const all: T[] = [];
    const count = min + this.below(max - min + 1);
    for (let i = 0; i < count; i += 1) all.push(one());
    return all;
  }

  bytes(length: number): number[] {
    return Array.from({ length }, () => this.below(256));
  }
}
