/** The best path of one VPN or EVPN route as the tables of VRFs take it. */
import {
  type Candidate,
  decodeEvpnRoute,
  decodeVpnRoute,
  type EvpnRoute,
  mplsLabelOf,
  type RouteChange,
  type VpnRoute,
} from "@heddle/bgp";
import { toHex } from "@heddle/codec";
import { hostPrefix, type Ip, type Mac, type Prefix, parseVni } from "@heddle/inet";
import { must } from "@heddle/std";
import type { ChosenTunnel } from "../encapsulation.ts";
import type { TunnelHop } from "../hop.ts";
import { isHostMac } from "../host-mac.ts";
import { singleHomed, type Vtep } from "../vrf.ts";
import type { AttributeReader, VpnAttributes } from "./path-attributes.ts";

type ImportedRoute =
  | ({ readonly kind: "vpn" } & VpnRoute)
  | Exclude<EvpnRoute, { readonly kind: "unknown" }>;

export interface ImportPath {
  /** Family and key. */
  readonly id: string;
  readonly route: ImportedRoute;
  /** Where it leads; undefined for routes that hold no address. */
  readonly prefix: Prefix | undefined;
  readonly attributes: VpnAttributes;
  readonly candidate: Candidate;
  /** Originated by this node. */
  readonly local: boolean;
}

/** A path whose route is of kind `K`. */
export type PathOf<K extends ImportedRoute["kind"]> = ImportPath & {
  readonly route: Extract<ImportedRoute, { readonly kind: K }>;
};

/** The identity of the route that a change is about, as in `ImportPath.id`. */
export function pathIdOf(change: RouteChange): string {
  return `${change.family} ${toHex(change.key)}`;
}

/**
 * Undefined for a route that is gone, of a kind that is not known (RFC 9251 and RFC 9572 have
 * those), that RFC 9136 3.2 wants treated as withdrawn, about a MAC address that no host can have,
 * or that leads back to this node although another one sent it.
 */
export function importPathOf(
  change: RouteChange,
  id: string,
  vtep: Vtep,
  reader: AttributeReader,
): ImportPath | undefined {
  const { best, family } = change;
  if (best === undefined) return undefined;
  const route = decodeRoute(change, best.payload);
  if (route === undefined) return undefined;
  const attributes = reader.read(best.attributes, family !== "evpn");
  const local = best.peer === undefined;
  if (!isUsable(route, attributes)) return undefined;
  if (!local && isBackHere(vtep, route, attributes)) return undefined;
  const candidate = must(change.candidate, "a best path is a candidate");
  return { id, route, prefix: prefixOfRoute(route), attributes, candidate, local };
}

function decodeRoute({ family, key }: RouteChange, payload: Uint8Array): ImportedRoute | undefined {
  if (family === "ipv4-vpn" || family === "ipv6-vpn") {
    return { kind: "vpn", ...decodeVpnRoute(family === "ipv4-vpn" ? 4 : 6, key, payload) };
  }
  if (family !== "evpn") return undefined;
  const route = decodeEvpnRoute(key, payload);
  return route.kind === "unknown" ? undefined : route;
}

function isUsable(route: ImportedRoute, { routerMac }: VpnAttributes): boolean {
  if (route.kind === "mac-ip") return isHostMac(route.mac);
  if (route.kind !== "ip-prefix") return true;
  // RFC 9136 3.2: at most one overlay index, and a router's MAC address that is one.
  const isTwofold = route.esi !== singleHomed && !isZero(route.gateway);
  return !isTwofold && (routerMac === undefined || isHostMac(routerMac));
}

function isBackHere(vtep: Vtep, route: ImportedRoute, { endpoint }: VpnAttributes): boolean {
  const isMember = route.kind === "ethernet-segment" && route.originator === vtep.address;
  return isMember || endpoint === vtep.address;
}

function prefixOfRoute(route: ImportedRoute): Prefix | undefined {
  switch (route.kind) {
    case "vpn":
    case "ip-prefix":
      return route.prefix;
    case "mac-ip":
      return route.ip === undefined ? undefined : hostPrefix(route.ip);
    default:
      return undefined;
  }
}

export function isZero(ip: Ip): boolean {
  return ip === 0 || ip === 0n;
}

/** Labels below have meanings of their own (RFC 3032 2.1). */
const mplsLabelMin = 16;

/**
 * The tunnel of a path with the identifier of `field`, a label field of 24 bits, in it; undefined
 * when the path has no tunnel or the identifier means nothing there.
 */
export function tunnelHop(
  tunnel: ChosenTunnel | undefined,
  field: number,
  innerMac?: Mac,
): TunnelHop | undefined {
  if (tunnel === undefined) return undefined;
  const { kind, endpoint } = tunnel;
  if (kind === "ipip") return { kind, endpoint };
  const inner = innerMac === undefined ? {} : { innerMac };
  if (kind === "vxlan") {
    return field === 0 ? undefined : { kind, endpoint, vni: parseVni(field), ...inner };
  }
  const label = mplsLabelOf(field);
  return label < mplsLabelMin ? undefined : { kind, endpoint, label, ...inner };
}

export function isKind<K extends ImportedRoute["kind"]>(
  path: ImportPath,
  kind: K,
): path is PathOf<K> {
  return path.route.kind === kind;
}
