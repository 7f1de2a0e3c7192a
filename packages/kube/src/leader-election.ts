/**
 * One leader among replicas, by a Lease (coordination.k8s.io/v1), with the rules and the figures of
 * client-go's leaderelection: whoever holds the Lease renews it; the others take it when it has not
 * changed for its duration.
 *
 * - Every write is a compare-and-swap on resourceVersion, so of two that take it one wins.
 * - No clock is compared with another machine's: a candidate counts the duration on its own clock
 *   from when it saw the record change. The times in the record are for people.
 * - A leader counts from before it sent the renewal that succeeded, and stops `renewDeadlineMs`
 *   later, whether or not a request is still under way. A candidate counts from after the write and
 *   waits `leaseDurationMs`, which is longer. So no two lead at once while clocks run at the same
 *   speed; what a leader sent in its last moment may still arrive, and is held back by the
 *   compare-and-swap of each write.
 *
 * A leader that has lost the Lease is a candidate again.
 */
import { type Lease, type LeaseSpec, leaseKind } from "@heddle/api";
import { assert, type Clock, type Log, type Rng, type Timer } from "@heddle/std";
import { isStatus } from "./status-error.ts";
import type { ObjectRef, Store } from "./store.ts";

export interface LeaderElectorOptions {
  readonly store: Pick<Store, "get" | "create" | "update">;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Where the Lease is; made when it is missing. */
  readonly lease: Required<ObjectRef>;
  /** Unique among the candidates, also of a process that is started again. */
  readonly identity: string;
  /**
   * Starts what only a leader does; its end is waited for before the Lease is given up or wanted
   * again. The signal aborts when the process may no longer write.
   */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** Called when another holder of the Lease is seen; undefined when nobody holds it. */
  readonly onHolder?: (identity: string | undefined) => void;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
}

const defaults = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
  onHolder: (): void => undefined,
} as const;

/** Candidates come after the retry period and up to this part of it more. */
const jitterFactor = 1.2;

/** The newest record that was seen, and when it was seen first, on our own monotonic clock. */
interface Observation {
  readonly lease: Lease;
  readonly atMs: number;
}

export class LeaderElector implements AsyncDisposable {
  readonly #options: Required<LeaderElectorOptions>;
  readonly #stop: AbortController = new AbortController();
  readonly #running: Promise<void>;
  #seen: Observation | undefined;
  /** Of the holder that `onHolder` was told last. */
  #toldHolder: string | undefined;
  #isLeader = false;

  constructor(options: LeaderElectorOptions) {
    this.#options = { ...defaults, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#options;
    assert(
      retryPeriodMs * jitterFactor < renewDeadlineMs && renewDeadlineMs < leaseDurationMs,
      "retry period < renew deadline < lease duration",
    );
    this.#running = this.#run();
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** Who holds the Lease as far as is known. */
  get holder(): string | undefined {
    return holderOf(this.#seen?.lease);
  }

  /**
   * Ends the lead, then gives the Lease up, so that another candidate need not wait for its end.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { retryPeriodMs, rng } = this.#options;
    while (!signal.aborted) {
      const sentMs = this.#options.clock.nowMs();
      if (await this.#tryAcquire()) await this.#lead(sentMs);
      const jitterMs = (rng.uint32() / 2 ** 32) * jitterFactor * retryPeriodMs;
      if (!signal.aborted) await this.#sleep(retryPeriodMs + jitterMs, signal);
    }
  }

  /** Resolves when the lead has ended. `sentMs`: before the request that acquired the Lease. */
  async #lead(sentMs: number): Promise<void> {
    const { log, lead, clock, renewDeadlineMs } = this.#options;
    const term = new AbortController();
    const end = (): void => {
      this.#isLeader = false;
      term.abort();
    };
    const endBy = (sent: number): Timer =>
      clock.after(Math.max(0, sent + renewDeadlineMs - clock.nowMs()), end);
    this.#isLeader = true;
    this.#stop.signal.addEventListener("abort", end, { once: true });
    if (this.#stop.signal.aborted) end();
    let deadline = endBy(sentMs);
    log.info("this replica leads");
    const work = this.#work(lead, term.signal, end);
    await this.#renewUntil(term.signal, end, (sent) => {
      deadline.cancel();
      deadline = endBy(sent);
    });
    deadline.cancel();
    this.#stop.signal.removeEventListener("abort", end);
    const hasFailed = await work;
    if (!this.#stop.signal.aborted) {
      log.error("this replica leads no more", { holder: this.holder });
    }
    if (hasFailed || this.#stop.signal.aborted) await this.#release();
  }

  /**
   * True when the work has failed. That ends the term: a leader that does nothing must not keep
   * others from leading.
   */
  async #work(
    lead: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
    end: () => void,
  ): Promise<boolean> {
    try {
      await lead(signal);
      return false;
    } catch (error) {
      this.#options.log.error("the work of the leader failed", { error });
      return true;
    } finally {
      end();
    }
  }

