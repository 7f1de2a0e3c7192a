/**
 * When a fixed address may be taken from the node on record: only when somebody with authority has
 * said that the node is gone for good, and its lease has run out long enough ago for its routes to
 * be gone too. A node that merely does not answer may still forward; taking its address would give
 * two pods the same one. Kubernetes has the same rule for the pods of a StatefulSet.
 *
 * The authority's word is the deletion of the Node object, or the taint of a node that was shut
 * down. Where nodes are not registered at all (our own has no Node object), an absent one says
 * nothing.
 */

import { type Lease, leaseKind, nodeKind } from "@heddle/api";
import { isStatus, type Store } from "@heddle/kube";
import type { Clock } from "@heddle/std";

/** The operator's word that a node is off (Kubernetes "non-graceful node shutdown"). */
const outOfServiceTaint = "node.kubernetes.io/out-of-service";

export interface NodeLivenessOptions {
  readonly self: string;
  readonly store: Store;
  readonly clock: Clock;
  /** Time after the end of a lease until the routes of that node are surely gone. */
  readonly routeGraceMs: number;
}

export class NodeLiveness {
  readonly #options: NodeLivenessOptions;
  /**
   * Nodes seen as declared gone without a lease, and since when; one of them is back: forgotten.
   */
  readonly #goneSinceMs = new Map<string, number>();

  constructor(options: NodeLivenessOptions) {
    this.#options = options;
  }

  /** @throws StatusError when the store cannot tell */
  async isGone(node: string): Promise<boolean> {
    const { store, clock, routeGraceMs } = this.#options;
    const lease = await optional(
      store.get(leaseKind, { name: node, namespace: "kube-node-lease" }),
    );
    if (!(await this.#isDeclaredGone(node))) {
      this.#goneSinceMs.delete(node);
      return false;
    }
    if (lease !== undefined) return leaseEndMs(lease) + routeGraceMs < clock.wallMs();
    // The lease went with the Node: the grace counts from when we noticed.
    const since = this.#goneSinceMs.get(node) ?? clock.nowMs();
    this.#goneSinceMs.set(node, since);
    return since + routeGraceMs < clock.nowMs();
  }

  async #isDeclaredGone(node: string): Promise<boolean> {
    const { store, self } = this.#options;
    const object = await optional(store.get(nodeKind, { name: node }));
    if (object === undefined) {
      return (await optional(store.get(nodeKind, { name: self }))) !== undefined;
    }
    const { spec } = object;
    return spec?.taints?.some((taint) => taint.key === outOfServiceTaint) === true;
  }
}

/** NaN for a lease that says nothing readable; no comparison with it holds, so it never ends. */
function leaseEndMs(lease: Lease): number {
  const { renewTime, leaseDurationSeconds } = lease.spec ?? {};
  if (renewTime === undefined || leaseDurationSeconds === undefined) return Number.NaN;
  return Date.parse(renewTime) + leaseDurationSeconds * 1000;
}

async function optional<T>(object: Promise<T>): Promise<T | undefined> {
  try {
    return await object;
  } catch (error) {
    if (isStatus(error, "NotFound")) return undefined;
    throw error;
  }
}
