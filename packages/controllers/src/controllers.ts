/**
 * The controllers of the model, in one process: every replica keeps a copy of the objects, the
 * leader writes what follows from them into their status.
 *
 * A write is a compare-and-swap on the object that was looked at, happens only when something
 * differs, and at most once per object and interval. So a replica that leads no more but does not
 * know it yet can neither overwrite what is newer nor give a VRF id twice.
 */
import { isDeepStrictEqual } from "node:util";
import { type KubeObject, nativeVpcName, type ResourceKind, type Vpc, vpcKind } from "@heddle/api";
import { formatTime, Informer, isStatus, type Store, WorkQueue } from "@heddle/kube";
import type { Clock, Log, Rng } from "@heddle/std";
import { ClusterState } from "./cluster-state.ts";
import {
  localNameOf,
  type ModelKind,
  modelKinds,
  type ObjectKey,
  resourceKinds,
  splitKey,
} from "./model.ts";
import { isPlanned, type PlannedKind, planners } from "./plan/planners.ts";
import { VrfAllocator } from "./vrf-allocator.ts";

export interface ControllersOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Shortest time between two writes of an object's status. */
  readonly intervalMs?: number;
}

/** Since the start of the process. */
export interface ControllerCounts {
  /** Objects looked at. */
  readonly lookCount: number;
  readonly writeCount: number;
  /** Writes that were refused because the object had changed. */
  readonly conflictCount: number;
  /** Looks that failed otherwise. */
  readonly failureCount: number;
}

const defaultIntervalMs = 1000;

/** As many as the client has connections. */
const runningCountMax = 16;

/** A server that refuses one write refuses all of them: it is said so often and no more. */
const refusalLogEveryMs = 10_000;

const nativeVpcKey: ObjectKey = `Vpc/${nativeVpcName}`;

interface AnyInformer extends AsyncDisposable {
  readonly isSynced: boolean;
  readonly synced: Promise<void>;
  readonly lastError: Error | undefined;
}

