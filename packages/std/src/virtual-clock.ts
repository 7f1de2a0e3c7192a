import { assert } from "./assert.ts";
import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that moves only when told to; timers fire in due order, ties in the order of creation.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #pending: Set<Pending> = new Set();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    assert(delayMs >= 0, "a timer's delay is not negative");
    const pending = { dueMs: this.#nowMs + delayMs, order: this.#order++, run };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** Moves time forward by `ms`, running every timer that falls due, also those set on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#pending.delete(next);
      this.#nowMs = next.dueMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  #next(endMs: number): Pending | undefined {
    let best: Pending | undefined;
    for (const p of this.#pending) {
      if (p.dueMs > endMs) continue;
      if (
        best === undefined ||
        p.dueMs < best.dueMs ||
        (p.dueMs === best.dueMs && p.order < best.order)
      ) {
        best = p;
      }
    }
    return best;
  }
}
