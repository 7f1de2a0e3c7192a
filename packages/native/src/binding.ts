/**
 * Loads the addon. Each file of this package describes the functions of its concern as an interface
 * and asks for them here; nothing outside this package sees the addon itself.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** What a function of the addon returns: a non-negative number, or -errno. */
export type Result = number;

/** Beside the file when bundled for shipping, else where `make -C packages/native` puts it. */
const candidates: readonly string[] = ["heddle.node", "../build/heddle.node"];

/**
 * The functions of one concern. The type argument is a promise about `src/*.c`, kept by the tests
 * of each file. The module is loaded once per thread. Where it has not been built, whatever does
 * not call the kernel still works: only the use of a function throws.
 */
export function loadAddon<Concern extends object>(): Concern {
  const paths = candidates.map((file) => path.resolve(import.meta.dirname, file));
  const found = paths.find((file) => existsSync(file));
  return found === undefined ? missingAddon(paths) : createRequire(import.meta.url)(found);
}

function missingAddon<Concern extends object>(paths: readonly string[]): Concern {
  return new Proxy<Concern>(Object.create(null), {
    get(): never {
      const tried = paths.join(", ");
      throw new Error(
        `Cannot use the native addon: none of ${tried}, want one built (make native)`,
      );
    },
  });
}
