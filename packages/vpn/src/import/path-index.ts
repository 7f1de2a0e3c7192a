/** Paths by something that several of them may share; mostly it is one, which then costs no set. */
import type { ImportPath } from "./import-path.ts";

export class PathIndex<K, P extends ImportPath = ImportPath> {
  readonly #paths: Map<K, P | Set<P>> = new Map();

  add(key: K, path: P): void {
    const known = this.#paths.get(key);
    if (known === undefined) this.#paths.set(key, path);
    else if (known instanceof Set) known.add(path);
    else if (known !== path) this.#paths.set(key, new Set([known, path]));
  }

  delete(key: K, path: P): void {
    const known = this.#paths.get(key);
    if (known instanceof Set) {
      known.delete(path);
      if (known.size === 0) this.#paths.delete(key);
    } else if (known === path) {
      this.#paths.delete(key);
    }
  }

  has(key: K, path: P): boolean {
    const known = this.#paths.get(key);
    return known instanceof Set ? known.has(path) : known === path;
  }

  get(key: K): Iterable<P> {
    const known = this.#paths.get(key);
    if (known === undefined) return none;
    return known instanceof Set ? known : [known];
  }

  /** In an order that depends on nothing but the paths. */
  sorted(key: K): P[] {
    const paths = [...this.get(key)];
    return paths.length > 1 ? paths.sort(byId) : paths;
  }
}

const none: readonly never[] = [];

export function byId(a: ImportPath, b: ImportPath): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
