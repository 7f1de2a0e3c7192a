/**
 * The back-off of one peer (RFC 4271 8.1.1 DampPeerOscillations). It belongs to the peer and not to
 * a connection: what counts is how often the peer failed us lately, whichever side dialled. A
 * session that holds pays its failures off, one that is lost at once again and again does not.
 */
import type { Clock, Rng } from "@heddle/std";
import type { SessionTimers } from "../config.ts";
import { backoffMs, jittered } from "./session-timers.ts";

/** More failures than the longest back-off tells apart. */
const failureCountMax = 32;

export class IdleHold {
  readonly #timers: SessionTimers;
  readonly #clock: Clock;
  readonly #rng: Rng;
  #failureCount = 0;
  #heldUntilMs = 0;

  constructor(timers: SessionTimers, clock: Clock, rng: Rng) {
    this.#timers = timers;
    this.#clock = clock;
    this.#rng = rng;
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  /** The peer waits for longer than any back-off, and may not connect either. */
  get isHeld(): boolean {
    return this.#clock.nowMs() < this.#heldUntilMs;
  }

  /** It waits for an operator. */
  get isHeldForGood(): boolean {
    return this.#heldUntilMs === Number.POSITIVE_INFINITY;
  }

  failed(): void {
    this.#failureCount = Math.min(failureCountMax, this.#failureCount + 1);
  }

  /** A session was Established for so long. */
  held(forMs: number): void {
    const halvings = Math.min(31, Math.floor(forMs / this.#timers.idleHoldDecayMs));
    this.#failureCount = Math.floor(this.#failureCount / 2 ** halvings);
  }

  /** What ended the session asks for a wait of its own; `never` ends with `forgive` only. */
  hold(wait: number | "never"): void {
    this.#heldUntilMs = wait === "never" ? Number.POSITIVE_INFINITY : this.#clock.nowMs() + wait;
  }

  /** The operator wants the peer to be tried now. */
  forgive(): void {
    this.#failureCount = 0;
    this.#heldUntilMs = 0;
  }

  /** Before the next attempt; undefined: there is none until `forgive`. */
  delayMs(): number | undefined {
    if (this.isHeldForGood) return undefined;
    // A timer may be a part of a millisecond early.
    if (this.isHeld) return Math.ceil(this.#heldUntilMs - this.#clock.nowMs()) + 1;
    const { idleHoldMinMs, idleHoldMaxMs } = this.#timers;
    return jittered(backoffMs(idleHoldMinMs, idleHoldMaxMs, this.#failureCount), this.#rng);
  }
}