export class Controllers implements AsyncDisposable {
  readonly #options: ControllersOptions;
  readonly #state: ClusterState = new ClusterState();
  readonly #vrfIds: VrfAllocator;
  readonly #informers: readonly AnyInformer[];
  readonly #counts = { lookCount: 0, writeCount: 0, conflictCount: 0, failureCount: 0 };
  /** While this replica leads. */
  #queue: WorkQueue | undefined;
  #refusalLoggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ControllersOptions) {
    this.#options = options;
    const { store } = options;
    this.#vrfIds = new VrfAllocator({ store, highestVrfId: () => this.#state.highestVrfId });
    this.#informers = modelKinds.map((kind) => this.#informer(kind));
  }

  /** Whether every kind has been listed. */
  get isSynced(): boolean {
    return this.#informers.every(({ isSynced }) => isSynced);
  }

  /** Of any watch; undefined while all is well. */
  get lastError(): Error | undefined {
    return this.#informers.find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  get counts(): ControllerCounts {
    return { ...this.#counts };
  }

  /** Objects that wait for a look; 0 while another replica leads. */
  get waitingCount(): number {
    return this.#queue === undefined ? 0 : this.#queue.dirtyCount;
  }

  /**
   * Keeps the status of all objects as it should be until the signal aborts; resolves when no write
   * is under way any more.
   */
  async lead(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([Promise.all(this.#informers.map(({ synced }) => synced)), aborted]);
    if (signal.aborted) return;
    const { clock, rng, intervalMs = defaultIntervalMs } = this.#options;
    await using queue = new WorkQueue({
      ...{ clock, rng, intervalMs, runningCountMax },
      work: (key) => this.#look(key, signal),
      onFailure: (key, error, pauseMs) => this.#onFailure(key, error, pauseMs),
      allKeys: () => this.#workKeys(),
    });
    this.#queue = queue;
    for (const key of this.#workKeys()) queue.add(key);
    await aborted;
    this.#queue = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer[Symbol.asyncDispose]()));
  }

  #informer<K extends ModelKind>(kind: K): AnyInformer {
    const { store, clock, rng, log } = this.#options;
    return new Informer({
      ...{ store, clock, rng, log, kind: resourceKinds[kind] },
      onChange: (change) => {
        const object = change.type === "deleted" ? undefined : change.object;
        const name = localNameOf(change.type === "deleted" ? change.previous : change.object);
        const keys = this.#state.set(kind, name, object);
        for (const key of keys) if (isPlanned(splitKey(key)[0])) this.#queue?.add(key);
      },
    });
  }

  /** Keys of all objects that have a planner, and of the Vpc that always exists. */
  *#workKeys(): Generator<ObjectKey> {
    yield nativeVpcKey;
    for (const key of this.#state.keys()) if (isPlanned(splitKey(key)[0])) yield key;
  }

  async #look(key: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const [kind, name] = splitKey(key);
    if (!isPlanned(kind)) return;
    this.#counts.lookCount += 1;
    if (key === nativeVpcKey) await this.#ensureNativeVpc();
    if (kind === "Vpc") await this.#writeVpc(name);
    else await this.#writeStatus(kind, name);
  }

  async #ensureNativeVpc(): Promise<void> {
    if (this.#state.get("Vpc", nativeVpcName) !== undefined) return;
    try {
      await this.#options.store.create(vpcKind, nativeVpc);
      this.#counts.writeCount += 1;
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
  }

  async #writeStatus<K extends PlannedKind>(kind: K, name: string): Promise<void> {
    const object = this.#state.get(kind, name);
    if (object === undefined) return;
    const status = planners[kind](object, this.#state, this.#now());
    if (isDeepStrictEqual(status, object.status)) return;
    await this.#update(resourceKinds[kind], { ...object, status });
  }

  /** A Vpc gets its VRF id together with the rest of its status. */
  async #writeVpc(name: string): Promise<void> {
    const vpc = this.#state.get("Vpc", name);
    if (vpc === undefined) return;
    const status = planners.Vpc(await this.#withVrfId(vpc), this.#state, this.#now());
    if (status === undefined || isDeepStrictEqual(status, vpc.status)) return;
    await this.#update(vpcKind, { ...vpc, status });
  }

  async #update<T extends KubeObject>(kind: ResourceKind<T>, object: T): Promise<void> {
    try {
      await this.#options.store.updateStatus(kind, object);
      this.#counts.writeCount += 1;
    } catch (error) {
      // Deleted meanwhile: there is no status to write.
      if (!isStatus(error, "NotFound")) throw error;
    }
  }

  async #withVrfId(vpc: Vpc): Promise<Vpc> {
    const { name, deletionTimestamp } = vpc.metadata;
    const hasOne = name === nativeVpcName || vpc.status?.vrfId !== undefined;
    if (hasOne || deletionTimestamp !== undefined) return vpc;
    await this.#ensureNativeVpc();
    const vrfId = await this.#vrfIds.allocate();
    this.#options.log.info("VRF id given", { vpc: name, vrfId });
    return { ...vpc, status: { conditions: [], ...vpc.status, vrfId } };
  }

  #now(): string {
    return formatTime(this.#options.clock.wallMs());
  }

  #onFailure(key: string, error: unknown, pauseMs: number): void {
    const { log, clock } = this.#options;
    if (isStatus(error, "Conflict")) {
      this.#counts.conflictCount += 1;
      log.debug("the object changed meanwhile; it is looked at again", { key, pauseMs });
      return;
    }
    this.#counts.failureCount += 1;
    if (!isStatus(error, "Forbidden")) {
      log.warn("cannot write a status; it is tried again", { key, pauseMs, error });
    } else if (clock.nowMs() - this.#refusalLoggedMs >= refusalLogEveryMs) {
      this.#refusalLoggedMs = clock.nowMs();
      const want = "a user of group heddle:controllers";
      log.error("the API server refuses this controller's writes", { key, want, error });
    }
  }
}

const nativeVpc: Vpc = {
  apiVersion: "heddle.io/v1alpha1",
  kind: "Vpc",
  metadata: { name: nativeVpcName },
  spec: { importRouteTargets: [], exportRouteTargets: [] },
};
