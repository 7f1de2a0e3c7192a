/**
 * Moves what the RIB has to say to peers and to the kernel, in bounded pieces, one per turn of the
 * event loop. A peer whose write queue is full is left out and caught up from the table when it has
 * drained; the kernel is handed the next changes when it has taken the last.
 */
import {
  type AddressFamily,
  addressFamilies,
  type LocRibChange,
  type PeerIndex,
  type Rib,
  type RouteChange,
  refreshSubtypes,
} from "@heddle/bgp";
import type { Clock, Log, Timer } from "@heddle/std";
import type { FibSink, RouteSink } from "./fib-sink.ts";
import type { Session } from "./peer/session.ts";
import { SinkFeed } from "./sink-feed.ts";

/**
 * Prefixes advertised per turn. The more there are, the more routes of the same attributes share
 * messages, and the fewer writes there are per peer; so it is as many as the time allows.
 */
const flushCountMax = 16_384;
const flushCountMin = 8192;
/** What a flush should take at most. */
const flushMs = 5;
/** What peers that are not in sync get of a turn, all together. */
const catchUpMs = 5;
/** After so long without a turn the next one does not wait for others to have something to say. */
const quietMs = 10;
/** And after so many times what the last one took: with many peers to write to, haste is dear. */
const quietTurns = 20;
/** Octets of initial table made per peer and turn. */
const pullLength = 64 * 1024;
/** Changes per call of a sink. */
const sinkCountMax = 1024;

/** Where routes go, beside the peers. */
export interface Sinks {
  readonly fib: FibSink;
  /** Undefined: nobody wants those of the watched families. */
  readonly routes: RouteSink | undefined;
}

/** What of a session carries routes. */
export type RouteSession = Pick<Session, "sendUpdates" | "sendRouteRefresh">;

/** A peer with a session. */
interface Served {
  readonly session: RouteSession;
  readonly membershipWait: Timer | undefined;
  /** Since when its write queue is full; undefined while it has room. */
  fullSinceMs: number | undefined;
  /** Families that it wants again, delimited (RFC 7313), and those that are being sent. */
  readonly refreshDue: Set<AddressFamily>;
  readonly refreshing: Set<AddressFamily>;
}

export class RibDriver {
  readonly #rib: Rib;
  readonly #fib: SinkFeed<LocRibChange>;
  readonly #routes: SinkFeed<RouteChange> | undefined;
  readonly #clock: Clock;
  readonly #peers: Map<PeerIndex, Served> = new Map();
  #scheduled = false;
  #stopped = false;
  /** From then on it is quiet. */
  #quietAtMs = Number.NEGATIVE_INFINITY;
  #flushCount = flushCountMin;
  #settled: (() => void) | undefined;

