/**
 * Runs one piece of work at a time whenever somebody said that something changed, and at least
 * every period.
 */
import type { Log } from "@heddle/std";

const periodMs = 5000;
const afterFailureMs = 500;

export class ReconcileLoop {
  readonly #work: () => Promise<void>;
  readonly #log: Log;
  #wake: () => void = () => undefined;
  #isDirty = true;

  constructor(work: () => Promise<void>, log: Log) {
    this.#work = work;
    this.#log = log;
  }

  /** Marks the state dirty; the work runs soon, and again if it is running now. */
  readonly trigger = (): void => {
    this.#isDirty = true;
    this.#wake();
  };

  /**
   * Resolves when the signal aborts and the work has ended. A failure is logged, and tried again.
   */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    while (!signal.aborted) {
      if (!this.#isDirty) await this.#sleep(periodMs);
      if (signal.aborted) return;
      this.#isDirty = false;
      try {
        await this.#work();
      } catch (error) {
        this.#log.warn("reconciliation failed", { error: String(error) });
        await this.#sleep(afterFailureMs);
        this.#isDirty = true;
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
