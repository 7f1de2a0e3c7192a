/**
 * The rules of a store as tests. Whatever implements `Store` runs them all, so that code written
 * against one runs on the others.
 */
import { describe } from "node:test";
import { conformanceLimits, type OpenStore, type StoreUnderTest } from "./harness.ts";
import { listRules } from "./list-rules.ts";
import { watchRules } from "./watch-rules.ts";
import { writeRules } from "./write-rules.ts";

/** Declares the suite; `open` is called once per test. */
export function storeConformance(name: string, open: OpenStore): void {
  const openWithLimits = (): Promise<StoreUnderTest> => open(conformanceLimits);
  describe(`${name} is a Store`, () => {
    writeRules(openWithLimits);
    listRules(openWithLimits);
    watchRules(openWithLimits);
  });
}
