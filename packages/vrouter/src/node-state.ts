import type { Ifindex, Ip, Mac, Prefix, VrfId } from "@heddle/inet";

/** One pod interface of the node. */
export interface Endpoint {
  /** Of the host side; identifies the endpoint. */
  readonly hostIfindex: Ifindex;
  readonly hostIfname: string;
  readonly vrf: VrfId;
  /** Inside the pod. */
  readonly mac: Mac;
  /** Of the host side: the pod's gateway. */
  readonly hostMac: Mac;
  /** At most one of each family. */
  readonly addresses: readonly Ip[];
  /**
   * Unique in the native VRF, at most one for each of `addresses` and of its family: by these the
   * node reaches a pod of another VRF. Empty in the native VRF.
   */
  readonly infrastructureAddresses: readonly Ip[];
}

/** Addresses that this node may give out; it attracts the traffic for all of them. */
export interface OwnBlock {
  readonly vrf: VrfId;
  readonly prefix: Prefix;
}

/** What a node knows of itself. Order carries no meaning. */
export interface NodeState {
  /** At most one per hostIfindex. */
  readonly endpoints: readonly Endpoint[];
  /**
   * Addresses of the host in the native VRF that pods may reach without a look into the kernel's
   * tables.
   */
  readonly hostAddresses: readonly Ip[];
  /**
   * At most one of each family, an address of the host: what the gateway of pods of other VRFs
   * stands for.
   */
  readonly nodeAddresses: readonly Ip[];
  readonly blocks: readonly OwnBlock[];
}

export const emptyNodeState: NodeState = {
  endpoints: [],
  hostAddresses: [],
  nodeAddresses: [],
  blocks: [],
};
