/**
 * The Loc-RIB in the kernel: routes with `proto bgp` and one metric, equal-cost paths as one
 * multipath route.
 *
 * Invariants:
 * - A change of next hops is one replacing message, so no packet finds the table without the route.
 *   (A lookup of IPv6 that holds the old route at the moment when the kernel frees it fails; that
 *   lasts for about half a microsecond per route, measured with Linux 6.18.)
 * - Routes found at start are adopted: they stay as they are until a change confirms or removes
 *   them, and those that none has confirmed go when the caller says that the speaker has converged
 *   (RFC 4724 4.1).
 * - Routes of other protocols are never touched; where one occupies prefix and metric, the status
 *   says so.
 * - What others delete or change is put back. After a link event, and whenever the kernel's account
 *   differs from ours, everything is read again, because the kernel removes routes of a link that
 *   goes down without saying so.
 *
 * One batch of at most 256 operations is under way at a time, and the event loop runs between
 * batches.
 */
import type { LocRibChange } from "@heddle/bgp";
import { formatPrefix, type Ifindex, type Prefix } from "@heddle/inet";
import { type ObjectStatus, type RetryConfig, retryDelayMs, StatusTable } from "@heddle/reconcile";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import type { FibSink } from "../fib-sink.ts";
import { planRoutes, sameNexthops } from "./fib-plan.ts";
import { NetlinkRoutes, type NetlinkRoutesConfig } from "./netlink-routes.ts";
import type {
  FibHint,
  FibNexthop,
  FibOperation,
  FibOutcome,
  FibRoute,
  RouteKernel,
} from "./route-kernel.ts";

export interface KernelFibConfig extends NetlinkRoutesConfig {
  /** RTA_PRIORITY of all routes, 1 or more; the lower one is preferred. */
  readonly metric: number;
}

export interface KernelFibDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** For people: what is not as it should be, and how much is. */
export interface FibStatus {
  readonly installedCount: number;
  /** Found at start and not confirmed yet. */
  readonly staleCount: number;
  readonly open: readonly { readonly prefix: Prefix; readonly status: ObjectStatus }[];
}

const batchCountMax = 256;
/** Hints that come together cause one reading. */
const observeDelayMs = 50;
/** As above, for links that no route is known to use, while a route waits for some link. */
const otherLinkDelayMs = 500;
const retry: RetryConfig = { firstDelayMs: 200, delayMsMax: 30_000 };
/** Most entries of `FibStatus.open`. */
const openCountMax = 100;

export class KernelFib implements FibSink, AsyncDisposable {
  readonly #kernel: RouteKernel;
  readonly #metric: number;
  readonly #deps: KernelFibDeps;
  readonly #status: StatusTable<Prefix>;
  readonly #desired: Map<Prefix, readonly FibNexthop[]> = new Map();
  /** Routes of ours in the kernel, with our metric. */
  #actual: Map<Prefix, FibRoute> = new Map();
  /** Routes of ours with another metric: left by a former configuration. */
  #strays: readonly FibRoute[] = [];
  /** Adopted prefixes that no change has been about. */
  readonly #stale: Set<Prefix> = new Set();
  /** Interfaces that routes of ours use or have used. */
  readonly #ifindexes: Set<Ifindex> = new Set();
  #hasConverged = false;
  #observeDue = false;
  #timer: Timer | undefined;
  #timerDueMs = 0;
  /** Times in a row that netlink itself failed. */
  #faultCount = 0;
  #running: Promise<void> | undefined;
  #disposed = false;

  private constructor(
    config: Pick<KernelFibConfig, "metric">,
    deps: KernelFibDeps,
    makeKernel: (hint: (hint: FibHint) => void) => RouteKernel,
  ) {
    this.#metric = config.metric;
    this.#deps = deps;
    this.#status = new StatusTable(retry, deps.rng);
    this.#kernel = makeKernel((hint) => this.#onHint(hint));
  }

  /** Adopts what the kernel holds. @throws SystemError, NetlinkError */
  static async open(config: KernelFibConfig, deps: KernelFibDeps): Promise<KernelFib> {
    return KernelFib.over(config, deps, (hint) => new NetlinkRoutes(config, deps.log, hint));
  }