  constructor(rib: Rib, sinks: Sinks, clock: Clock, log: Log) {
    this.#rib = rib;
    this.#clock = clock;
    const { fib, routes } = sinks;
    const taken = (): void => this.schedule();
    this.#fib = new SinkFeed(
      {
        name: "routes to the kernel",
        take: () => rib.takeChanges(sinkCountMax),
        apply: (changes) => fib.apply(changes),
        taken,
      },
      log,
    );
    if (routes === undefined) return;
    this.#routes = new SinkFeed(
      {
        name: "routes of watched families",
        take: () => rib.takeRouteChanges(sinkCountMax),
        apply: (changes) => routes.apply(changes),
        taken,
      },
      log,
    );
  }

  /**
   * The peer's session is Established. Its VPN routes wait for what it wants of them, but not longer
   * than `membershipWaitMs` (RFC 4684 6); 0: it does not say what it wants.
   */
  attach(peer: PeerIndex, session: RouteSession, membershipWaitMs: number): void {
    const stopWaiting = (): void => {
      this.#rib.stopAwaitingMemberships(peer);
      this.schedule();
    };
    this.#peers.set(peer, {
      session,
      membershipWait:
        membershipWaitMs === 0 ? undefined : this.#clock.after(membershipWaitMs, stopWaiting),
      fullSinceMs: undefined,
      refreshDue: new Set(),
      refreshing: new Set(),
    });
    this.schedule();
  }

  detach(peer: PeerIndex): void {
    this.#peers.get(peer)?.membershipWait?.cancel();
    this.#peers.delete(peer);
    this.schedule();
  }

  /** The peer's write queue has room again. */
  drained(peer: PeerIndex): void {
    const served = this.#peers.get(peer);
    if (served?.fullSinceMs === undefined) return;
    served.fullSinceMs = undefined;
    this.schedule();
  }

  /** Since when the peer's write queue is full, by the clock; undefined while it has room. */
  fullSinceMs(peer: PeerIndex): number | undefined {
    return this.#peers.get(peer)?.fullSinceMs;
  }

  /**
   * Sends the family again. Delimited, that waits until the peer is in sync: a refresh must not
   * begin before the End-of-RIB marker of the initial table (RFC 7313 4.1), and one that is under
   * way ends before the next begins.
   */
  refresh(peer: PeerIndex, family: AddressFamily, isDelimited: boolean): void {
    if (isDelimited) this.#peers.get(peer)?.refreshDue.add(family);
    else this.#rib.refresh(peer, family);
    this.schedule();
  }

  /**
   * There may be something to do: once per turn, whoever asks how often. What comes after a quiet
   * time is passed on as soon as the caller is done; what comes on its heels waits for the end of
   * the turn, so that routes share messages and writes.
   */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    if (this.#clock.nowMs() >= this.#quietAtMs) queueMicrotask(this.#run);
    else setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    if (this.#stopped) return;
    const startMs = this.#clock.nowMs();
    const more = this.#turn();
    const endMs = this.#clock.nowMs();
    this.#quietAtMs = endMs + Math.max(quietMs, quietTurns * (endMs - startMs));
    if (more) this.schedule();
  };

  /** Calls back once the sink has taken every change that there is now. */
  whenSettled(run: () => void): void {
    this.#settled = run;
    this.schedule();
  }

  /** Nothing is sent or handed over any more; resolves when the sinks are at rest. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#fib.rest();
    await this.#routes?.rest();
  }

  /** True when there is more to do. */
  #turn(): boolean {
    const more = this.#rib.dirty && this.#flush();
    const behind = this.#catchUp();
    this.#feedSinks();
    return more || behind;
  }

  #flush(): boolean {
    const startMs = this.#clock.nowMs();
    const more = this.#rib.flush(this.#deliver, this.#flushCount);
    const tookMs = this.#clock.nowMs() - startMs;
    if (tookMs > flushMs) this.#flushCount = Math.max(flushCountMin, this.#flushCount / 2);
    else if (more && tookMs < flushMs / 2) {
      this.#flushCount = Math.min(flushCountMax, this.#flushCount * 2);
    }
    return more;
  }

  readonly #deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
    const served = this.#peers.get(peer);
    if (served === undefined) return false;
    if (served.session.sendUpdates(bytes)) return true;
    served.fullSinceMs ??= this.#clock.nowMs();
    return false;
  };

  /** True when a peer with room in its queue is still owed a part of the table. */
  #catchUp(): boolean {
    const endMs = this.#clock.nowMs() + catchUpMs;
    let behind = false;
    for (const [peer, served] of this.#peers) {
      if (!this.#serve(peer, served)) continue;
      behind = true;
      if (this.#clock.nowMs() < endMs) continue;
      this.#rotate(peer);
      break;
    }
    return behind;
  }

  /** True when there is more for the peer, as far as one can tell. */
  #serve(peer: PeerIndex, served: Served): boolean {
    if (served.fullSinceMs !== undefined) return false;
    if (this.#rib.inSync(peer) && !this.#delimit(peer, served)) return false;
    const bytes = this.#rib.pull(peer, pullLength);
    if (bytes !== undefined) return this.#deliver(peer, bytes);
    // In sync by this call, so that what waited for it can go on.
    return this.#rib.inSync(peer) && served.refreshDue.size + served.refreshing.size > 0;
  }

  /** The next turn begins with who comes after `last`. */
  #rotate(last: PeerIndex): void {
    for (const [peer, served] of [...this.#peers]) {
      this.#peers.delete(peer);
      this.#peers.set(peer, served);
      if (peer === last) return;
    }
  }

  /** For a peer in sync: ends the refreshes that were sent, begins those that are due. */
  #delimit(peer: PeerIndex, { session, refreshDue, refreshing }: Served): boolean {
    for (const family of refreshing) {
      session.sendRouteRefresh({ ...addressFamilies[family], subtype: refreshSubtypes.end });
    }
    refreshing.clear();
    for (const family of refreshDue) {
      session.sendRouteRefresh({ ...addressFamilies[family], subtype: refreshSubtypes.begin });
      this.#rib.refresh(peer, family);
      refreshing.add(family);
    }
    refreshDue.clear();
    return refreshing.size > 0;
  }

  #feedSinks(): void {
    const isSettled = this.#fib.feed();
    this.#routes?.feed();
    if (!isSettled) return;
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.();
  }
}
