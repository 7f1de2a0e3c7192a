/**
 * The timers of one session (RFC 4271 10): at most one of each runs, and starting one replaces it.
 */
import type { Clock, Rng, Timer } from "@heddle/std";

export type SessionTimerName =
  | "connectRetry"
  | "delayOpen"
  | "hold"
  | "keepalive"
  | "idleHold"
  | "sendHold";

export class SessionTimers {
  readonly #clock: Clock;
  readonly #running: Map<SessionTimerName, Timer> = new Map();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(name: SessionTimerName, delayMs: number, run: () => void): void {
    this.stop(name);
    const timer = this.#clock.after(delayMs, () => {
      this.#running.delete(name);
      run();
    });
    this.#running.set(name, timer);
  }

  stop(name: SessionTimerName): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  isRunning(name: SessionTimerName): boolean {
    return this.#running.has(name);
  }

  stopAll(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}

/** `ms` times a uniform factor from 0.75 to 1 (RFC 4271 10). */
export function jittered(ms: number, rng: Rng): number {
  return ms * (0.75 + (rng.uint32() / 2 ** 32) * 0.25);
}

/** Exponential back-off before attempt `failureCount` + 1, before jitter. */
export function backoffMs(minMs: number, maxMs: number, failureCount: number): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(Math.max(failureCount - 1, 0), 30));
}

/** Sessions whose timers would expire within such a time are served in one turn. */
const gridMs = 100;
/** What is shorter runs exactly as long as it says. */
const alignedMsMin = 1000;

/**
 * `delayMs` from `nowMs` on, shortened so that it ends on a grid that all sessions share: with a
 * thousand of them, what a timer costs is that the process wakes up for it.
 */
export function alignedMs(nowMs: number, delayMs: number): number {
  if (delayMs < alignedMsMin) return delayMs;
  return Math.floor((nowMs + delayMs) / gridMs) * gridMs - nowMs;
}
