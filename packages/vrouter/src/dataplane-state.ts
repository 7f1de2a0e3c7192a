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
  /** Undefined in the native VRF, where the node sends to the pod's own addresses. */
  readonly infrastructure4: Translation<Ip4> | undefined;
  readonly infrastructure6: Translation<Ip6> | undefined;
}

/** Between the node and a pod of another VRF; the pod sees its own address and its gateway. */
export interface Translation<A extends Ip4 | Ip6> {
  /** Stands for the pod at the node. */
  readonly address: A;
  /** The node's own; undefined when it has none of the family, and nothing passes. */
  readonly node: A | undefined;
}

/**
 * Where packets go: a local pod; wherever the kernel's main table says (`fib`); the host's own
 * stack, which also answers with ICMP errors; nowhere; to a local pod of another VRF, but only what
 * the node itself sends (`infrastructure`).
 */
export type RouteTarget =
  | {
      readonly action: "local";
      readonly ifindex: Ifindex;
      readonly mac: Mac;
      readonly hostMac: Mac;
    }
  | { readonly action: "fib" | "stack" | "blackhole" | "infrastructure" };

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
    a.address6 === b.address6 &&
    equalTranslations(a.infrastructure4, b.infrastructure4) &&
    equalTranslations(a.infrastructure6, b.infrastructure6)
  );
}

function equalTranslations<A extends Ip4 | Ip6>(
  a: Translation<A> | undefined,
  b: Translation<A> | undefined,
): boolean {
  return a?.address === b?.address && a?.node === b?.node;
}

export function equalTargets(a: RouteTarget, b: RouteTarget): boolean {
  if (a.action !== "local" || b.action !== "local") return a.action === b.action;
  return a.ifindex === b.ifindex && a.mac === b.mac && a.hostMac === b.hostMac;
}

export function formatVif(vif: VifEntry): string {
  const addresses = [vif.address4, vif.address6].filter((address) => address !== undefined);
  const translations = [vif.infrastructure4, vif.infrastructure6];
  const text = [
    ...addresses.map(formatIp),
    ...translations.filter((translation) => translation !== undefined).map(formatTranslation),
  ].join(" ");
  return `${vif.hostIfname} (${vif.ifindex}) vrf ${vif.vrf} mac ${formatMac(vif.mac)} ${text}`;
}

function formatTranslation({ address, node }: Translation<Ip4 | Ip6>): string {
  return `${formatIp(address)} from ${node === undefined ? "nobody" : formatIp(node)}`;
}

export function formatRoute(route: RouteEntry): string {
  const { vrf, prefix, target } = route;
  const to = target.action === "local" ? `local ${target.ifindex}` : target.action;
  return `vrf ${vrf} ${formatPrefix(prefix)} ${to}`;
}