  /** As `open`, over any kernel. */
  static async over(
    config: Pick<KernelFibConfig, "metric">,
    deps: KernelFibDeps,
    makeKernel: (hint: (hint: FibHint) => void) => RouteKernel,
  ): Promise<KernelFib> {
    const fib = new KernelFib(config, deps, makeKernel);
    try {
      await fib.#observe();
    } catch (error) {
      fib.#kernel[Symbol.dispose]();
      throw error;
    }
    for (const prefix of fib.#actual.keys()) fib.#stale.add(prefix);
    deps.log.info("adopted kernel routes", { count: fib.#stale.size });
    return fib;
  }

  /**
   * Resolves when the kernel has been told; what it refused is in the status and is tried again.
   */
  async apply(changes: readonly LocRibChange[]): Promise<void> {
    for (const { prefix, nextHops } of changes) {
      this.#stale.delete(prefix);
      if (nextHops.length === 0) this.#desired.delete(prefix);
      else
        this.#desired.set(
          prefix,
          nextHops.map((h) => ({ via: h.address, ifindex: h.ifindex })),
        );
      this.#status.markPending(prefix);
    }
    await this.#settle();
  }

  /** Adopted routes that no change has confirmed are deleted. */
  async converged(): Promise<void> {
    this.#hasConverged = true;
    for (const prefix of this.#stale) this.#status.markPending(prefix);
    this.#stale.clear();
    await this.#deleteStrays();
    await this.#settle();
  }

  status(): FibStatus {
    const open: { prefix: Prefix; status: ObjectStatus }[] = [];
    for (const [prefix, status] of this.#status.entries()) {
      if (status.state === "done") continue;
      if (open.length === openCountMax) break;
      open.push({ prefix, status });
    }
    return { installedCount: this.#actual.size, staleCount: this.#stale.size, open };
  }

  /** Leaves all routes where they are. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#timer?.cancel();
    await this.#running;
    this.#kernel[Symbol.dispose]();
  }

  #onHint(hint: FibHint): void {
    if (this.#disposed) return;
    const delayMs = this.#observeDelayOf(hint);
    if (delayMs === undefined) return;
    this.#observeDue = true;
    this.#wakeAfter(delayMs);
  }

  /** Undefined for what changes nothing: the echo of an own operation, links that no route uses. */
  #observeDelayOf(hint: FibHint): number | undefined {
    if (hint.kind === "lost") return observeDelayMs;
    if (hint.kind === "link") {
      if (this.#ifindexes.has(hint.ifindex)) return observeDelayMs;
      return this.#status.openCount > 0 ? otherLinkDelayMs : undefined;
    }
    const { prefix, route } = hint;
    const known = this.#actual.get(prefix);
    if (known === undefined || route === undefined) {
      return known === route ? undefined : observeDelayMs;
    }
    if (!sameNexthops(known.nexthops, route.nexthops)) return observeDelayMs;
    this.#learn(route);
    return undefined;
  }

  /** Takes over a route as the kernel reports it, with its interfaces. */
  #learn(route: FibRoute): void {
    this.#actual.set(route.prefix, route);
    for (const { ifindex } of route.nexthops) {
      if (ifindex !== undefined) this.#ifindexes.add(ifindex);
    }
  }

  /** Runs until nothing is due; one runner at a time. */
  async #settle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#run().then(
      () => this.#endRun(undefined),
      (error: unknown) => this.#endRun(error),
    );
    await this.#running;
  }

  #endRun(error: unknown): void {
    this.#running = undefined;
    if (error === undefined) {
      this.#faultCount = 0;
      this.#scheduleRetry();
      return;
    }
    // Netlink itself failed, not a route: what the kernel holds is not known.
    this.#faultCount += 1;
    this.#observeDue = true;
    this.#wakeAfter(retryDelayMs(retry, this.#faultCount, this.#deps.rng));
    throw error;
  }

