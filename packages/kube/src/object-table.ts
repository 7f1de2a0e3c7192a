/** The objects of one resource in key order, so that lists page and namespaces are ranges. */
import { must } from "@heddle/std";
import type { StoredObject } from "./event-log.ts";

export class ObjectTable {
  readonly #objects: Map<string, StoredObject> = new Map();
  #keys: string[] = [];

  get count(): number {
    return this.#objects.size;
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  set(stored: StoredObject): void {
    if (!this.#objects.has(stored.key))
      this.#keys.splice(this.#position(stored.key), 0, stored.key);
    this.#objects.set(stored.key, stored);
  }

  delete(key: string): void {
    if (this.#objects.delete(key)) this.#keys.splice(this.#position(key), 1);
  }

  /** Fills an empty table; cheaper than `set` one by one. */
  load(objects: readonly StoredObject[]): void {
    for (const stored of objects) this.#objects.set(stored.key, stored);
    this.#keys = [...this.#objects.keys()].sort();
  }

  /** Objects whose key is at or after `from` and before `to`, in key order. */
  *range(from: string, to: string | undefined): Generator<StoredObject> {
    for (let i = this.#position(from); i < this.#keys.length; i += 1) {
      const key = this.#keys[i] as string;
      if (to !== undefined && key >= to) return;
      yield must(this.#objects.get(key), "every key has its object");
    }
  }

  /** Index of the first key that is not below `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
