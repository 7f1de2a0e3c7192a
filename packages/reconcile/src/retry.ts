import { assert, type Rng } from "@heddle/std";

/** Exponential: each failure doubles the delay up to the cap. */
export interface RetryConfig {
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
}

/**
 * Delay before the next attempt after `failureCount` failures in a row (1 or more): uniform between
 * half and the whole of the exponential delay, so that objects that failed together do not come
 * back together.
 */
export function retryDelayMs(config: RetryConfig, failureCount: number, rng: Rng): number {
  assert(failureCount >= 1, "there is a retry only after a failure");
  const doublings = Math.min(failureCount - 1, 52);
  const delayMs = Math.min(config.delayMsMax, config.firstDelayMs * 2 ** doublings);
  return delayMs / 2 + (delayMs / 2) * (rng.uint32() / 0x100000000);
}
