/** Time as an argument, so that the same code runs under a virtual clock. */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start. */
  nowMs(): number;
  /** Wall-clock milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `run` once after `delayMs`. */
  after(delayMs: number, run: () => void): Timer;
}

/** A pending call of {@link Clock.after}. */
export interface Timer {
  /** Idempotent; does nothing once the call ran. */
  cancel(): void;
}

/** Randomness as an argument, so that a run can be repeated from its seed. */
export interface Rng {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
}

/** A small seeded generator (xorshift32) for tests and the simulator; not for secrets. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0 || 1;
  return {
    uint32(): number {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    },
  };
}
