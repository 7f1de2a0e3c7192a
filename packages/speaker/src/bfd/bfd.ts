/**
 * The main thread's side of the BFD thread: which sessions are kept, and what state each was last
 * reported in. A thread that dies is started again with the same sessions.
 */
import { Worker } from "node:worker_threads";
import { formatIp } from "@heddle/inet";
import type { Clock, Log, Timer } from "@heddle/std";
import type { BfdState } from "./packet.ts";
import type { BfdCommand, BfdPeer, BfdReport, BfdThreadData } from "./protocol.ts";

/** A session that is kept until it is disposed of. */
export interface BfdHandle extends Disposable {
  readonly state: BfdState;
  /** The peer's operator has turned BFD off there, which says nothing about the path (RFC 5882 3.2). */
  readonly isDisabledByPeer: boolean;
}

/** Hears of a session's changes. */
export interface BfdWatcher {
  /** The session came Up, or the peer's operator has turned it off: nothing is to be waited for. */
  ready(): void;
  /**
   * The session was Up and is not any more for a failure; not when the peer took it down by hand.
   */
  down(controlPlaneIndependent: boolean): void;
}

interface Watched {
  readonly peer: BfdPeer;
  readonly watcher: BfdWatcher;
  state: BfdState;
  isDisabledByPeer: boolean;
}

const restartDelayMs = 1000;

export class BfdThread implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #entry: URL;
  readonly #data: BfdThreadData;
  readonly #watched: Map<number, Watched> = new Map();
  #worker: Worker | undefined;
  #restart: Timer | undefined;
  #lastId: number;

  /**
   * `firstId` should be random: it makes discriminators, which should not repeat across restarts.
   */
  constructor(clock: Clock, log: Log, entry: URL, data: BfdThreadData, firstId: number) {
    this.#clock = clock;
    this.#log = log;
    this.#entry = entry;
    this.#data = data;
    this.#lastId = firstId >>> 0;
  }

  watch(peer: Omit<BfdPeer, "id">, watcher: BfdWatcher): BfdHandle {
    const id = this.#newId();
    const watched: Watched = {
      peer: { ...peer, id },
      watcher,
      state: "Down",
      isDisabledByPeer: false,
    };
    this.#watched.set(id, watched);
    if (this.#worker === undefined) this.#start();
    else this.#command({ kind: "add", peer: watched.peer });
    return {
      get state(): BfdState {
        return watched.state;
      },
      get isDisabledByPeer(): boolean {
        return watched.isDisabledByPeer;
      },
      [Symbol.dispose]: () => {
        if (this.#watched.delete(id)) this.#command({ kind: "remove", id });
      },
    };
  }

  /** Ends all sessions, telling the peers that this is no failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#release();
    if (worker === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.once("exit", () => resolve());
    const last: BfdCommand = { kind: "stop" };
    worker.postMessage(last);
    await promise;
  }

  /**
   * Ends all sessions without a word, as a crash does: the peers notice after the detection time. A
   * restarting speaker does this, because a peer that hears AdminDown before it has seen the end of
   * the BGP session may drop the routes that it is to keep.
   */
  async abandon(): Promise<void> {
    await this.#release()?.terminate();
  }

  #release(): Worker | undefined {
    this.#restart?.cancel();
    this.#restart = undefined;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#watched.clear();
    return worker;
  }

  #newId(): number {
    do {
      this.#lastId = (this.#lastId + 1) >>> 0;
    } while (this.#lastId === 0 || this.#watched.has(this.#lastId));
    return this.#lastId;
  }

  #start(): void {
    const worker = new Worker(this.#entry, { workerData: this.#data, name: "bfd" });
    this.#worker = worker;
    worker.on("message", (report: BfdReport) => this.#take(report));
    worker.on("error", (error) => this.#log.error("BFD thread failed", { error }));
    worker.on("exit", () => this.#ended(worker));
    for (const { peer } of this.#watched.values()) this.#command({ kind: "add", peer });
  }

  #ended(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const watched of this.#watched.values()) {
      watched.state = "Down";
      watched.isDisabledByPeer = false;
    }
    this.#restart = this.#clock.after(restartDelayMs, () => this.#start());
  }

  #command(command: BfdCommand): void {
    this.#worker?.postMessage(command);
  }

  #take(report: BfdReport): void {
    if (report.kind === "failed") {
      const peer = report.id === undefined ? undefined : this.#watched.get(report.id)?.peer;
      const fields = peer === undefined ? {} : { peer: formatIp(peer.remote) };
      this.#log.error("BFD failed", { ...fields, reason: report.message });
      return;
    }
    const watched = this.#watched.get(report.id);
    if (watched === undefined) return;
    const { change } = report;
    watched.state = change.state;
    watched.isDisabledByPeer = change.remoteState === "AdminDown";
    if (change.state !== change.before) {
      this.#log.info("BFD session changed state", {
        peer: formatIp(watched.peer.remote),
        from: change.before,
        to: change.state,
        diagnostic: change.diagnostic,
      });
    }
    // RFC 5882 3.2: AdminDown of the peer says nothing about the path.
    const failed = change.before === "Up" && change.remoteState !== "AdminDown";
    if (failed) watched.watcher.down(change.remoteIndependent);
    if (change.state === "Up" || watched.isDisabledByPeer) watched.watcher.ready();
  }
}
