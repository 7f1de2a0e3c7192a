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
 * of each file. The module is loaded once per thread.
 */
export function loadAddon<Concern extends object>(): Concern {
  const paths = candidates.map((file) => path.resolve(import.meta.dirname, file));
  const found = paths.find((file) => existsSync(file));
  if (found === undefined) {
    throw new Error(`Cannot load the native addon: none of ${paths.join(", ")}, want one built`);
  }
  return createRequire(import.meta.url)(found);
}
