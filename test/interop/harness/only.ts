import type { Path } from "../daemon.ts";

/** The fields that a test names, to compare them alone. */
export function only(path: Path | undefined, ...names: (keyof Path)[]): Partial<Path> | undefined {
  if (path === undefined) return undefined;
  return Object.fromEntries(names.map((name) => [name, path[name]]));
}
