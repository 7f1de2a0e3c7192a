/** What the API holds before the first ADD: a dual-stack subnet, its pools, and the pods. */
import {
  defaulted,
  ipPoolKind,
  type KubeObject,
  namespaceKind,
  podKind,
  type ResourceKind,
  subnetKind,
  type Undefaulted,
} from "@heddle/api";
import type { Store } from "@heddle/kube";

export const nodeName = "node1";
export const podNamespace = "default";

export function podNameOf(index: number): string {
  return `pod-${index}`;
}

export async function seedCluster(store: Store, podCount: number): Promise<void> {
  await create(store, namespaceKind, {
    ...{ apiVersion: "v1", kind: "Namespace" },
    metadata: { name: podNamespace },
  });
  await create(store, subnetKind, {
    ...{ apiVersion: "heddle.io/v1alpha1", kind: "Subnet" },
    metadata: { name: "pods" },
    spec: { cidrs: ["10.244.0.0/16", "fd00:10:244::/48"], default: true },
  });
  for (const [name, cidr, blockLength] of [
    ["pods-ipv4", "10.244.0.0/16", 26],
    ["pods-ipv6", "fd00:10:244::/48", 122],
  ] as const) {
    await create(store, ipPoolKind, {
      ...{ apiVersion: "heddle.io/v1alpha1", kind: "IPPool" },
      metadata: { name },
      spec: { subnet: "pods", cidr, blockLength },
    });
  }
  for (let index = 0; index < podCount; index += 1) {
    await create(store, podKind, {
      ...{ apiVersion: "v1", kind: "Pod" },
      metadata: { name: podNameOf(index), namespace: podNamespace },
      spec: { nodeName, containers: [{ name: "main", image: "none" }] },
    });
  }
}

async function create<T extends KubeObject>(
  store: Store,
  kind: ResourceKind<T>,
  object: Undefaulted<T> & KubeObject,
): Promise<void> {
  await store.create(kind, defaulted(kind, object));
}
