/** Waiting with a limit, and a message that says what was awaited and what was seen last. */
import { setTimeout as sleep } from "node:timers/promises";

const waitMsMax = 15_000;
/** Between two looks, which cost a process each: longer and longer. */
const betweenMsMin = 40;
const betweenMsMax = 320;
const samplesMs = 80;

/** Repeats `check` until it does not throw, and gives what it gives. */
export async function eventually<T>(what: string, check: () => T | Promise<T>): Promise<T> {
  const endMs = performance.now() + waitMsMax;
  for (let betweenMs = betweenMsMin; ; betweenMs = Math.min(betweenMs * 1.25, betweenMsMax)) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endMs) {
        const seen = error instanceof Error ? error.message : String(error);
        const message = `Waited ${waitMsMax} ms in vain for: ${what}; last seen: ${seen}`;
        throw new Error(message, { cause: error });
      }
    }
    await sleep(betweenMs);
  }
}

/** Fails when `check` throws at any time during `lengthMs`. */
export async function throughout(
  what: string,
  lengthMs: number,
  check: () => unknown | Promise<unknown>,
): Promise<void> {
  const endMs = performance.now() + lengthMs;
  while (performance.now() < endMs) {
    try {
      await check();
    } catch (error) {
      const seen = error instanceof Error ? error.message : String(error);
      throw new Error(`Did not hold for ${lengthMs} ms: ${what}; seen: ${seen}`, { cause: error });
    }
    await sleep(samplesMs);
  }
}
