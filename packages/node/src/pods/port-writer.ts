/**
 * Port objects from allocations. They follow the attachment; nothing of an ADD or a DEL waits for
 * them.
 *
 * A native subnet needs nothing of the fabric but the block's route, which is announced before the
 * first address is given; so the node itself takes the Port to FabricReady. A Port of another VPC
 * is HostReady until the fabric carries the VPC. Active belongs to whoever has seen a packet go
 * through.
 */
import { type Port, type PortPhase, type PortStatus, portKind } from "@heddle/api";
import { formatIp, formatMac } from "@heddle/inet";
import { formatTime, isStatus, type Store } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import { nativeVrf } from "@heddle/vrouter";
import { listAll } from "../cluster/list-all.ts";
import type { WriteQueue } from "../cluster/write-queue.ts";
import { type Allocation, clusterAddressesOf } from "../journal/allocation.ts";
import { portNameOf } from "./names.ts";

export interface PortWriterOptions {
  readonly node: string;
  readonly store: Store;
  readonly queue: WriteQueue;
  readonly clock: Clock;
}

export class PortWriter {
  readonly #options: PortWriterOptions;

  constructor(options: PortWriterOptions) {
    this.#options = options;
  }

  /** The pod is plumbed. */
  attached(allocation: Allocation): void {
    this.#options.queue.put(keyOf(allocation), () => this.#write(allocation));
  }

  /** The pod is gone. */
  detached(allocation: Allocation): void {
    const { namespace, pod } = allocation;
    this.#options.queue.put(keyOf(allocation), () =>
      this.#delete(namespace, portNameOf(pod, allocation)),
    );
  }

  /** Writes what is missing and deletes what stands for no allocation. @throws StatusError */
  async reconcile(allocations: Iterable<Allocation>): Promise<void> {
    const { store, node, queue } = this.#options;
    const options = { fieldSelector: `spec.node=${node}` };
    const existing = new Map(
      (await listAll(store, portKind, options)).map((port) => [
        `port/${port.metadata.namespace}/${port.metadata.name}`,
        port,
      ]),
    );
    for (const allocation of allocations) {
      const key = keyOf(allocation);
      const isDone = existing.get(key)?.status?.phase !== undefined;
      existing.delete(key);
      if (!isDone) this.attached(allocation);
    }
    for (const [key, { metadata }] of existing) {
      queue.put(key, () => this.#delete(metadata.namespace ?? "", metadata.name));
    }
  }

  async #write(allocation: Allocation): Promise<void> {
    const { store, node } = this.#options;
    const port = newPort(node, allocation);
    let current: Port;
    try {
      current = await store.create(portKind, port);
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
      const { namespace, name } = port.metadata;
      current = await store.get(portKind, {
        name,
        ...(namespace === undefined ? {} : { namespace }),
      });
    }
    const phase = current.status?.phase;
    if (phase !== undefined && phase !== "Requested") return;
    await store.updateStatus(portKind, { ...current, status: this.#status(allocation) });
  }

  async #delete(namespace: string, name: string): Promise<void> {
    try {
      await this.#options.store.delete(portKind, { namespace, name });
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }

  #status(allocation: Allocation): PortStatus {
    const phases: PortPhase[] = ["Requested", "Allocated", "HostReady"];
    if (allocation.vrf === nativeVrf) phases.push("FabricReady");
    const at = formatTime(this.#options.clock.wallMs());
    return {
      conditions: [],
      phase: phases.at(-1) as PortPhase,
      transitions: phases.map((phase) => ({ phase, at })),
      hostIfname: allocation.hostIfname,
    };
  }
}

function keyOf(allocation: Allocation): string {
  return `port/${allocation.namespace}/${portNameOf(allocation.pod, allocation)}`;
}

function newPort(node: string, allocation: Allocation): Port {
  return {
    apiVersion: "heddle.io/v1alpha1",
    kind: "Port",
    metadata: {
      name: portNameOf(allocation.pod, allocation),
      namespace: allocation.namespace,
      ownerReferences: [
        { apiVersion: "v1", kind: "Pod", name: allocation.pod, uid: allocation.podUid },
      ],
    },
    spec: {
      pod: { name: allocation.pod, uid: allocation.podUid },
      node,
      containerId: allocation.containerId,
      ifname: allocation.ifname,
      vpc: allocation.vpc,
      subnet: allocation.subnet,
      mac: formatMac(allocation.mac),
      addresses: allocation.addresses.map(formatIp),
      infrastructureAddresses: clusterAddressesOf(allocation).map(formatIp),
      ...(allocation.claim === undefined ? {} : { claim: allocation.claim }),
    },
  };
}
