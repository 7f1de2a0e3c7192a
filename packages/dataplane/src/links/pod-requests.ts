/**
 * The kernel objects of one pod interface as requests. Each list is one message to the kernel and
 * may be sent again: everything but the veth itself and its qdisc is written in replace mode.
 */
import {
  defaultPrefix,
  type Family,
  familyOf,
  hostPrefix,
  type Ifindex,
  type Ip,
  type Mac,
  type Prefix,
  parseIfindex,
  parseIp,
  widthOf,
} from "@heddle/inet";
import type { Fd } from "@heddle/native";
import {
  deleteClsact,
  IFA_F_NODAD,
  IN6_ADDR_GEN_MODE_NONE,
  type Link,
  newAddress,
  newClsact,
  newLink,
  newNeighbor,
  newRoute,
  type Request,
  RT_TABLE_LOCAL,
  RTN_LOCAL,
  setLink,
} from "@heddle/netlink";
import { nativeVrf } from "@heddle/vrouter";
import type { PodInterface } from "../dataplane.ts";
import { formatPodAlias, podLinkGroup, protoHeddle } from "./pod-mark.ts";

/** Numbers of the tc blocks that all pods share. */
export interface PodBlocks {
  /** Holds the program that sees what pods send. */
  readonly ingress: number;
  /** Holds the program that sees what the host sends to pods. */
  readonly egress: number;
}

export interface PodIfindexes {
  readonly host: Ifindex;
  readonly pod: Ifindex;
}

export const loopback: Ifindex = parseIfindex(1);
/** Tried first; a pod that has other interfaces may use it already. */
export const firstPodIfindex: Ifindex = parseIfindex(2);

const gateways: Readonly<Record<Family, Ip>> = { 4: parseIp("169.254.1.1"), 6: parseIp("fe80::1") };

/** The default gateway of every pod on every node. */
export function gatewayFor(address: Ip): Ip {
  return gateways[familyOf(address)];
}

/**
 * The addresses by which the host reaches the pod: the node's main routing table and the neighbors
 * of the host side lead to them. Addresses of other VRFs may overlap in that table.
 */
export function hostAddressesOf(pod: PodHostAddresses): readonly Ip[] {
  return pod.vrf === nativeVrf ? pod.addresses : pod.infrastructureAddresses;
}

export type PodHostAddresses = Pick<PodInterface, "vrf" | "addresses" | "infrastructureAddresses">;

/**
 * The veth, its far end made directly in the pod. Both sides are down. One queue each, which is
 * what the driver ends with by itself, but only after it has made one for every CPU, with objects
 * in sysfs, and has waited for an RCU grace period on either side to take the others away.
 */
export function vethRequest(pod: PodInterface, netns: Fd, ifindexes: PodIfindexes): Request {
  return newLink({
    name: pod.hostIfname,
    ifindex: ifindexes.host,
    queueCount: 1,
    mac: pod.hostMac,
    mtu: pod.mtu,
    group: podLinkGroup,
    kind: {
      name: "veth",
      peer: {
        name: pod.ifname,
        ifindex: ifindexes.pod,
        queueCount: 1,
        mac: pod.mac,
        mtu: pod.mtu,
        netnsFd: netns.number,
      },
    },
  });
}

/**
 * The host side of a new veth. It comes up after the programs are there and IPv6 has been told to
 * make no link-local address; a qdisc on a link that is up costs an RCU grace period more.
 */
export function newHostRequests(
  pod: PodInterface,
  hostIfindex: Ifindex,
  blocks: PodBlocks,
  nodeAddresses: readonly Ip[],
): readonly Request[] {
  return [
    withoutLinkLocal(hostIfindex),
    newClsact(hostIfindex, blocks),
    setLink({ ifindex: hostIfindex }, { up: true, alias: formatPodAlias(pod) }),
    ...hostAddressRequests(pod, hostIfindex, nodeAddresses),
  ];
}

/** The host side of a veth that exists, whatever was changed on it. */
export function repairHostRequests(
  pod: PodInterface,
  link: Link,
  blocks: PodBlocks,
  clsact: "right" | "wrong" | "missing",
  nodeAddresses: readonly Ip[],
): readonly Request[] {
  const { ifindex } = link;
  const alias = formatPodAlias(pod);
  return [
    setLink({ ifindex }, { up: true, alias }),
    withoutLinkLocal(ifindex),
    ...linkRepairs(link, pod.hostMac, pod.mtu),
    ...(clsact === "wrong" ? [deleteClsact(ifindex)] : []),
    ...(clsact === "right" ? [] : [newClsact(ifindex, blocks)]),
    ...hostAddressRequests(pod, ifindex, nodeAddresses),
  ];
}

