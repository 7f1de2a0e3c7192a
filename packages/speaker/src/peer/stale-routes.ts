/**
 * The helper's side of graceful restart (RFC 4724 4.2, RFC 9494 4): how long the routes of a peer
 * whose session ended are kept, and when they go. After the restart time, families with long-lived
 * graceful restart stay as a last resort for as long as the peer asked, and we allow.
 */
import type { AddressFamily, LongLivedTime, Negotiated, PeerIndex } from "@heddle/bgp";
import type { Clock, Timer } from "@heddle/std";

/** The part of the RIB that this needs. */
export interface StaleRib {
  sessionDown(peer: PeerIndex, retain?: readonly AddressFamily[]): void;
  sweepStale(peer: PeerIndex, family?: AddressFamily): void;
  /** Stale routes of the families are the last resort from now on (RFC 9494 4.3). */
  longLivedStale(peer: PeerIndex, families: readonly AddressFamily[]): void;
}

/** Bounds of our own on how long routes of a peer are kept. */
export interface StaleLimits {
  /** For the End-of-RIB of a peer that is back. */
  readonly staleTimeMs: number;
  /** RFC 9494: whatever the peer asks. */
  readonly longLivedTimeMsMax: number;
}

export class StaleRoutes {
  readonly #rib: StaleRib;
  readonly #peer: PeerIndex;
  readonly #clock: Clock;
  readonly #limits: StaleLimits;
  readonly #swept: () => void;
  #families: readonly AddressFamily[] = [];
  #longLived: readonly LongLivedTime[] = [];
  /** The restart time is over: what is kept is long-lived stale. */
  #isLongLived = false;
  #timers: Timer[] = [];

  /** `swept` is called when a timer removed or demoted routes. */
  constructor(
    rib: StaleRib,
    peer: PeerIndex,
    clock: Clock,
    limits: StaleLimits,
    swept: () => void,
  ) {
    this.#rib = rib;
    this.#peer = peer;
    this.#clock = clock;
    this.#limits = limits;
    this.#swept = swept;
  }

  get families(): readonly AddressFamily[] {
    return this.#families;
  }

  /** Of `families`, those that are the last resort now. */
  get longLivedFamilies(): readonly AddressFamily[] {
    return this.#isLongLived ? this.#families : [];
  }

  /** The session ended; `retain` becomes stale until the peer is back or its times are over. */
  sessionDown(retain: readonly AddressFamily[], negotiated: Negotiated): void {
    // RFC 4724 4.2: what was stale already is not kept a second time.
    this.drop();
    this.#rib.sessionDown(this.#peer, retain);
    const graceful = negotiated.peerGracefulRestart;
    if (retain.length === 0 || graceful === undefined) return;
    this.#families = retain;
    this.#longLived = graceful.longLived.filter(
      ({ family, staleTimeMs }) => staleTimeMs > 0 && retain.includes(family),
    );
    this.#after(graceful.restartTimeMs, () => this.#outlive());
  }

  /**
   * The peer is back: families for which it kept no forwarding state go, the others wait for
   * End-of-RIB.
   */
  sessionUp(negotiated: Negotiated): void {
    const graceful = negotiated.peerGracefulRestart;
    const kept = this.#isLongLived ? graceful?.longLivedForwarding : graceful?.forwarding;
    const waiting = this.#families.filter((family) => kept?.includes(family) === true);
    for (const family of this.#families) {
      if (!waiting.includes(family)) this.#rib.sweepStale(this.#peer, family);
    }
    this.#stop();
    if (waiting.length === 0) return;
    this.#families = waiting;
    this.#after(this.#limits.staleTimeMs, () => this.#expire());
  }

  /** The RIB sweeps the family by itself. */
  endOfRib(family: AddressFamily): void {
    this.#families = this.#families.filter((waiting) => waiting !== family);
    if (this.#families.length === 0) this.#stop();
  }

  /** All stale routes go now. */
  drop(): void {
    if (this.#families.length > 0) this.#rib.sweepStale(this.#peer);
    this.#stop();
  }

  /** RFC 9494 4.2: the restart time is over, and the Long-lived Stale Times begin. */
  #outlive(): void {
    const longLived = this.#longLived;
    const outliving = longLived.map(({ family }) => family);
    for (const family of this.#families) {
      if (!outliving.includes(family)) this.#rib.sweepStale(this.#peer, family);
    }
    this.#stop();
    if (outliving.length > 0) {
      this.#families = outliving;
      this.#isLongLived = true;
      this.#rib.longLivedStale(this.#peer, outliving);
      for (const { family, staleTimeMs } of longLived) {
        const keepMs = Math.min(staleTimeMs, this.#limits.longLivedTimeMsMax);
        this.#after(keepMs, () => this.#expireFamily(family));
      }
    }
    this.#swept();
  }

  #expireFamily(family: AddressFamily): void {
    this.#rib.sweepStale(this.#peer, family);
    this.endOfRib(family);
    this.#swept();
  }

  #expire(): void {
    this.drop();
    this.#swept();
  }

  #after(delayMs: number, run: () => void): void {
    this.#timers.push(this.#clock.after(delayMs, run));
  }

  #stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    this.#families = [];
    this.#longLived = [];
    this.#isLongLived = false;
  }
}
