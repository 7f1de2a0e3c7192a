/**
 * The node's Lease (KEP-589), renewed while the agent lives: without Kubernetes nobody else says
 * that a node is alive. Whoever wants to take over an address of this node looks at it
 * (`node-liveness.ts`).
 */

import { leaseKind } from "@heddle/api";
import { isStatus, type Store } from "@heddle/kube";
import type { Clock, Log, Timer } from "@heddle/std";

const namespace = "kube-node-lease";
const renewEveryMs = 10_000;
const durationSeconds = 40;

export interface NodeHeartbeatOptions {
  readonly node: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export class NodeHeartbeat implements Disposable {
  readonly #options: NodeHeartbeatOptions;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: NodeHeartbeatOptions) {
    this.#options = options;
    void this.#beat();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #beat(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await this.#renew();
    } catch (error) {
      log.warn("cannot renew the node's lease; it is tried again", { error });
    }
    if (!this.#closed) this.#timer = clock.after(renewEveryMs, () => void this.#beat());
  }

  async #renew(): Promise<void> {
    const { store, node, clock } = this.#options;
    // metav1.MicroTime.
    const renewTime = new Date(clock.wallMs()).toISOString().replace("Z", "000Z");
    const spec = { holderIdentity: node, leaseDurationSeconds: durationSeconds, renewTime };
    try {
      const lease = await store.get(leaseKind, { name: node, namespace });
      await store.update(leaseKind, { ...lease, spec });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
      await store.create(leaseKind, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: node, namespace },
        spec,
      });
    }
  }
}
