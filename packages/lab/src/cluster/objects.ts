/**
 * The objects that make the lab a cluster: nodes, address plan, BGP. The fabric's are in
 * `topology/objects.ts`.
 */
import {
  type BGPConfiguration,
  type BGPPeer,
  bgpConfigurationKind,
  bgpPeerKind,
  defaulted,
  fabricKind,
  type IPPool,
  ipPoolKind,
  type KubeObject,
  linkKind,
  type Node,
  nodeKind,
  type ResourceKind,
  type Subnet,
  subnetKind,
  switchKind,
} from "@heddle/api";
import { formatIp } from "@heddle/inet";
import type { LabTopology, RouteServerPlace } from "../topology/topology.ts";

/** A certificate for `node1.agents.heddle` speaks for the Node node1. */
export const nodeDnsSuffix = ".agents.heddle";

/** Where route servers accept BGP inside TLS, which has no port of its own. */
export const bgpTlsPort = 1790;

/** What the certificate of a route server bears. */
export function routeServerDnsName(name: string): string {
  return `${name}.route-servers.heddle`;
}

/** An object with its kind. */
export interface ObjectOfKind<T extends KubeObject = KubeObject> {
  readonly kind: ResourceKind<T>;
  readonly object: T;
}

const apiVersion = "heddle.io/v1alpha1" as const;

function ofKind<T extends KubeObject>(kind: ResourceKind<T>, object: T): ObjectOfKind {
  return { kind, object };
}

/** In an order in which each may be created. */
export function clusterObjects(topology: LabTopology): ObjectOfKind[] {
  const { fabric, switches, links } = topology.objects;
  return [
    ofKind(fabricKind, fabric),
    ...switches.map((it) => ofKind(switchKind, it)),
    ...links.map((it) => ofKind(linkKind, it)),
    ofKind(bgpConfigurationKind, bgpConfiguration(topology)),
    ...topology.management.routeServers.map((place) =>
      ofKind(bgpPeerKind, routeServerPeer(topology, place)),
    ),
    ofKind(subnetKind, podSubnet()),
    ...podPools().map((pool) => ofKind(ipPoolKind, pool)),
    ...nodes(topology).map((node) => ofKind(nodeKind, node)),
  ];
}

function bgpConfiguration({ objects }: LabTopology): BGPConfiguration {
  return defaulted(bgpConfigurationKind, {
    apiVersion,
    kind: "BGPConfiguration",
    metadata: { name: "default" },
    spec: { asn: objects.fabric.spec.nodeAsn, holdTimeSeconds: 9, keepaliveSeconds: 3 },
  });
}

/** Every node's agent dials it. */
function routeServerPeer({ objects }: LabTopology, { name, address }: RouteServerPlace): BGPPeer {
  return defaulted(bgpPeerKind, {
    apiVersion,
    kind: "BGPPeer",
    metadata: { name },
    spec: {
      kind: "reflector",
      peerAddress: formatIp(address),
      port: bgpTlsPort,
      peerAsn: objects.fabric.spec.nodeAsn,
      tls: { serverName: routeServerDnsName(name) },
    },
  });
}

/** The native subnet of all pods (docs/architecture.md, addresses of the lab). */
function podSubnet(): Subnet {
  return defaulted(subnetKind, {
    apiVersion,
    kind: "Subnet",
    metadata: { name: "pods" },
    spec: { cidrs: ["10.244.0.0/16", "fd00:10:244::/48"], default: true },
  });
}

/** Blocks for any pod from the lower half; fixed addresses from a part of the upper one. */
function podPools(): IPPool[] {
  const pool = (name: string, cidr: string, allocation: "Dynamic" | "Fixed"): IPPool =>
    defaulted(ipPoolKind, {
      apiVersion,
      kind: "IPPool",
      metadata: { name },
      spec: { subnet: "pods", cidr, allocation },
    });
  return [
    pool("pods-ipv4", "10.244.0.0/17", "Dynamic"),
    pool("pods-ipv6", "fd00:10:244::/64", "Dynamic"),
    pool("fixed-ipv4", "10.244.128.0/20", "Fixed"),
    pool("fixed-ipv6", "fd00:10:244:1::/64", "Fixed"),
  ];
}

function nodes({ devices }: LabTopology): Node[] {
  return devices
    .filter((device) => device.role === "node")
    .map(({ name, rack }) =>
      defaulted(nodeKind, {
        apiVersion: "v1",
        kind: "Node",
        metadata: {
          name,
          labels: {
            "kubernetes.io/hostname": name,
            ...(rack === undefined ? {} : { "topology.kubernetes.io/zone": rack }),
          },
        },
      }),
    );
}

/** What a kubelet would report of a node. */
export function nodeStatus(
  node: Node,
  managementAddress: Parameters<typeof formatIp>[0],
  at: string,
): Node {
  return {
    ...node,
    status: {
      addresses: [
        { type: "Hostname", address: node.metadata.name },
        { type: "InternalIP", address: formatIp(managementAddress) },
      ],
      conditions: [
        {
          type: "Ready",
          status: "True",
          reason: "LabNodeReady",
          message: "the namespaces of the node are there",
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
      ],
    },
  };
}
