/**
 * Stand-in for a kubelet: makes the pods of one node run, and their status say what they do. What
 * is there is adopted, so a restarted runner disturbs no pod. Probes, volumes and init containers
 * are not looked at.
 */
import { isDeepStrictEqual } from "node:util";
import { type Pod, type PodStatus, podKind } from "@heddle/api";
import { formatTime, isStatus } from "@heddle/kube";
import { ReconcileLoop } from "./loop.ts";
import { Mirror, type StandInDeps } from "./mirror.ts";
import { type PodRecord, type PodRuntime, PodStartError } from "./pod-runtime.ts";
import { pendingStatus, runningStatus } from "./pod-status.ts";

export interface PodRunnerOptions {
  readonly nodeName: string;
  /** `status.hostIP` of its pods. */
  readonly hostIp: string;
  readonly runtime: PodRuntime;
  /** How often containers are looked at. */
  readonly observeEveryMs?: number;
}

/** A pod of this node in the runner's eyes; one operation at a time per pod. */
type PodEntry =
  | { readonly state: "starting" | "stopping" }
  | { readonly state: "running"; readonly record: PodRecord }
  | { readonly state: "failed"; readonly why: string; readonly attempt: number; retryAtMs: number };

const operationsMax = 8;
const retryMinMs = 1000;
const retryMaxMs = 10_000;

export class PodRunner {
  readonly #deps: StandInDeps;
  readonly #options: PodRunnerOptions;
  readonly #entries = new Map<string, PodEntry>();
  readonly #operations = new Set<Promise<void>>();
  readonly #loop: ReconcileLoop;
  readonly #pods: Mirror<Pod>;

  constructor(deps: StandInDeps, options: PodRunnerOptions) {
    const log = deps.log.with({ node: options.nodeName });
    this.#deps = { ...deps, log };
    this.#options = options;
    this.#loop = new ReconcileLoop(() => this.#reconcile(), log);
    this.#pods = new Mirror<Pod>(this.#deps, podKind, this.#loop.trigger);
  }

  /** Resolves when the signal aborts and no operation is under way. Pods go on running. */
  async run(signal: AbortSignal): Promise<void> {
    for (const record of await this.#options.runtime.list()) {
      if (record.addresses.length > 0) this.#entries.set(record.uid, { state: "running", record });
      else this.#begin(record.uid, { state: "stopping" }, this.#stop(record)); // Died in its start.
    }
    const { observeEveryMs = 1000 } = this.#options;
    const timer = setInterval(this.#loop.trigger, observeEveryMs);
    try {
      await Promise.all([this.#pods.run(signal), this.#loop.run(signal)]);
      await Promise.all(this.#operations);
    } finally {
      clearInterval(timer);
    }
  }

  async #reconcile(): Promise<void> {
    if (!this.#pods.hasListed) return;
    const wanted = new Map<string, Pod>();
    for (const pod of this.#pods.objects()) {
      if (pod.spec.nodeName !== this.#options.nodeName) continue;
      if (pod.metadata.deletionTimestamp === undefined) wanted.set(pod.metadata.uid as string, pod);
    }
    for (const [uid, entry] of this.#entries) {
      if (wanted.has(uid)) continue;
      if (entry.state === "running")
        this.#begin(uid, { state: "stopping" }, this.#stop(entry.record));
      if (entry.state === "failed") this.#entries.delete(uid);
    }
    for (const [uid, pod] of wanted) await this.#reconcilePod(uid, pod);
  }

  async #reconcilePod(uid: string, pod: Pod): Promise<void> {
    const entry = this.#entries.get(uid);
    const nowMs = this.#deps.clock.nowMs();
    const mayStart = entry === undefined || (entry.state === "failed" && nowMs >= entry.retryAtMs);
    if (mayStart && this.#operations.size < operationsMax && !hasEnded(pod)) {
      const attempt = entry?.state === "failed" ? entry.attempt + 1 : 1;
      if (attempt === 1) await this.#write(pod, pendingStatus(pod, undefined, this.#now()));
      this.#begin(uid, { state: "starting" }, this.#start(uid, pod, attempt));
    } else if (entry?.state === "running") {
      const views = await this.#options.runtime.observe(entry.record, pod);
      const { hostIp } = this.#options;
      await this.#write(pod, runningStatus(pod, entry.record, views, hostIp, this.#now()));
    } else if (entry?.state === "failed") {
      await this.#write(pod, pendingStatus(pod, entry.why, this.#now()));
    }
  }

  #begin(uid: string, entry: PodEntry, operation: Promise<PodEntry | undefined>): void {
    this.#entries.set(uid, entry);
    const task = operation.then((outcome) => {
      if (outcome === undefined) this.#entries.delete(uid);
      else this.#entries.set(uid, outcome);
      this.#operations.delete(task);
      this.#loop.trigger();
    });
    this.#operations.add(task);
  }

  async #start(uid: string, pod: Pod, attempt: number): Promise<PodEntry> {
    const fields = { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, uid };
    try {
      const record = await this.#options.runtime.start(pod);
      this.#deps.log.info("pod started", { ...fields, addresses: record.addresses });
      return { state: "running", record };
    } catch (error) {
      const why = error instanceof PodStartError ? error.message : String(error);
      this.#deps.log.warn("pod start failed", { ...fields, attempt, why });
      const delayMs = Math.min(retryMaxMs, retryMinMs * 1.5 ** (attempt - 1));
      return { state: "failed", why, attempt, retryAtMs: this.#deps.clock.nowMs() + delayMs };
    }
  }

  /** A pod that cannot be stopped stays known as running: it is tried again. */
  async #stop(record: PodRecord): Promise<PodEntry | undefined> {
    try {
      await this.#options.runtime.stop(record);
      this.#deps.log.info("pod stopped", { pod: `${record.namespace}/${record.name}` });
      return undefined;
    } catch (error) {
      this.#deps.log.warn("pod stop failed", { pod: record.name, why: String(error) });
      return { state: "running", record };
    }
  }

  #now(): string {
    return formatTime(this.#deps.clock.wallMs());
  }

  async #write(pod: Pod, status: PodStatus): Promise<void> {
    if (isDeepStrictEqual(status, pod.status)) return;
    try {
      this.#pods.absorb(await this.#deps.store.updateStatus(podKind, { ...pod, status }));
    } catch (error) {
      // Changed or removed meanwhile: the watch brings what it is now.
      if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) throw error;
    }
  }
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
