/**
 * What the API holds before the first ADD: one node with one leaf, a dual-stack subnet with its
 * pools, and the pods. Addresses are those of docs/architecture.md.
 */
import {
  bgpConfigurationKind,
  defaulted,
  fabricKind,
  ipPoolKind,
  type KubeObject,
  linkKind,
  nodeKind,
  podKind,
  type ResourceKind,
  subnetKind,
  switchKind,
  type Undefaulted,
} from "@heddle/api";
import { parseIp } from "@heddle/inet";
import { formatTime, type Store } from "@heddle/kube";
import { systemClock } from "@heddle/system";
import { nodeStatus } from "../../packages/lab/src/cluster/objects.ts";

export const nodeName = "node1";
export const podNamespace = "default";

/** The two ends of the tenant link between node and leaf. */
export const link = {
  ifname: "up0",
  leaf: { asn: 65201, ip4: "172.16.0.0/31", ip6: "fd00:172:16::/127" },
  node: { asn: 65203, ip4: "172.16.0.1/31", ip6: "fd00:172:16::1/127" },
} as const;

export const nodeAddress = { ip4: "192.0.2.1", ip6: "fd00:2::1" } as const;

const apiVersion = "heddle.io/v1alpha1";
const fabric = "bench";
const leaf = "leaf1";

export function podNameOf(index: number): string {
  return `pod-${index}`;
}

export async function createObjects(store: Store, podCount: number): Promise<void> {
  await createFabric(store);
  await createNode(store);
  await createSubnet(store);
  for (let index = 0; index < podCount; index += 1) {
    await create(store, podKind, {
      ...{ apiVersion: "v1", kind: "Pod" },
      metadata: { name: podNameOf(index), namespace: podNamespace },
      spec: { nodeName, containers: [{ name: "main", image: "none" }] },
    });
  }
}

async function createFabric(store: Store): Promise<void> {
  await create(store, fabricKind, {
    ...{ apiVersion, kind: "Fabric" },
    metadata: { name: fabric },
    spec: {
      asn: link.leaf.asn,
      nodeAsn: link.node.asn,
      loopbackCidr: "10.255.0.0/24",
      vrfs: [{ name: "tenant", vni: 1000, routeTarget: "65201:1000" }],
    },
  });
  await create(store, switchKind, {
    ...{ apiVersion, kind: "Switch" },
    metadata: { name: leaf },
    spec: { fabric, role: "leaf", loopback: "10.255.0.1", driver: { type: "frr" } },
  });
  await create(store, linkKind, {
    ...{ apiVersion, kind: "Link" },
    metadata: { name: `${nodeName}-${leaf}` },
    spec: {
      ...{ fabric, kind: "tenant", vrf: "tenant" },
      a: { node: nodeName, interface: link.ifname, addresses: [link.node.ip4, link.node.ip6] },
      b: { switch: leaf, interface: link.ifname, addresses: [link.leaf.ip4, link.leaf.ip6] },
    },
  });
  await create(store, bgpConfigurationKind, {
    ...{ apiVersion, kind: "BGPConfiguration" },
    metadata: { name: "default" },
    spec: { asn: link.node.asn },
  });
}

async function createNode(store: Store): Promise<void> {
  await create(store, nodeKind, {
    ...{ apiVersion: "v1", kind: "Node" },
    metadata: { name: nodeName },
  });
  const node = await store.get(nodeKind, { name: nodeName });
  const at = formatTime(systemClock.wallMs());
  await store.updateStatus(nodeKind, nodeStatus(node, parseIp(nodeAddress.ip4), at));
}

async function createSubnet(store: Store): Promise<void> {
  await create(store, subnetKind, {
    ...{ apiVersion, kind: "Subnet" },
    metadata: { name: "pods" },
    spec: { cidrs: ["10.244.0.0/16", "fd00:10:244::/48"], default: true },
  });
  for (const [name, cidr] of [
    ["pods-ipv4", "10.244.0.0/16"],
    ["pods-ipv6", "fd00:10:244::/48"],
  ] as const) {
    await create(store, ipPoolKind, {
      ...{ apiVersion, kind: "IPPool" },
      metadata: { name },
      spec: { subnet: "pods", cidr },
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
