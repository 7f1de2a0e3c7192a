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
import type { RouteEntry, RouteTarget, VifEntry } from "@heddle/vrouter";
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

export function toVif(entry: VifEntry): Vif {
  return {
    vrf: entry.vrf,
    address4: entry.address4 === undefined ? 0 : entry.address4,
    address6: entry.address6 === undefined ? new Uint8Array(16) : ipToBytes(entry.address6),
    mac: macToBytes(entry.mac),
    hostMac: macToBytes(entry.hostMac),
    hostIfname: entry.hostIfname,
  };
}

export function fromVif(ifindex: number, vif: Vif): VifEntry {
  return {
    ifindex: parseIfindex(ifindex),
    hostIfname: vif.hostIfname,
    vrf: parseVrfId(vif.vrf),
    mac: macFromBytes(vif.mac),
    hostMac: macFromBytes(vif.hostMac),
    address4: vif.address4 === 0 ? undefined : ip4FromNumber(vif.address4),
    address6: address6From(vif.address6),
  };
}

function address6From(bytes: Uint8Array): Ip6 | undefined {
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
    default:
      return undefined;
  }
}
