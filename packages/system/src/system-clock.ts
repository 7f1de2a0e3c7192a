/** Real time and randomness, for production; tests and the simulator bring their own. */
import type { Clock, Rng, Timer } from "@heddle/std";

/** Longest delay of setTimeout, about 24.8 days. */
const delayMaxMs = 0x7fffffff;

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs: number, run: () => void): Timer {
    const handle = setTimeout(run, Math.min(delayMs, delayMaxMs));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Not predictable, so that nobody can aim at jitter or hash seeds. */
export const systemRng: Rng = {
  uint32(): number {
    return crypto.getRandomValues(new Uint32Array(1))[0] as number;
  },
};
