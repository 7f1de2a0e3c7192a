/** A store that keeps nothing beyond the process: for tests and for tools that work on a copy. */
import type { Clock, Rng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { volatileJournal } from "./journal.ts";
import type { Admission, StoreLimits } from "./store-options.ts";
import { emptySnapshot } from "./store-state.ts";
import { VersionedStore } from "./versioned-store.ts";

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  readonly rng?: Rng;
  readonly admission?: Admission;
  readonly limits?: Partial<StoreLimits>;
}

export class MemoryStore extends VersionedStore {
  constructor(options: MemoryStoreOptions = {}) {
    super({
      clock: systemClock,
      rng: systemRng,
      ...options,
      journal: volatileJournal,
      snapshot: emptySnapshot,
    });
  }
}
