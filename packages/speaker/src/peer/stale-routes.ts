/**
 * The helper's side of graceful restart (RFC 4724 4.2): how long the routes of a peer whose session
 * ended are kept, and when they go.
 */
import type { AddressFamily, Negotiated, PeerIndex } from "@heddle/bgp";
import type { Clock, Timer } from "@heddle/std";

/** The part of the RIB that this needs. */
export interface StaleRib {
  sessionDown(peer: PeerIndex, retain?: readonly AddressFamily[]): void;
  sweepStale(peer: PeerIndex, family?: AddressFamily): void;
}

export class StaleRoutes {
  readonly #rib: StaleRib;
  readonly #peer: PeerIndex;
  readonly #clock: Clock;
  readonly #staleTimeMs: number;
  readonly #swept: () => void;
  #families: readonly AddressFamily[] = [];
  #timer: Timer | undefined;

  /** `swept` is called when a timer removed routes. */
  constructor(
    rib: StaleRib,
    peer: PeerIndex,
    clock: Clock,
    staleTimeMs: number,
    swept: () => void,
  ) {
    this.#rib = rib;
    this.#peer = peer;
    this.#clock = clock;
    this.#staleTimeMs = staleTimeMs;
    this.#swept = swept;
  }

  get families(): readonly AddressFamily[] {
    return this.#families;
  }

  /**
   * The session ended; `retain` becomes stale until the peer is back or `restartTimeMs` is over.
   */
  sessionDown(retain: readonly AddressFamily[], restartTimeMs: number): void {
    // RFC 4724 4.2: what was stale already is not kept a second time.
    this.drop();
    this.#rib.sessionDown(this.#peer, retain);
    if (retain.length > 0) this.#await(retain, restartTimeMs);
  }

  /**
   * The peer is back: families for which it kept no forwarding state go, the others wait for
   * End-of-RIB.
   */
  sessionUp(negotiated: Negotiated): void {
    const kept = negotiated.peerGracefulRestart?.forwarding;
    const waiting = this.#families.filter((family) => kept?.includes(family) === true);
    for (const family of this.#families) {
      if (!waiting.includes(family)) this.#rib.sweepStale(this.#peer, family);
    }
    this.#stop();
    if (waiting.length > 0) this.#await(waiting, this.#staleTimeMs);
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

  #await(families: readonly AddressFamily[], delayMs: number): void {
    this.#families = families;
    this.#timer = this.#clock.after(delayMs, () => {
      this.drop();
      this.#swept();
    });
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#families = [];
  }
}
