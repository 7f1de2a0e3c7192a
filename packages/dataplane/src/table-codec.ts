/** Table entries of the compiler <-> structs of the maps (generated from `bpf/lib/types.h`). */
import {
  type Ifindex,
  type Ip4,
  type Ip6,
  ip4FromNumber,
  ipFromBytes,
  ipToBytes,
  macFromBytes,
  macToBytes,
  type Prefix,
  type Prefix4,
  type Prefix6,
  parseIfindex,
  parseVrfId,
  prefixOf,
  type VrfId,
} from "@heddle/inet";
import type { RouteEntry, RouteTarget, Translation, VifEntry } from "@heddle/vrouter";
import {
  type Route,
  type Route4Key,
  type Route6Key,
  routeAction,
  type Vif,
} from "./gen/heddle.gen.ts";

/** The VRF is the first part of every key and always matches as a whole. */
const vrfBits = 32;

const noMac = new Uint8Array(6);
const noIp6 = new Uint8Array(16);

export function toVif(entry: VifEntry): Vif {
  return {
    vrf: entry.vrf,
    address4: to4(entry.address4),
    address6: to6(entry.address6),
    mac: macToBytes(entry.mac),
    hostMac: macToBytes(entry.hostMac),
    infrastructure4: to4(entry.infrastructure4?.address),
    node4: to4(entry.infrastructure4?.node),
    infrastructure6: to6(entry.infrastructure6?.address),
    node6: to6(entry.infrastructure6?.node),
    hostIfname: entry.hostIfname,
  };
}

function to4(address: Ip4 | undefined): number {
  return address === undefined ? 0 : address;
}

function to6(address: Ip6 | undefined): Uint8Array {
  return address === undefined ? noIp6 : ipToBytes(address);
}

export function fromVif(ifindex: number, vif: Vif): VifEntry {
  return {
    ifindex: parseIfindex(ifindex),
    hostIfname: vif.hostIfname,
    vrf: parseVrfId(vif.vrf),
    mac: macFromBytes(vif.mac),
    hostMac: macFromBytes(vif.hostMac),
    address4: from4(vif.address4),
    address6: from6(vif.address6),
    infrastructure4: toTranslation(from4(vif.infrastructure4), from4(vif.node4)),
    infrastructure6: toTranslation(from6(vif.infrastructure6), from6(vif.node6)),
  };
}

function toTranslation<A extends Ip4 | Ip6>(
  address: A | undefined,
  node: A | undefined,
): Translation<A> | undefined {
  return address === undefined ? undefined : { address, node };
}

function from4(address: number): Ip4 | undefined {
  return address === 0 ? undefined : ip4FromNumber(address);
}

function from6(bytes: Uint8Array): Ip6 | undefined {
  const address = ipFromBytes(bytes);
  return typeof address === "bigint" && address !== 0n ? address : undefined;
}

export function toRoute4Key(vrf: VrfId, prefix: Prefix4): Route4Key {
  return { prefixLength: vrfBits + prefix.length, vrf, address: prefix.address };
}

export function toRoute6Key(vrf: VrfId, prefix: Prefix6): Route6Key {
  return { prefixLength: vrfBits + prefix.length, vrf, address: ipToBytes(prefix.address) };
}

export function fromRoute4(key: Route4Key, route: Route): RouteEntry | undefined {
  const address: Ip4 = ip4FromNumber(key.address);
  return fromRoute(key.vrf, prefixOf(address, key.prefixLength - vrfBits), route);
}

export function fromRoute6(key: Route6Key, route: Route): RouteEntry | undefined {
  const address = ipFromBytes(key.address);
  return fromRoute(key.vrf, prefixOf(address, key.prefixLength - vrfBits), route);
}

function fromRoute(vrf: number, prefix: Prefix, route: Route): RouteEntry | undefined {
  const target = fromTarget(route);
  return target === undefined ? undefined : { vrf: parseVrfId(vrf), prefix, target };
}

export function toTarget(target: RouteTarget): Route {
  const action = routeAction[target.action];
  if (target.action !== "local") return { action, ifindex: 0, mac: noMac, hostMac: noMac };
  const { ifindex, mac, hostMac } = target;
  return { action, ifindex, mac: macToBytes(mac), hostMac: macToBytes(hostMac) };
}

/** Undefined for an action of another version of the programs: such an entry is to be replaced. */
export function fromTarget(route: Route): RouteTarget | undefined {
  switch (route.action) {
    case routeAction.local: {
      const ifindex: Ifindex = parseIfindex(route.ifindex);
      return {
        action: "local",
        ifindex,
        mac: macFromBytes(route.mac),
        hostMac: macFromBytes(route.hostMac),
      };
    }
    case routeAction.fib:
      return { action: "fib" };
    case routeAction.stack:
      return { action: "stack" };
    case routeAction.blackhole:
      return { action: "blackhole" };
    case routeAction.infrastructure:
      return { action: "infrastructure" };
    default:
      return undefined;
  }
}
