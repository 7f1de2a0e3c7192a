/** Times the requests of an agent, and the kernel's part in them, without changing either. */
import type { AddRequest, CniHandler, CniResult, DelRequest } from "@heddle/cni";
import type {
  AttachedPod,
  Dataplane,
  DropCount,
  NodeInterfaces,
  ObservedPod,
  PodInterface,
} from "@heddle/dataplane";
import type { Spent } from "./agent-protocol.ts";

/** Requests come one after the other here: the kernel's last time is that of the last request. */
export class Stopwatch {
  #kernelMs = 0;
  #adds: Spent[] = [];
  #dels: Spent[] = [];

  /** The times so far, which it forgets. */
  take(): { readonly adds: readonly Spent[]; readonly dels: readonly Spent[] } {
    const taken = { adds: this.#adds, dels: this.#dels };
    this.#adds = [];
    this.#dels = [];
    return taken;
  }

  async kernel<T>(work: () => Promise<T>): Promise<T> {
    const startMs = monotonicMs();
    try {
      return await work();
    } finally {
      this.#kernelMs = monotonicMs() - startMs;
    }
  }

  /** The handler with ADD and DEL timed. */
  handler(inner: CniHandler): CniHandler {
    return {
      add: (request: AddRequest): Promise<CniResult> =>
        this.#timed(
          (spent) => this.#adds.push(spent),
          () => inner.add(request),
        ),
      del: (request: DelRequest): Promise<void> =>
        this.#timed(
          (spent) => this.#dels.push(spent),
          () => inner.del(request),
        ),
      check: (request) => inner.check(request),
      status: (request) => inner.status(request),
      gc: (request) => inner.gc(request),
    };
  }

  async #timed<T>(note: (spent: Spent) => void, work: () => Promise<T>): Promise<T> {
    this.#kernelMs = 0;
    const startMs = monotonicMs();
    try {
      return await work();
    } finally {
      note({ startMs, handlerMs: monotonicMs() - startMs, kernelMs: this.#kernelMs });
    }
  }
}

/** CLOCK_MONOTONIC, which is the same for every process. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class TimedDataplane implements Dataplane {
  readonly #inner: Dataplane;
  readonly #stopwatch: Stopwatch;

  /** Owns `inner`. */
  constructor(inner: Dataplane, stopwatch: Stopwatch) {
    this.#inner = inner;
    this.#stopwatch = stopwatch;
  }

  setNode(node: NodeInterfaces): Promise<void> {
    return this.#inner.setNode(node);
  }

  attachPod(pod: PodInterface): Promise<AttachedPod> {
    return this.#stopwatch.kernel(() => this.#inner.attachPod(pod));
  }

  detachPod(pod: Pick<PodInterface, "hostIfname" | "vrf" | "addresses">): Promise<void> {
    return this.#stopwatch.kernel(() => this.#inner.detachPod(pod));
  }

  checkPod(pod: PodInterface): Promise<readonly string[]> {
    return this.#inner.checkPod(pod);
  }

  observePods(): Promise<readonly ObservedPod[]> {
    return this.#inner.observePods();
  }

  drops(): Promise<readonly DropCount[]> {
    return this.#inner.drops();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}
