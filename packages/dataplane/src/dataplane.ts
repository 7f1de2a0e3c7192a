/**
 * What the rest of a node asks of the data plane. Every call is idempotent: attaching what is
 * attached and detaching what is gone succeed. Effects run in the kernel worker; calls on one pod
 * are in order.
 */
import type { Ifindex, Ip, Mac, Prefix, VrfId } from "@heddle/inet";
import type { OwnBlock } from "@heddle/vrouter";

/** The wanted state of one pod interface and of its host side. */
export interface PodInterface {
  /** Path of the pod's network namespace, `/run/netns/…` or `/proc/PID/ns/net`. */
  readonly netnsPath: string;
  /** Name inside the pod, 1 to 15 bytes. */
  readonly ifname: string;
  /** Name of the host side, 1 to 15 bytes, unique on the node. */
  readonly hostIfname: string;
  /** MAC address inside the pod. */
  readonly mac: Mac;
  /** MAC address of the host side: the pod's gateway. */
  readonly hostMac: Mac;
  readonly mtu: number;
  readonly vrf: VrfId;
  /** Addresses of the pod, at most one of each family; /32 and /128 inside the pod. */
  readonly addresses: readonly Ip[];
  /**
   * By which the node reaches a pod of another VRF than the native one, unique in the native VRF;
   * at most one for each of `addresses` and of its family. The pod does not know them: they are
   * translated. Empty in the native VRF.
   */
  readonly infrastructureAddresses: readonly Ip[];
}

export interface AttachedPod extends PodInterface {
  readonly hostIfindex: Ifindex;
  readonly podIfindex: Ifindex;
}

/** What the kernel holds for a pod interface, found by its host side. */
export interface ObservedPod {
  readonly hostIfname: string;
  readonly hostIfindex: Ifindex;
  readonly vrf: VrfId;
  readonly addresses: readonly Ip[];
  readonly infrastructureAddresses: readonly Ip[];
}

/** The node's own part of the data plane. */
export interface NodeInterfaces {
  /** Names of the interfaces that lead to the fabric. */
  readonly uplinks: readonly string[];
  /** Prefixes whose traffic leaves by the uplinks without translation; informative for counters. */
  readonly podPrefixes: readonly Prefix[];
  /**
   * Address blocks of this node, all of them; absent means none. Addresses in them that no pod has
   * are answered as unreachable: without this, the fabric's aggregate and our default route would
   * pass such a packet to and fro.
   */
  readonly blocks?: readonly OwnBlock[];
  /**
   * Of the node itself, at most one of each family: what the gateway of pods of other VRFs stands
   * for, and the source of what the node sends to their infrastructure addresses. Without one of a
   * family nothing of it passes between the node and these pods.
   */
  readonly nodeAddresses?: readonly Ip[];
}

/** Packets by drop reason, since the maps were made. */
export interface DropCount {
  readonly reason: string;
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface Dataplane extends AsyncDisposable {
  /** Loads or adopts programs and maps and attaches the uplinks. */
  setNode(node: NodeInterfaces): Promise<void>;
  /** @throws DataplaneError */
  attachPod(pod: PodInterface): Promise<AttachedPod>;
  /** @throws DataplaneError */
  detachPod(pod: Pick<PodInterface, "hostIfname" | "vrf" | "addresses">): Promise<void>;
  /** Differences between wanted and found, as sentences; empty when all is as wanted. */
  checkPod(pod: PodInterface): Promise<readonly string[]>;
  /** Every pod interface of ours that the kernel holds: for adoption and garbage collection. */
  observePods(): Promise<readonly ObservedPod[]>;
  drops(): Promise<readonly DropCount[]>;
}
