/**
 * What the node knows of the cluster without asking: caches that somebody keeps up to date. A cache
 * may lag behind; whoever needs an object that the cache does not have asks the store once.
 */
import type { IPClaim, IPPool, Namespace, Pod, Subnet, Vpc } from "@heddle/api";

/** The part of an informer that a reader needs. */
export interface ObjectCache<T> {
  get(ref: { readonly name: string; readonly namespace?: string }): T | undefined;
  list(): readonly T[];
}

export interface ClusterObjects {
  /** True once subnets, pools and VPCs have been listed. */
  isSynced(): boolean;
  readonly subnets: ObjectCache<Subnet>;
  readonly pools: ObjectCache<IPPool>;
  readonly vpcs: ObjectCache<Vpc>;
  readonly namespaces: ObjectCache<Namespace>;
  readonly claims: ObjectCache<IPClaim>;
  /** Pods of this node. */
  readonly pods: ObjectCache<Pod>;
  /** Labels of this node's Node object. */
  nodeLabels(): Readonly<Record<string, string>>;
}
