/** Who imports a path, and which paths somebody imports: both by route target. */
import type { RouteTarget } from "@heddle/inet";
import type { ImportPath } from "./import-path.ts";

/** A table that takes the paths of its route targets. */
export interface Importer {
  add(path: ImportPath): void;
  remove(path: ImportPath): void;
  /** What is made of a path that it has may come out differently. */
  touch(path: ImportPath): void;
}

export class TargetIndex {
  readonly #importers: Map<RouteTarget, Set<Importer>> = new Map();
  readonly #paths: Map<RouteTarget, Set<ImportPath>> = new Map();

  /** `importer` is given all paths that are there, and from now on each that comes. */
  addImporter(importer: Importer, targets: readonly RouteTarget[]): void {
    const paths = new Set<ImportPath>();
    for (const target of targets) {
      addTo(this.#importers, target, importer);
      for (const path of this.#paths.get(target) ?? []) paths.add(path);
    }
    for (const path of paths) importer.add(path);
  }

  /** `importer` keeps what it has. */
  removeImporter(importer: Importer, targets: readonly RouteTarget[]): void {
    for (const target of targets) deleteFrom(this.#importers, target, importer);
  }

  addPath(path: ImportPath): void {
    for (const target of path.attributes.targets) addTo(this.#paths, target, path);
    this.forEachImporter(path, (importer) => importer.add(path));
  }

  removePath(path: ImportPath): void {
    for (const target of path.attributes.targets) deleteFrom(this.#paths, target, path);
    this.forEachImporter(path, (importer) => importer.remove(path));
  }

  /** Each once, however many route targets lead to it. */
  forEachImporter(
    { attributes: { targets } }: ImportPath,
    visit: (importer: Importer) => void,
  ): void {
    for (const [i, target] of targets.entries()) {
      for (const importer of this.#importers.get(target) ?? none) {
        if (!this.#hasOneOf(importer, targets, i)) visit(importer);
      }
    }
  }

  /** Whether the importer has one of the first `count` targets. */
  #hasOneOf(importer: Importer, targets: readonly RouteTarget[], count: number): boolean {
    for (let i = 0; i < count; i += 1) {
      if (this.#importers.get(targets[i] as RouteTarget)?.has(importer) === true) return true;
    }
    return false;
  }
}

const none: readonly never[] = [];

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([value]));
  else known.add(value);
}

function deleteFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const known = map.get(key);
  known?.delete(value);
  if (known?.size === 0) map.delete(key);
}
