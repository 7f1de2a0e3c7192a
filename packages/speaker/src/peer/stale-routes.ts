/**
 * The helper's side of graceful restart (RFC 4724 4.2, RFC 9494 4.2): how long the routes of a peer
 * whose session ended are kept, and when they go. After the restart time, families with long-lived
 * graceful restart stay as a last resort for as long as the peer asked, and we allow; a family that
 * has nothing but that becomes one at once.
 *
 * A Long-lived Stale Time runs on when the peer comes back, until its End-of-RIB, and sessions that
 * end before that do not begin it anew. What is kept of such a session is a last resort at once,
 * without a restart time of its own: then all stale routes of a family have one end.
 */
import type { AddressFamily, LongLivedTime, Negotiated, PeerIndex } from "@heddle/bgp";
import type { Clock, Timer } from "@heddle/std";
import {
  defaultGracefulRestart,
  defaultLongLivedTimeMsMax,
  type GracefulRestartConfig,
} from "../config.ts";

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
  /** RFC 9494: whatever the peer asks, by family, and for those that are not named. */
  readonly longLived?: readonly LongLivedTime[];
  readonly longLivedTimeMsMax: number;
}

export function staleLimitsOf(config: GracefulRestartConfig = defaultGracefulRestart): StaleLimits {
  const { longLived = [], longLivedTimeMsMax = defaultLongLivedTimeMsMax, staleTimeMs } = config;
  return { staleTimeMs, longLived, longLivedTimeMsMax };
}

/** What is kept of one family. */
interface Kept {
  readonly isLongLived: boolean;
  /** Ends it; undefined while the restart time of all families runs. */
  readonly timer: Timer | undefined;
}

export class StaleRoutes {
  readonly #rib: StaleRib;
  readonly #peer: PeerIndex;
  readonly #clock: Clock;
  readonly #limits: StaleLimits;
  readonly #swept: () => void;
  readonly #kept: Map<AddressFamily, Kept> = new Map();
  /** Of the session that ended last. */
  #longLived: readonly LongLivedTime[] = [];
  #restart: Timer | undefined;
  #isUp = false;
  /** Families whose Long-lived Stale Time ended before the End-of-RIB of the peer that is back. */
  readonly #overdue: Set<AddressFamily> = new Set();

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
    return [...this.#kept.keys()];
  }

  /** Of `families`, those that are the last resort now. */
  get longLivedFamilies(): readonly AddressFamily[] {
    return this.families.filter((family) => this.#kept.get(family)?.isLongLived === true);
  }

  /** The session ended; `retain` becomes stale until the peer is back or its times are over. */
  sessionDown(retain: readonly AddressFamily[], negotiated: Negotiated): void {
    this.#isUp = false;
    const graceful = negotiated.peerGracefulRestart;
    const retained = graceful === undefined ? [] : this.#onTime(retain);
    // RFC 4724 4.2: what was stale already is not kept a second time; RFC 9494 4.2: unless it is
    // long-lived.
    this.#forget(({ family, isLongLived }) => !isLongLived || !retained.includes(family));
    this.#overdue.clear();
    this.#rib.sessionDown(this.#peer, retained);
    const lasting = this.longLivedFamilies;
    if (lasting.length > 0) this.#rib.longLivedStale(this.#peer, lasting);
    if (graceful === undefined || retained.length === 0) return;
    this.#longLived = graceful.longLived.filter(({ staleTimeMs }) => staleTimeMs > 0);
    const fresh = retained.filter((family) => !this.#kept.has(family));
    const restarting = fresh.filter((family) => graceful.families.includes(family));
    for (const family of restarting) this.#keep(family, false, undefined);
    for (const family of fresh) if (!restarting.includes(family)) this.#outlive(family);
    if (restarting.length === 0) return;
    this.#restart = this.#clock.after(graceful.restartTimeMs, () => this.#endRestart());
  }

  /**
   * The peer is back: families for which it kept no forwarding state go, the others wait for
   * End-of-RIB.
   */
  sessionUp(negotiated: Negotiated): void {
    this.#isUp = true;
    this.#restart?.cancel();
    this.#restart = undefined;
    const graceful = negotiated.peerGracefulRestart;
    for (const [family, { isLongLived }] of [...this.#kept]) {
      const forwarding = isLongLived ? graceful?.longLivedForwarding : graceful?.forwarding;
      if (forwarding?.includes(family) !== true) this.#sweep(family);
      else if (!isLongLived) this.#keep(family, false, this.#limits.staleTimeMs);
    }
  }

  /** The RIB sweeps the family by itself. */
  endOfRib(family: AddressFamily): void {
    this.#kept.get(family)?.timer?.cancel();
    this.#kept.delete(family);
    this.#overdue.delete(family);
  }

  /** All stale routes go now. */
  drop(): void {
    for (const family of this.families) this.#sweep(family);
    this.#restart?.cancel();
    this.#restart = undefined;
    this.#overdue.clear();
  }

  /** Without those that the peer had all its time to send again. */
  #onTime(retain: readonly AddressFamily[]): readonly AddressFamily[] {
    return retain.filter((family) => !this.#overdue.has(family));
  }

  #endRestart(): void {
    this.#restart = undefined;
    for (const [family, { isLongLived }] of [...this.#kept]) {
      if (!isLongLived) this.#outlive(family);
    }
    this.#swept();
  }

  /** RFC 9494 4.2: the restart time is over, and the Long-lived Stale Time begins, if any. */
  #outlive(family: AddressFamily): void {
    const asked = this.#longLived.find((one) => one.family === family);
    if (asked === undefined) {
      this.#sweep(family);
      return;
    }
    const { longLived, longLivedTimeMsMax } = this.#limits;
    const own = longLived?.find((one) => one.family === family);
    const allowedMs = Math.min(longLivedTimeMsMax, own?.staleTimeMs ?? longLivedTimeMsMax);
    this.#keep(family, true, Math.min(asked.staleTimeMs, allowedMs));
    this.#rib.longLivedStale(this.#peer, [family]);
  }

  #keep(family: AddressFamily, isLongLived: boolean, forMs: number | undefined): void {
    const timer =
      forMs === undefined ? undefined : this.#clock.after(forMs, () => this.#expire(family));
    this.#kept.set(family, { isLongLived, timer });
  }

  #expire(family: AddressFamily): void {
    if (this.#isUp && this.#kept.get(family)?.isLongLived === true) this.#overdue.add(family);
    this.#sweep(family);
    this.#swept();
  }

  #sweep(family: AddressFamily): void {
    this.#kept.get(family)?.timer?.cancel();
    this.#kept.delete(family);
    this.#rib.sweepStale(this.#peer, family);
  }

  /** The RIB does not keep them either. */
  #forget(isMeant: (kept: Kept & { readonly family: AddressFamily }) => boolean): void {
    this.#restart?.cancel();
    this.#restart = undefined;
    for (const [family, kept] of [...this.#kept]) {
      if (!isMeant({ family, ...kept })) continue;
      kept.timer?.cancel();
      this.#kept.delete(family);
    }
  }
}
