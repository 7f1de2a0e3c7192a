/** Who names whom, looked up from the named side. */
import type { ObjectKey } from "./model.ts";

const nobody: ReadonlySet<string> = new Set();

export class ReferenceGraph {
  /** Named object to kind of those that name it to their local names. */
  readonly #referrers = new Map<ObjectKey, Map<string, Set<string>>>();

  add(kind: string, localName: string, targets: readonly ObjectKey[]): void {
    for (const target of targets) {
      const kinds = this.#referrers.get(target) ?? new Map<string, Set<string>>();
      const names = kinds.get(kind) ?? new Set<string>();
      names.add(localName);
      kinds.set(kind, names);
      this.#referrers.set(target, kinds);
    }
  }

  remove(kind: string, localName: string, targets: readonly ObjectKey[]): void {
    for (const target of targets) {
      const kinds = this.#referrers.get(target);
      const names = kinds?.get(kind);
      if (kinds === undefined || names === undefined) continue;
      names.delete(localName);
      if (names.size === 0) kinds.delete(kind);
      if (kinds.size === 0) this.#referrers.delete(target);
    }
  }

  /**
   * Local names of the objects of that kind that name the target; borrowed, valid until a change.
   */
  referrers(target: ObjectKey, kind: string): ReadonlySet<string> {
    return this.#referrers.get(target)?.get(kind) ?? nobody;
  }

  *allReferrers(target: ObjectKey): Generator<ObjectKey> {
    const kinds = this.#referrers.get(target);
    if (kinds === undefined) return;
    for (const [kind, names] of kinds) {
      for (const name of names) yield `${kind}/${name}` as ObjectKey;
    }
  }
}
