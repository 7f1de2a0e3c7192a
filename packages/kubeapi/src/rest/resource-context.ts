/** What the handlers of resources work with. */
import type { VersionedStore } from "@heddle/kube";
import type { Clock, Rng } from "@heddle/std";
import type { ClusterFacts } from "../auth/attributes.ts";
import { factsOf } from "./access.ts";

export interface ResourceContext {
  readonly store: VersionedStore;
  readonly clock: Clock;
  readonly facts: ClusterFacts;
  /** A random whole number from 0 to below `bound`. */
  readonly jitter: (bound: number) => number;
}

export function resourceContext(store: VersionedStore, clock: Clock, rng: Rng): ResourceContext {
  const facts = factsOf(store.view, clock);
  return { store, clock, facts, jitter: (bound) => rng.uint32() % bound };
}