  async #run(): Promise<void> {
    const { clock } = this.#deps;
    while (!this.#disposed) {
      if (this.#observeDue) await this.#reobserve();
      const due = this.#status.due(clock.nowMs(), batchCountMax);
      if (due.length === 0) return;
      await this.#applyBatch(due);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Settles after `delayMs`, or earlier if that is planned already. */
  #wakeAfter(delayMs: number): void {
    if (this.#disposed) return;
    const dueMs = this.#deps.clock.nowMs() + delayMs;
    if (this.#timer !== undefined && this.#timerDueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    this.#timer = this.#deps.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#settle().catch((error: unknown) => {
        this.#deps.log.error("cannot bring kernel routes up to date", { error });
      });
    });
  }

  #scheduleRetry(): void {
    if (this.#observeDue) {
      this.#wakeAfter(observeDelayMs);
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const dueMs = this.#status.nextDueMs(nowMs);
    if (dueMs !== undefined) this.#wakeAfter(Math.max(observeDelayMs, dueMs - nowMs));
  }

  async #observe(): Promise<void> {
    const routes = await this.#kernel.observe();
    this.#actual = new Map();
    const strays: FibRoute[] = [];
    for (const route of routes) {
      if (route.metric === this.#metric) this.#learn(route);
      else strays.push(route);
    }
    this.#strays = strays;
  }

  /** Reads the kernel again and marks what is not as desired. */
  async #reobserve(): Promise<void> {
    this.#observeDue = false;
    await this.#observe();
    for (const [prefix, nexthops] of this.#desired) {
      const route = this.#actual.get(prefix);
      const isRight = route !== undefined && sameNexthops(nexthops, route.nexthops);
      if (!isRight && this.#status.get(prefix)?.state !== "pending")
        this.#status.markPending(prefix);
    }
    for (const prefix of this.#actual.keys()) {
      const isUnwanted = !this.#desired.has(prefix) && !this.#stale.has(prefix);
      if (isUnwanted && this.#hasConverged) this.#status.markPending(prefix);
    }
    if (this.#hasConverged) await this.#deleteStrays();
  }

  async #deleteStrays(): Promise<void> {
    for (let at = 0; at < this.#strays.length; at += batchCountMax) {
      const batch = this.#strays.slice(at, at + batchCountMax);
      await this.#kernel.submit(batch.map((route) => ({ kind: "delete", route })));
    }
    this.#strays = [];
  }

  async #applyBatch(prefixes: readonly Prefix[]): Promise<void> {
    const desired = new Map<Prefix, readonly FibNexthop[]>();
    const actual = new Map<Prefix, FibRoute>();
    const revisions = new Map<Prefix, number>();
    for (const prefix of prefixes) {
      const nexthops = this.#desired.get(prefix);
      if (nexthops !== undefined) desired.set(prefix, nexthops);
      const route = this.#actual.get(prefix);
      if (route !== undefined) actual.set(prefix, route);
      revisions.set(prefix, this.#status.get(prefix)?.revision ?? 0);
    }
    const operations = planRoutes(desired, actual, this.#metric);
    const outcomes = await this.#kernel.submit(operations);
    const failed = new Set<Prefix>();
    for (const [i, op] of operations.entries()) {
      const outcome = await this.#fallBack(op, outcomes[i] as FibOutcome);
      if (outcome.result === "ok") continue;
      const { prefix } = op.route;
      failed.add(prefix);
      this.#fail(prefix, revisions.get(prefix) ?? 0, outcome.error);
    }
    for (const prefix of prefixes) {
      if (!failed.has(prefix)) this.#finish(prefix, revisions.get(prefix) ?? 0);
    }
  }

  /**
   * Takes the outcome over into `actual`. The kernel refuses a multipath route as a whole when one
   * of its links is down; then the others carry the traffic until the status' next attempt, or a
   * link event, makes it complete.
   */
  async #fallBack(op: FibOperation, outcome: FibOutcome): Promise<FibOutcome> {
    const { route } = op;
    if (outcome.result === "ok") {
      this.#note(op);
      return outcome;
    }
    if (outcome.result !== "unreachable" || op.kind === "delete" || route.nexthops.length < 2) {
      return outcome;
    }
    const nexthops = await this.#kernel.usable(route.nexthops);
    const known = this.#actual.get(route.prefix);
    const isNoGain = known !== undefined && sameNexthops(nexthops, known.nexthops);
    if (nexthops.length === 0 || nexthops.length === route.nexthops.length || isNoGain)
      return outcome;
    const partial: FibOperation = { kind: op.kind, route: { ...route, nexthops } };
    const [second] = await this.#kernel.submit([partial]);
    if (second?.result === "ok") this.#note(partial);
    // Still a failure: the route is not what is desired, so it stays due.
    return outcome;
  }

  #note(op: FibOperation): void {
    if (op.kind === "delete") this.#actual.delete(op.route.prefix);
    else this.#actual.set(op.route.prefix, op.route);
  }

  #finish(prefix: Prefix, revision: number): void {
    this.#status.markDone(prefix, revision);
    const isGone = !this.#desired.has(prefix) && !this.#actual.has(prefix);
    if (isGone && this.#status.get(prefix)?.state === "done") this.#status.forget(prefix);
  }

  #fail(prefix: Prefix, revision: number, error: Error): void {
    const before = this.#status.get(prefix);
    this.#status.markFailed(prefix, revision, error, this.#deps.clock.nowMs());
    const isNew = before?.state !== "error" || before.error.message !== error.message;
    if (isNew) {
      this.#deps.log.warn("kernel refuses a route", { prefix: formatPrefix(prefix), error });
    }
  }
}
