/**
 * Results by key, worked out anew where they were marked: what the tables hand over to the data
 * plane. A result that comes out as it was is no change.
 */
export class ResultTable<K, V> {
  readonly #values: Map<K, V> = new Map();
  readonly #marked: Set<K> = new Set();
  #onMarked: () => void = () => undefined;

  /** From now on `onMarked` is called when the first result is marked; at once if one is. */
  bind(onMarked: () => void): void {
    this.#onMarked = onMarked;
    if (this.isMarked) onMarked();
  }

  mark(key: K): void {
    if (this.#marked.size === 0) this.#onMarked();
    this.#marked.add(key);
  }

  markAll(): void {
    for (const key of this.#values.keys()) this.mark(key);
  }

  get isMarked(): boolean {
    return this.#marked.size > 0;
  }

  /**
   * Works out up to `limit` marked results and gives the changed ones to `emit`; returns how many
   * were worked out. `evaluate` must not mark.
   */
  take(
    limit: number,
    evaluate: (key: K) => V | undefined,
    isEqual: (a: V, b: V) => boolean,
    emit: (key: K, value: V | undefined) => void,
  ): number {
    let count = 0;
    for (const key of this.#marked) {
      if (count >= limit) break;
      count += 1;
      this.#marked.delete(key);
      const before = this.#values.get(key);
      const value = evaluate(key);
      if (value === undefined) {
        if (this.#values.delete(key)) emit(key, undefined);
      } else if (before === undefined || !isEqual(before, value)) {
        this.#values.set(key, value);
        emit(key, value);
      }
    }
    return count;
  }

  get(key: K): V | undefined {
    return this.#values.get(key);
  }

  values(): IterableIterator<V> {
    return this.#values.values();
  }
}