  /**
   * Resolves when the signal has aborted and no renewal is under way: one that succeeds late must
   * not overtake what follows.
   */
  async #renewUntil(
    signal: AbortSignal,
    end: () => void,
    renewed: (sentMs: number) => void,
  ): Promise<void> {
    const { clock, retryPeriodMs, identity } = this.#options;
    for (;;) {
      await this.#sleep(retryPeriodMs, signal);
      if (signal.aborted) return;
      const sentMs = clock.nowMs();
      const isRenewed = await this.#tryAcquire();
      if (signal.aborted) return;
      if (isRenewed) renewed(sentMs);
      else if (this.holder !== undefined && this.holder !== identity) end();
    }
  }

  /** True when this replica holds the Lease by now. Never rejects. */
  async #tryAcquire(): Promise<boolean> {
    const { log, lease: ref } = this.#options;
    try {
      const known = this.#seen?.lease;
      if (this.#isLeader && known !== undefined && this.#isMine(known)) {
        if (await this.#swap(known)) return true;
      }
      const found = await this.#find();
      if (found !== undefined) this.#observe(found);
      // A Lease that somebody deleted does not end its holder's lead: that one makes it again.
      const last = found ?? this.#seen?.lease;
      if (last !== undefined && !this.#isMine(last) && !this.#hasEnded(last)) return false;
      return found === undefined ? await this.#create() : await this.#swap(found);
    } catch (error) {
      log.warn("cannot reach the Lease; it is tried again", { lease: ref.name, error });
      return false;
    }
  }

  async #find(): Promise<Lease | undefined> {
    const { store, lease } = this.#options;
    try {
      return await store.get(leaseKind, lease);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async #create(): Promise<boolean> {
    const { store, lease: metadata } = this.#options;
    try {
      const spec = { ...this.#record(), leaseTransitions: 0 };
      const apiVersion = "coordination.k8s.io/v1";
      this.#observe(await store.create(leaseKind, { apiVersion, kind: "Lease", metadata, spec }));
      return true;
    } catch (error) {
      if (isStatus(error, "AlreadyExists")) return false;
      throw error;
    }
  }

  /** Writes our record over `lease`; false when somebody was faster. */
  async #swap(lease: Lease): Promise<boolean> {
    const { acquireTime, leaseTransitions = 0 } = lease.spec;
    const spec = this.#isMine(lease)
      ? { ...this.#record(), leaseTransitions, ...(acquireTime && { acquireTime }) }
      : { ...this.#record(), leaseTransitions: leaseTransitions + 1 };
    return await this.#update({ ...lease, spec });
  }

  /** The next candidate need not wait: client-go's ReleaseOnCancel. */
  async #release(): Promise<void> {
    const { log, clock } = this.#options;
    const lease = this.#seen?.lease;
    if (lease === undefined || !this.#isMine(lease)) return;
    const { leaseTransitions = 0 } = lease.spec;
    const time = formatMicroTime(clock.wallMs());
    const times = { renewTime: time, acquireTime: time, leaseDurationSeconds: 1 };
    const spec = { holderIdentity: "", ...times, leaseTransitions };
    try {
      const isFree = await this.#update({ ...lease, spec });
      if (isFree) log.info("the Lease is given up");
    } catch (error) {
      log.warn("cannot give the Lease up; others wait for its end", { error });
    }
  }

  async #update(lease: Lease): Promise<boolean> {
    try {
      this.#observe(await this.#options.store.update(leaseKind, lease));
      return true;
    } catch (error) {
      if (isStatus(error, "Conflict") || isStatus(error, "NotFound")) return false;
      throw error;
    }
  }

  #record(): LeaseSpec {
    const { identity, leaseDurationMs, clock } = this.#options;
    const time = formatMicroTime(clock.wallMs());
    const leaseDurationSeconds = Math.ceil(leaseDurationMs / 1000);
    return {
      ...{ holderIdentity: identity, leaseDurationSeconds },
      ...{ acquireTime: time, renewTime: time },
    };
  }

  #observe(lease: Lease): void {
    const { clock, onHolder, identity } = this.#options;
    const before = this.#seen?.lease.metadata;
    const { uid, resourceVersion } = lease.metadata;
    if (before?.uid === uid && before?.resourceVersion === resourceVersion) return;
    this.#seen = { lease, atMs: clock.nowMs() };
    const holder = holderOf(lease);
    if (holder === this.#toldHolder) return;
    this.#toldHolder = holder;
    if (holder !== identity) onHolder(holder);
  }

  #isMine(lease: Lease): boolean {
    return lease.spec.holderIdentity === this.#options.identity;
  }

  /** Nobody holds it, or its holder has let its duration pass since we saw it change. */
  #hasEnded(lease: Lease): boolean {
    if (holderOf(lease) === undefined || this.#seen === undefined) return true;
    const { leaseDurationSeconds } = lease.spec;
    const { leaseDurationMs, clock } = this.#options;
    const durationMs =
      leaseDurationSeconds === undefined ? leaseDurationMs : leaseDurationSeconds * 1000;
    return this.#seen.atMs + durationMs <= clock.nowMs();
  }

  #sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const done = (): void => {
        timer?.cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      timer = this.#options.clock.after(delayMs, done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}

function holderOf(lease: Lease | undefined): string | undefined {
  const holder = lease?.spec.holderIdentity;
  return holder === "" ? undefined : holder;
}

/** metav1.MicroTime. */
function formatMicroTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}