/** Refused with EAFNOSUPPORT where the link has no IPv6. */
function withoutLinkLocal(ifindex: Ifindex): Request {
  return setLink({ ifindex }, { addrGenMode: IN6_ADDR_GEN_MODE_NONE });
}

/**
 * Not sent when right: the kernel forgets the neighbors of a link whose MAC address is set, even to
 * the same.
 */
function linkRepairs(link: Link, mac: Mac, mtu: number): readonly Request[] {
  const { ifindex } = link;
  return [
    ...(link.mac === mac ? [] : [setLink({ ifindex }, { mac })]),
    ...(link.mtu === mtu ? [] : [setLink({ ifindex }, { mtu })]),
  ];
}

function hostAddressRequests(
  pod: PodInterface,
  hostIfindex: Ifindex,
  nodeAddresses: readonly Ip[],
): readonly Request[] {
  const neighbors = hostAddressesOf(pod).map((address) =>
    newNeighbor({ ifindex: hostIfindex, address, mac: pod.mac, protocol: protoHeddle }),
  );
  return [...neighbors, ...hostRouteRequests(pod, hostIfindex, nodeAddresses)];
}

/**
 * Routes of the node's main table to the pod. To a pod of another VRF the node speaks from
 * `nodeAddresses` only, which the programs know.
 */
export function hostRouteRequests(
  pod: PodHostAddresses,
  hostIfindex: Ifindex,
  nodeAddresses: readonly Ip[],
): readonly Request[] {
  const nexthops = [{ via: undefined, ifindex: hostIfindex }];
  return hostAddressesOf(pod).map((address) => {
    const sources = pod.vrf === nativeVrf ? [] : nodeAddresses;
    const source = sources.find((each) => familyOf(each) === familyOf(address));
    const preferred = source === undefined ? {} : { preferredSource: source };
    const prefix = hostPrefix(address);
    return newRoute({ prefix, protocol: protoHeddle, nexthops, ...preferred }, "replace");
  });
}

/**
 * Everything inside the pod. Addresses skip duplicate detection: the node assigns them and nobody
 * else.
 */
export function newPodRequests(pod: PodInterface, podIfindex: Ifindex): readonly Request[] {
  return [
    setLink({ ifindex: loopback }, { up: true }),
    setLink({ ifindex: podIfindex }, { up: true }),
    ...pod.addresses.flatMap((address) => podAddressRequests(pod, podIfindex, address)),
  ];
}

/** The inside of a pod whose interface exists, whatever was changed on it. */
export function repairPodRequests(pod: PodInterface, link: Link): readonly Request[] {
  return [...linkRepairs(link, pod.mac, pod.mtu), ...newPodRequests(pod, link.ifindex)];
}

function podAddressRequests(pod: PodInterface, ifindex: Ifindex, address: Ip): readonly Request[] {
  const family = familyOf(address);
  const gateway = gatewayFor(address);
  const flags = family === 6 ? IFA_F_NODAD : 0;
  const route = (prefix: Prefix, via: Ip | undefined): Request =>
    newRoute({ prefix, protocol: protoHeddle, nexthops: [{ via, ifindex }] }, "replace");
  // To a link-local gateway the kernel would speak from a link-local address, which is not
  // translated.
  const toGateway = newRoute(
    {
      ...{ prefix: hostPrefix(gateway), protocol: protoHeddle, preferredSource: address },
      nexthops: [{ via: undefined, ifindex }],
    },
    "replace",
  );
  return [
    newAddress({ ifindex, address, prefixLength: widthOf(family), flags }, "replace"),
    ...(family === 6 ? [localRoute(ifindex, address)] : []),
    newNeighbor({ ifindex, address: gateway, mac: pod.hostMac, protocol: protoHeddle }),
    toGateway,
    route(defaultPrefix(family), gateway),
  ];
}

/**
 * The kernel enters an IPv6 address in the local table from a work queue, after the request for the
 * address was answered; until then the pod drops what is sent to it, as not its own. This route
 * serves in the meantime, and ends with the interface; the kernel's, of metric 0, is preferred.
 */
function localRoute(ifindex: Ifindex, address: Ip): Request {
  const kind = { table: RT_TABLE_LOCAL, type: RTN_LOCAL, protocol: protoHeddle };
  const nexthops = [{ via: undefined, ifindex }];
  return newRoute({ prefix: hostPrefix(address), ...kind, nexthops }, "replace");
}
