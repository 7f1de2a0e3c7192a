/**
 * Who the pod of an ADD is. The object exists before its sandbox, so when the cache does not have
 * it yet, one question to the store settles it. The namespace is asked for in the same way.
 */
import type { IPClaim, KubeObject, ResourceKind } from "@heddle/api";
import { ipClaimKind, type Namespace, namespaceKind, type Pod, podKind } from "@heddle/api";
import { type CniArgs, CniError } from "@heddle/cni";
import { isStatus, type ObjectRef, type Store } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import type { ClusterObjects, ObjectCache } from "../cluster/cluster-objects.ts";

export interface PodIdentity {
  readonly namespace: Namespace;
  readonly pod: Pod;
  readonly uid: string;
}

export interface PodDirectoryOptions {
  readonly store: Store;
  readonly objects: ClusterObjects;
  readonly clock: Clock;
  /** Longest wait for the store. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 5_000;

export class PodDirectory {
  readonly #options: Required<PodDirectoryOptions>;

  constructor(options: PodDirectoryOptions) {
    this.#options = { timeoutMs: defaultTimeoutMs, ...options };
  }

  /**
   * @throws CniError InvalidEnvironment when the runtime names no pod, UnknownPod, TryAgainLater
   * when the store does not answer
   */
  async identify(args: CniArgs): Promise<PodIdentity> {
    const { objects } = this.#options;
    const { podNamespace, podName, podUid } = args;
    if (podNamespace === undefined || podName === undefined) {
      const missing = podNamespace === undefined ? "K8S_POD_NAMESPACE" : "K8S_POD_NAME";
      throw new CniError("InvalidEnvironment", `Cannot use CNI_ARGS: ${missing} is not set`);
    }
    const ref = { namespace: podNamespace, name: podName };
    const [namespace, pod] = await Promise.all([
      this.#find(objects.namespaces, namespaceKind, { name: podNamespace }),
      this.#find(objects.pods, podKind, ref, podUid),
    ]);
    const uid = pod.metadata.uid ?? "";
    if (podUid !== undefined && uid !== podUid) {
      const why = `uid is ${uid}, the runtime wants ${podUid}`;
      throw new CniError("UnknownPod", `Cannot serve pod ${podNamespace}/${podName}: ${why}`);
    }
    return { namespace, pod, uid };
  }

  /** @throws CniError UnknownPod when there is no such claim, TryAgainLater */
  async claim(ref: ObjectRef): Promise<IPClaim> {
    return await this.#find(this.#options.objects.claims, ipClaimKind, ref);
  }

  /** A cached object of another uid is older than what the runtime knows. */
  async #find<T extends KubeObject>(
    cache: ObjectCache<T>,
    kind: ResourceKind<T>,
    ref: ObjectRef,
    uid?: string,
  ): Promise<T> {
    const cached = cache.get(ref);
    if (cached !== undefined && (uid === undefined || cached.metadata.uid === uid)) return cached;
    const what = ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`;
    try {
      return await this.#inTime(this.#options.store.get(kind, ref));
    } catch (cause) {
      if (isStatus(cause, "NotFound")) {
        throw new CniError("UnknownPod", `Cannot serve: there is no ${kind.kind} ${what}`, {
          cause,
        });
      }
      const why = cause instanceof Error ? cause.message : String(cause);
      const text = `Cannot read ${kind.kind} ${what}: ${why}`;
      throw new CniError("TryAgainLater", text, { cause });
    }
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.after(timeoutMs, () => {
      reject(new Error(`the API server has not answered within ${timeoutMs} ms`));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer.cancel();
    }
  }
}
