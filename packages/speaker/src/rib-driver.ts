/**
 * Moves what the RIB has to say to peers and to the kernel, in bounded pieces, one per turn of the
 * event loop. A peer whose write queue is full is left out and caught up from the table when it has
 * drained; the kernel is handed the next changes when it has taken the last.
 */
import type { PeerIndex, Rib } from "@heddle/bgp";
import type { Log } from "@heddle/std";
import type { FibSink } from "./fib-sink.ts";
import type { Session } from "./peer/session.ts";

/** Prefixes advertised per turn: a few milliseconds of work. */
const flushCountMax = 8192;
/** Octets of initial table made per peer and turn. */
const pullLength = 64 * 1024;
/** Loc-RIB changes per call of the sink. */
const fibCountMax = 1024;

export class RibDriver {
  readonly #rib: Rib;
  readonly #fib: FibSink;
  readonly #log: Log;
  readonly #sessions: Map<PeerIndex, Session> = new Map();
  readonly #full: Set<PeerIndex> = new Set();
  #scheduled = false;
  #stopped = false;
  #fibTurn: Promise<void> | undefined;
  #settled: (() => void) | undefined;

  constructor(rib: Rib, fib: FibSink, log: Log) {
    this.#rib = rib;
    this.#fib = fib;
    this.#log = log;
  }

  attach(peer: PeerIndex, session: Session): void {
    this.#sessions.set(peer, session);
    this.#full.delete(peer);
    this.schedule();
  }

  detach(peer: PeerIndex): void {
    this.#sessions.delete(peer);
    this.#full.delete(peer);
    this.schedule();
  }

  /** The peer's write queue has room again. */
  drained(peer: PeerIndex): void {
    if (this.#full.delete(peer)) this.schedule();
  }

  /** There may be something to do: once per turn, whoever asks how often. */
  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopped) this.#turn();
    });
  }

  /** Calls back once the sink has taken every change that there is now. */
  whenSettled(run: () => void): void {
    this.#settled = run;
    this.schedule();
  }

  /** Nothing is sent or handed over any more; resolves when the sink is at rest. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#fibTurn;
  }

  #turn(): void {
    const more = this.#rib.dirty && this.#rib.flush(this.#deliver, flushCountMax);
    const behind = this.#catchUp();
    this.#feedFib();
    if (more || behind) this.schedule();
  }

  readonly #deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
    const session = this.#sessions.get(peer);
    if (session?.sendUpdates(bytes) === true) return true;
    this.#full.add(peer);
    return false;
  };

  /** True when a peer with room in its queue is still owed a part of the table. */
  #catchUp(): boolean {
    let behind = false;
    for (const peer of this.#sessions.keys()) {
      if (this.#full.has(peer) || this.#rib.inSync(peer)) continue;
      const bytes = this.#rib.pull(peer, pullLength);
      if (bytes !== undefined && this.#deliver(peer, bytes)) behind = true;
    }
    return behind;
  }

  #feedFib(): void {
    if (this.#fibTurn !== undefined) return;
    if (!this.#rib.changesPending) {
      const settled = this.#settled;
      this.#settled = undefined;
      settled?.();
      return;
    }
    const changes = this.#rib.takeChanges(fibCountMax);
    this.#fibTurn = this.#fib
      .apply(changes)
      .catch((error: unknown) => {
        this.#log.error("cannot hand routes to the kernel", { count: changes.length, error });
      })
      .finally(() => {
        this.#fibTurn = undefined;
        this.schedule();
      });
  }
}
