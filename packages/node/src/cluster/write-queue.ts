/**
 * Writes to the store that nobody waits for. Each key has at most one write running and one
 * waiting: a newer one replaces the one that waits, since it says the newer truth. A failed write
 * is tried again with a growing pause, a bounded number of times; then it is logged and left to the
 * next reconciliation, which compares everything with the truth.
 */
import type { Clock, Log } from "@heddle/std";

export interface WriteQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly runningCountMax?: number;
  readonly keyCountMax?: number;
  readonly tryCountMax?: number;
}

const defaults = { runningCountMax: 8, keyCountMax: 4096, tryCountMax: 10 } as const;
const pauseMinMs = 100;
const pauseMaxMs = 10_000;

type Write = () => Promise<void>;

export class WriteQueue {
  readonly #options: Required<WriteQueueOptions>;
  /** Insertion order is the order of service. */
  readonly #waiting = new Map<string, Write>();
  readonly #running = new Set<string>();
  #idle: PromiseWithResolvers<void> = Promise.withResolvers();
  #fillDue = false;
  #closed = false;

  constructor(options: WriteQueueOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** Tries that are waiting or running. */
  get count(): number {
    return this.#waiting.size + this.#running.size;
  }

  put(key: string, write: Write): void {
    if (this.#closed) return;
    if (!this.#waiting.has(key) && this.#waiting.size >= this.#options.keyCountMax) {
      this.#options.log.warn("too many writes wait for the API: one is left to reconciliation", {
        key,
      });
      return;
    }
    this.#waiting.set(key, write);
    this.#fillSoon();
  }

  /** Resolves when nothing waits or runs. */
  async idle(): Promise<void> {
    if (this.count > 0) await this.#idle.promise;
  }

  /** Forgets what waits; a write that runs ends by itself. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
  }

  /** Not at once: whoever puts a write has an answer to give first. */
  #fillSoon(): void {
    if (this.#fillDue) return;
    this.#fillDue = true;
    this.#options.clock.after(0, () => {
      this.#fillDue = false;
      if (!this.#closed) this.#fill();
    });
  }

  #fill(): void {
    for (const [key, write] of this.#waiting) {
      if (this.#running.size >= this.#options.runningCountMax) return;
      if (this.#running.has(key)) continue;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#run(key, write);
    }
  }

  async #run(key: string, write: Write): Promise<void> {
    const { tryCountMax, log } = this.#options;
    for (let tries = 1; tries <= tryCountMax && !this.#closed; tries += 1) {
      try {
        await write();
        break;
      } catch (error) {
        if (tries === tryCountMax) log.error("a write to the API failed for good", { key, error });
        // A newer truth waits: no use in repeating the old one.
        if (tries === tryCountMax || this.#waiting.has(key)) break;
        await this.#pause(Math.min(pauseMinMs * 2 ** (tries - 1), pauseMaxMs));
      }
    }
    this.#running.delete(key);
    this.#fill();
    if (this.count === 0) {
      this.#idle.resolve();
      this.#idle = Promise.withResolvers();
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#options.clock.after(ms, resolve));
  }
}
