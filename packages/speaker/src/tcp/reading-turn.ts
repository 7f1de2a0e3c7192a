/**
 * How much all connections of a thread take in per turn of the event loop: one full socket after
 * the other would keep timers, other sessions and what is to be sent waiting for as long as there
 * is something to read.
 */

/** Time for reading per turn, at least. */
const turnMs = 5;
/** On a busy machine the time may be over with little done, and routes would share no messages. */
const turnLengthMin = 32 * 1024;
/** Where something else takes longer turns, reading takes as long as that, up to so much. */
const longTurnMs = 500;
/**
 * Who has waited for so long is served even in a turn that is over: a hold timer must not expire
 * (3 s at least, RFC 4271 4.2) while the peer's message lies here.
 */
const waitMsMax = 500;

interface Waiting {
  readonly sinceMs: number;
  readonly proceed: () => void;
}

export class ReadingTurn {
  #endMs: number | undefined;
  #lengthMs: number = turnMs;
  /** Octets taken in this turn. */
  #length = 0;
  /** When the turn was found to be over. */
  #overAtMs: number | undefined;
  #waiting: Waiting[] = [];

  /** Asked before each piece of work; the first to ask begins a turn. */
  get isOver(): boolean {
    const nowMs = performance.now();
    if (this.#endMs !== undefined) {
      if (nowMs < this.#endMs || this.#length < turnLengthMin) return false;
      this.#overAtMs ??= nowMs;
      return true;
    }
    this.#endMs = nowMs + this.#lengthMs;
    setImmediate(() => this.#next());
    return false;
  }

  /** A piece of that many octets was worked on. */
  count(length: number): void {
    this.#length += length;
  }

  /**
   * For who was told that the turn is over: calls back in a later one, who waits longest first, for
   * one piece of work and then as long as there is time.
   */
  wait(proceed: () => void): void {
    this.#waiting.push({ sinceMs: performance.now(), proceed });
  }

  #next(): void {
    const othersMs = this.#overAtMs === undefined ? 0 : performance.now() - this.#overAtMs;
    this.#lengthMs = Math.min(longTurnMs, Math.max(turnMs, othersMs));
    this.#endMs = undefined;
    this.#overAtMs = undefined;
    this.#length = 0;
    const waiting = this.#waiting;
    this.#waiting = [];
    const left: Waiting[] = [];
    for (const one of waiting) {
      const isLate = performance.now() - one.sinceMs >= waitMsMax;
      if (isLate || !this.isOver) one.proceed();
      else left.push(one);
    }
    this.#waiting = [...left, ...this.#waiting];
  }
}

/** Of this thread. */
export const readingTurn: ReadingTurn = new ReadingTurn();
