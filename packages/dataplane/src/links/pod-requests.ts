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
  parseVrfId,
  type VrfId,
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
  setLink,
} from "@heddle/netlink";
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
export const nativeVrf: VrfId = parseVrfId(0);

const gateways: Readonly<Record<Family, Ip>> = { 4: parseIp("169.254.1.1"), 6: parseIp("fe80::1") };

/** The default gateway of every pod on every node. */
export function gatewayFor(address: Ip): Ip {
  return gateways[familyOf(address)];
}

/**
 * True when the node's main routing table leads to the pod's addresses; other VRFs may overlap in
 * it.
 */
export function hasHostRoutes(pod: Pick<PodInterface, "vrf">): boolean {
  return pod.vrf === nativeVrf;
}

/**
 * The veth, its far end made directly in the pod. The host side is up at once, the pod side has yet
 * to be.
 */
export function vethRequest(pod: PodInterface, netns: Fd, ifindexes: PodIfindexes): Request {
  return newLink({
    name: pod.hostIfname,
    ifindex: ifindexes.host,
    up: true,
    mac: pod.hostMac,
    mtu: pod.mtu,
    group: podLinkGroup,
    kind: {
      name: "veth",
      peer: {
        name: pod.ifname,
        ifindex: ifindexes.pod,
        mac: pod.mac,
        mtu: pod.mtu,
        netnsFd: netns.number,
      },
    },
  });
}

/**
 * The host side of a new veth. The pod side is still down, so no packet passes before the programs
 * are there, and IPv6 has made no link-local address before it is told not to.
 */
export function newHostRequests(
  pod: PodInterface,
  hostIfindex: Ifindex,
  blocks: PodBlocks,
): readonly Request[] {
  return [
    setLink({ ifindex: hostIfindex }, { alias: formatPodAlias(pod.vrf) }),
    withoutLinkLocal(hostIfindex),
    newClsact(hostIfindex, blocks),
    ...hostAddressRequests(pod, hostIfindex),
  ];
}

/** The host side of a veth that exists, whatever was changed on it. */
export function repairHostRequests(
  pod: PodInterface,
  link: Link,
  blocks: PodBlocks,
  clsact: "right" | "wrong" | "missing",
): readonly Request[] {
  const { ifindex } = link;
  const alias = formatPodAlias(pod.vrf);
  return [
    setLink({ ifindex }, { up: true, alias }),
    withoutLinkLocal(ifindex),
    ...linkRepairs(link, pod.hostMac, pod.mtu),
    ...(clsact === "wrong" ? [deleteClsact(ifindex)] : []),
    ...(clsact === "right" ? [] : [newClsact(ifindex, blocks)]),
    ...hostAddressRequests(pod, ifindex),
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

function hostAddressRequests(pod: PodInterface, hostIfindex: Ifindex): readonly Request[] {
  return pod.addresses.flatMap((address) => [
    newNeighbor({ ifindex: hostIfindex, address, mac: pod.mac, protocol: protoHeddle }),
    ...(hasHostRoutes(pod) ? [hostRoute(address, hostIfindex)] : []),
  ]);
}

function hostRoute(address: Ip, ifindex: Ifindex): Request {
  const nexthops = [{ via: undefined, ifindex }];
  return newRoute({ prefix: hostPrefix(address), protocol: protoHeddle, nexthops }, "replace");
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
  return [
    newAddress({ ifindex, address, prefixLength: widthOf(family), flags }, "replace"),
    newNeighbor({ ifindex, address: gateway, mac: pod.hostMac, protocol: protoHeddle }),
    route(hostPrefix(gateway), undefined),
    route(defaultPrefix(family), gateway),
  ];
}
