/**
 * The kernel side of every device as commands of `ip -batch`. Pure. Three stages, because a veth
 * pair is made by one of its two devices and configured by both.
 */
import {
  attachedMtuBytesOf,
  type Link,
  parseFabric,
  type SwitchConfig,
  type VrfConfig,
} from "@heddle/fabric";
import {
  defaultPrefix,
  familyOf,
  formatIp,
  formatIp4,
  formatMac,
  formatPrefix,
} from "@heddle/inet";
import { formatInterfaceAddress } from "./objects.ts";
import { type LabDevice, type LabTopology, managementDevice } from "./topology.ts";

/** Lines for one namespace of one device. */
export interface Stage {
  /** A named namespace inside the device; its own when undefined. */
  readonly netns: string | undefined;
  readonly lines: readonly string[];
}

/** The interface of the management network on a node, and of its bridge. */
export const managementInterface = "mgmt0";

export function bridgeOf(vni: number): string {
  return `br${vni}`;
}

export function vxlanOf(vni: number): string {
  return `vx${vni}`;
}

/** An interface pair to be made inside `owner`, unless its first end is there already. */
export interface PairPlan {
  readonly owner: string;
  readonly ifname: string;
  /** Namespace of the first end inside the owner. */
  readonly netns: string | undefined;
  readonly peer: string;
  readonly peerIfname: string;
  readonly mtuBytes: number;
}

export function planPairs(lab: LabTopology): PairPlan[] {
  const attachedMtu = attachedMtuBytesOf(parseFabric(lab.objects.fabric));
  const cables = lab.cables.flatMap(({ links }) => links);
  const pairs = cables.map(({ kind, vrf, a, b }): PairPlan => {
    const mtuBytes = kind === "fabric" ? lab.objects.fabric.spec.mtu : attachedMtu;
    const ends = { ifname: a.ifname, peer: b.name, peerIfname: b.ifname };
    return { owner: a.name, netns: vrf, mtuBytes, ...ends };
  });
  const nodes = lab.devices.filter(({ managementAddress }) => managementAddress !== undefined);
  const management = nodes.map(({ name }): PairPlan => {
    const ends = { ifname: name, peer: name, peerIfname: managementInterface };
    return { owner: managementDevice, netns: undefined, mtuBytes: 1500, ...ends };
  });
  return [...pairs, ...management];
}

/**
 * One command: both ends appear in their final namespaces, which is far cheaper than moving them.
 */
export function pairLine(pair: PairPlan, peerPid: number): string {
  const place = pair.netns === undefined ? "" : ` netns ${pair.netns}`;
  const mtu = `mtu ${pair.mtuBytes}`;
  return `link add ${pair.ifname}${place} ${mtu} type veth peer name ${pair.peerIfname} netns ${peerPid} ${mtu}`;
}

/**
 * The VXLAN device of a VRF is made from the default namespace straight into the VRF's: its UDP
 * socket stays in the namespace it was made from, which is how the underlay carries the tenant's
 * packets.
 */
export function vtepLine({ loopback }: SwitchConfig, { name, vni }: VrfConfig): string {
  const tunnel = `type vxlan id ${vni} dstport 4789 local ${formatIp4(loopback)} nolearning`;
  return `link add ${vxlanOf(vni)} netns ${name} ${tunnel}`;
}

/** Addresses and states of everything in a switch. */
export function switchStages(config: SwitchConfig): Stage[] {
  const loopback = `address replace ${formatIp4(config.loopback)}/32 dev lo`;
  const own = [`link set lo up`, loopback, ...interfaceLines(config, undefined)];
  const vrfs = config.vrfs.map((vrf): Stage => {
    const bridge = bridgeOf(vrf.vni);
    const vxlan = vxlanOf(vrf.vni);
    const lines = [
      "link set lo up",
      `link set ${bridge} address ${formatMac(config.routerMac)} mtu ${vrf.mtuBytes} addrgenmode none`,
      `link set ${vxlan} master ${bridge} mtu ${vrf.mtuBytes} addrgenmode none`,
      `link set ${vxlan} type bridge_slave learning off neigh_suppress on`,
      `link set ${bridge} up`,
      `link set ${vxlan} up`,
      ...interfaceLines(config, vrf.name),
    ];
    return { netns: vrf.name, lines };
  });
  return [{ netns: undefined, lines: own }, ...vrfs];
}

function interfaceLines(config: SwitchConfig, vrf: string | undefined): string[] {
  const own = config.interfaces.filter((it) => it.vrf === vrf);
  return own.flatMap(({ ifname, addresses }) => {
    const lines = addresses.map((address) => addressLine(formatInterfaceAddress(address), ifname));
    return [...lines, `link set ${ifname} up`];
  });
}

/**
 * Without duplicate address detection: an address that waits a second delays everything that binds
 * to it.
 */
function addressLine(address: string, ifname: string): string {
  return `address replace ${address} dev ${ifname}${address.includes(":") ? " nodad" : ""}`;
}

/** Addresses and static routes of what is not a switch. */
export function hostStage(lab: LabTopology, device: LabDevice): Stage {
  const lines = ["link set lo up"];
  const links = lab.cables.flatMap((cable) => cable.links);
  const own = links.filter(({ b }) => b.name === device.name);
  for (const { b } of own) {
    lines.push(...b.addresses.map((it) => addressLine(formatInterfaceAddress(it), b.ifname)));
    lines.push(`link set ${b.ifname} up`);
  }
  if (device.role === "node") lines.push(...nodeLines(lab, device, own));
  else lines.push(...own.flatMap(defaultRouteLines));
  if (device.role === "management") lines.push(...bridgeLines(lab));
  return { netns: undefined, lines };
}

/** A node reaches VTEPs over its underlay links; its default routes are BGP's business. */
function nodeLines(lab: LabTopology, device: LabDevice, own: readonly Link[]): string[] {
  const lines: string[] = [];
  if (device.managementAddress !== undefined) {
    const { length } = lab.management.prefix;
    const address = `${formatIp(device.managementAddress)}/${length}`;
    lines.push(addressLine(address, managementInterface), `link set ${managementInterface} up`);
  }
  const underlay = own.filter(({ kind }) => kind === "underlay");
  const nexthops = underlay.flatMap(({ a }) => a.addresses.slice(0, 1));
  if (nexthops.length > 0) {
    const legs = nexthops.map(({ address }) => `nexthop via ${formatIp(address)}`).join(" ");
    lines.push(`route replace ${formatPrefix(lab.loopbacks)} proto static ${legs}`);
  }
  return lines;
}

function defaultRouteLines({ a }: Link): string[] {
  return a.addresses.map(({ address }) => {
    const destination = formatPrefix(defaultPrefix(familyOf(address)));
    return `route replace ${destination} via ${formatIp(address)} proto static`;
  });
}

function bridgeLines(lab: LabTopology): string[] {
  const { prefix, address, routeServers } = lab.management;
  const addresses = [address, ...routeServers.map((each) => each.address)];
  const ports = lab.devices.filter(({ managementAddress }) => managementAddress !== undefined);
  return [
    ...addresses.map((own) =>
      addressLine(`${formatIp(own)}/${prefix.length}`, managementInterface),
    ),
    ...ports.map(({ name }) => `link set ${name} master ${managementInterface} up`),
    `link set ${managementInterface} up`,
  ];
}
