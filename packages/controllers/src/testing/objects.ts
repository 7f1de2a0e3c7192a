/** Objects of the model with what a test says of them and defaults for the rest. */
import {
  type BGPPeer,
  bgpPeerKind,
  blockNameOf,
  defaulted,
  type Fabric,
  fabricKind,
  type IPBlock,
  type IPClaim,
  type IPPool,
  ipBlockKind,
  ipClaimKind,
  ipPoolKind,
  type Link,
  linkKind,
  type Node,
  nodeKind,
  type ObjectMeta,
  type Port,
  portKind,
  type Subnet,
  type Switch,
  subnetKind,
  switchKind,
  type Vpc,
  vpcKind,
} from "@heddle/api";
import { parsePrefix } from "@heddle/inet";

const apiVersion = "heddle.io/v1alpha1" as const;

/** As a store would have made it. */
function metadataOf(name: string, extra: Partial<ObjectMeta> = {}): ObjectMeta {
  return { name, uid: `uid-${name}`, generation: 1, ...extra };
}

export function vpc(name: string, status?: Vpc["status"], extra: Partial<ObjectMeta> = {}): Vpc {
  const metadata = metadataOf(name, extra);
  const made = defaulted(vpcKind, { apiVersion, kind: "Vpc", metadata, spec: {} });
  return status === undefined ? made : { ...made, status };
}

export function subnet(name: string, spec: Partial<Subnet["spec"]> = {}): Subnet {
  return defaulted(subnetKind, {
    ...{ apiVersion, kind: "Subnet", metadata: metadataOf(name) },
    spec: { cidrs: ["10.244.0.0/16"], ...spec },
  });
}

export function pool(name: string, spec: Partial<IPPool["spec"]> = {}): IPPool {
  return defaulted(ipPoolKind, {
    ...{ apiVersion, kind: "IPPool", metadata: metadataOf(name) },
    spec: { subnet: "pods", cidr: "10.244.0.0/24", ...spec },
  });
}

export function block(cidr: string, spec: Partial<IPBlock["spec"]> = {}): IPBlock {
  return defaulted(ipBlockKind, {
    ...{ apiVersion, kind: "IPBlock", metadata: metadataOf(blockNameOf(parsePrefix(cidr))) },
    spec: { pool: "a", subnet: "pods", cidr, ...spec },
  });
}

export function claim(
  name: string,
  spec: Partial<IPClaim["spec"]> = {},
  status?: IPClaim["status"],
): IPClaim {
  const metadata = metadataOf(name, { namespace: "default" });
  const made = defaulted(ipClaimKind, { apiVersion, kind: "IPClaim", metadata, spec });
  return status === undefined ? made : { ...made, status };
}

export function port(
  name: string,
  addresses: readonly string[],
  subnetName = "pods",
  spec: Partial<Port["spec"]> = {},
): Port {
  const metadata = metadataOf(name, { namespace: "default" });
  return defaulted(portKind, {
    ...{ apiVersion, kind: "Port", metadata },
    spec: {
      ...{ pod: { name, uid: `uid-${name}` }, node: "n1", containerId: "c", ifname: "eth0" },
      ...{ subnet: subnetName, mac: "02:00:00:00:00:01", addresses },
      ...spec,
    },
  });
}

export function node(name: string, labels: Readonly<Record<string, string>> = {}): Node {
  const metadata = metadataOf(name, { labels });
  return defaulted(nodeKind, { apiVersion: "v1", kind: "Node", metadata });
}

export function fabric(name: string, vrfs: Fabric["spec"]["vrfs"] = []): Fabric {
  return defaulted(fabricKind, {
    ...{ apiVersion, kind: "Fabric", metadata: metadataOf(name) },
    spec: { loopbackCidr: "10.255.0.0/24", vrfs },
  });
}

export function switchOf(name: string, fabricName: string, inSync?: boolean): Switch {
  const made = defaulted(switchKind, {
    ...{ apiVersion, kind: "Switch", metadata: metadataOf(name) },
    spec: { fabric: fabricName, role: "leaf", loopback: "10.255.0.1" },
  });
  return inSync === undefined
    ? made
    : { ...made, status: { conditions: [], observed: { inSync } } };
}

export function link(name: string, spec: Partial<Link["spec"]> = {}): Link {
  return defaulted(linkKind, {
    ...{ apiVersion, kind: "Link", metadata: metadataOf(name) },
    spec: {
      ...{ fabric: "dc", kind: "tenant", vrf: "tenant" },
      a: { switch: "leaf1", interface: "eth1", addresses: [] },
      b: { node: "n1", interface: "eth0", addresses: [] },
      ...spec,
    },
  });
}

export function peer(
  name: string,
  spec: Partial<BGPPeer["spec"]> = {},
  sessions: NonNullable<BGPPeer["status"]>["sessions"] = [],
): BGPPeer {
  const made = defaulted(bgpPeerKind, {
    ...{ apiVersion, kind: "BGPPeer", metadata: metadataOf(name) },
    spec: { peerAddress: "172.16.0.1", peerAsn: 65201, ...spec },
  });
  return sessions.length === 0 ? made : { ...made, status: { conditions: [], sessions } };
}
