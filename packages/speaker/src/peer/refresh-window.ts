/**
 * The receiver's side of enhanced route refresh (RFC 7313 4): between the beginning and the end of a
 * refresh, what the peer does not send again is stale, and goes at the end. A peer that never comes
 * to the end is not waited for longer than a bounded time.
 */
import type { AddressFamily, PeerIndex } from "@heddle/bgp";
import type { Clock, Timer } from "@heddle/std";

/** The part of the RIB that this needs. */
export interface RefreshedRib {
  markStale(peer: PeerIndex, family: AddressFamily): void;
  sweepStale(peer: PeerIndex, family?: AddressFamily): void;
}

export class RefreshWindow {
  readonly #rib: RefreshedRib;
  readonly #peer: PeerIndex;
  readonly #clock: Clock;
  readonly #staleMs: number;
  readonly #swept: () => void;
  readonly #open: Map<AddressFamily, Timer> = new Map();

  /** `swept` is called whenever routes may have gone. */
  constructor(
    rib: RefreshedRib,
    peer: PeerIndex,
    clock: Clock,
    staleMs: number,
    swept: () => void,
  ) {
    this.#rib = rib;
    this.#peer = peer;
    this.#clock = clock;
    this.#staleMs = staleMs;
    this.#swept = swept;
  }

  /** Families whose refresh has begun. */
  get families(): readonly AddressFamily[] {
    return [...this.#open.keys()];
  }

  /** BoRR. One that comes before the end of the last begins anew. */
  begin(family: AddressFamily): void {
    this.#open.get(family)?.cancel();
    this.#rib.markStale(this.#peer, family);
    this.#open.set(
      family,
      this.#clock.after(this.#staleMs, () => this.end(family)),
    );
  }

  /** EoRR; without a beginning it means nothing. */
  end(family: AddressFamily): void {
    const timer = this.#open.get(family);
    if (timer === undefined) return;
    timer.cancel();
    this.#open.delete(family);
    this.#rib.sweepStale(this.#peer, family);
    this.#swept();
  }

  /** The session ended, and with it every refresh. */
  sessionDown(): void {
    for (const timer of this.#open.values()) timer.cancel();
    this.#open.clear();
  }
}
