/**
 * What an allocation looks like to the data plane and to the container runtime.
 *
 * The runtime is told the addresses by which the cluster knows the pod, because it makes them
 * `status.podIPs` and gives them to probes. Outside the native VRF these are the infrastructure
 * addresses: the interface they are said to be on carries the pod's addresses in its VRF instead,
 * and they are translated on the node. Interfaces, gateways and routes are those that the pod has.
 */
import type { CniResult } from "@heddle/cni";
import type { PodInterface } from "@heddle/dataplane";
import {
  defaultPrefix,
  familyOf,
  formatIp,
  formatMac,
  formatPrefix,
  hostPrefix,
} from "@heddle/inet";
import { type Allocation, clusterAddressesOf } from "../journal/allocation.ts";
import { gatewayMac } from "./names.ts";

/** The pods' default gateway, the same on every node (RFC 3927 and RFC 4291 link-local). */
export const gateways = { 4: "169.254.1.1", 6: "fe80::1" } as const;

export function podInterfaceOf(allocation: Allocation): PodInterface {
  const { netnsPath, ifname, hostIfname, mac, mtu, vrf } = allocation;
  const { addresses, infrastructureAddresses } = allocation;
  return {
    ...{ netnsPath, ifname, hostIfname, mac, hostMac: gatewayMac, mtu, vrf },
    ...{ addresses, infrastructureAddresses },
  };
}

export function cniResultOf(allocation: Allocation): CniResult {
  const { hostIfname, ifname, mac, mtu, netnsPath, addresses } = allocation;
  return {
    interfaces: [
      { name: hostIfname, mac: formatMac(gatewayMac), mtu },
      { name: ifname, mac: formatMac(mac), mtu, sandbox: netnsPath },
    ],
    ips: clusterAddressesOf(allocation).map((ip) => ({
      address: formatPrefix(hostPrefix(ip)),
      gateway: gateways[familyOf(ip)],
      interface: 1,
    })),
    routes: addresses.map((ip) => ({
      dst: formatPrefix(defaultPrefix(familyOf(ip))),
      gw: gateways[familyOf(ip)],
    })),
    dns: {},
  };
}

/** Addresses of the allocation that the runtime's cached result lacks, or the other way round. */
export function differencesFrom(allocation: Allocation, previous: CniResult | undefined): string[] {
  if (previous === undefined) return [];
  const theirs = new Set((previous.ips ?? []).map((ip) => ip.address.replace(/\/\d+$/, "")));
  return clusterAddressesOf(allocation)
    .map(formatIp)
    .filter((address) => !theirs.has(address))
    .map((address) => `prevResult lacks address ${address}`);
}
