/**
 * Tests for whoever implements a store.
 * @module
 */
export type { ConformanceLimits, OpenStore, StoreUnderTest } from "./harness.ts";
export { storeConformance } from "./store-conformance.ts";
