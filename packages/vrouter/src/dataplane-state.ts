/**
 * What the eBPF maps and the kernel's main table hold for a node, as values. `bpf/lib/types.h` says
 * what the programs make of it.
 */
import {
  formatIp,
  formatMac,
  formatPrefix,
  type Ifindex,
  type Ip4,
  type Ip6,
  type Mac,
  type Prefix,
  type VrfId,
} from "@heddle/inet";

/** An entry of the table by ifindex: what an interface may send, and in which VRF. */
export interface VifEntry {
  readonly ifindex: Ifindex;
  readonly hostIfname: string;
  readonly vrf: VrfId;
  readonly mac: Mac;
  readonly hostMac: Mac;
  readonly address4: Ip4 | undefined;
  readonly address6: Ip6 | undefined;
}

/**
 * Where packets go: a local pod; wherever the kernel's main table says (`fib`); the host's own
 * stack, which also answers with ICMP errors; nowhere.
 */
export type RouteTarget =
  | {
      readonly action: "local";
      readonly ifindex: Ifindex;
      readonly mac: Mac;
      readonly hostMac: Mac;
    }
  | { readonly action: "fib" | "stack" | "blackhole" };

/** An entry of a longest-prefix-match table. */
export interface RouteEntry {
  readonly vrf: VrfId;
  readonly prefix: Prefix;
  readonly target: RouteTarget;
}

/** Identifies a route entry. */
export type RouteKey = string;

export interface DataplaneState {
  readonly vifs: ReadonlyMap<Ifindex, VifEntry>;
  readonly routes: ReadonlyMap<RouteKey, RouteEntry>;
  /**
   * Prefixes with an unreachable route in the kernel's main table, so that a packet to an address
   * of ours that no pod has is answered and not sent back to the fabric.
   */
  readonly unreachable: ReadonlySet<Prefix>;
}

export const emptyDataplaneState: DataplaneState = {
  vifs: new Map(),
  routes: new Map(),
  unreachable: new Set(),
};

export function routeKey(vrf: VrfId, prefix: Prefix): RouteKey {
  return `${vrf} ${formatPrefix(prefix)}`;
}

export function equalVifs(a: VifEntry, b: VifEntry): boolean {
  return (
    a.ifindex === b.ifindex &&
    a.hostIfname === b.hostIfname &&
    a.vrf === b.vrf &&
    a.mac === b.mac &&
    a.hostMac === b.hostMac &&
    a.address4 === b.address4 &&
    a.address6 === b.address6
  );
}

export function equalTargets(a: RouteTarget, b: RouteTarget): boolean {
  if (a.action !== "local" || b.action !== "local") return a.action === b.action;
  return a.ifindex === b.ifindex && a.mac === b.mac && a.hostMac === b.hostMac;
}

export function formatVif(vif: VifEntry): string {
  const addresses = [vif.address4, vif.address6].filter((address) => address !== undefined);
  const text = addresses.map(formatIp).join(" ");
  return `${vif.hostIfname} (${vif.ifindex}) vrf ${vif.vrf} mac ${formatMac(vif.mac)} ${text}`;
}

export function formatRoute(route: RouteEntry): string {
  const { vrf, prefix, target } = route;
  const to = target.action === "local" ? `local ${target.ifindex}` : target.action;
  return `vrf ${vrf} ${formatPrefix(prefix)} ${to}`;
}
