/**
 * The IP-VRF: routes by prefix, chosen among everything that the VRF imports, whatever route
 * distinguisher it comes under, by the decision process (RFC 4364 4.3, RFC 4271 9.1.2).
 *
 * Sources of a prefix, the first wins where the decision process sees no difference:
 *
 *      MAC/IP        a host: over the L3 VNI (symmetric IRB), or over the L2 VNI of a subnet that
 *                    routes asymmetrically (RFC 9135 5, 6)
 *      IP prefix     direct, or through an overlay index (RFC 9136 3.2): a gateway address, a
 *                    segment, or the MAC address of a router
 *      VPN           RFC 4364, RFC 4659
 *
 * An overlay index is resolved by routes of hosts in the VRF's subnets; a gateway address outside
 * of them by a route of just that address which has no overlay index itself, so resolution ends
 * after one step and cannot go round in a circle.
 */
import { type Candidate, type MultipathConfig, selectMultipath } from "@heddle/bgp";
import {
  type Esi,
  hostPrefix,
  type Ip,
  type Mac,
  type Prefix,
  type RouteDistinguisher,
  type VrfId,
  widthOf,
} from "@heddle/inet";
import { formatHop, type RouteHop, withInnerMac } from "../hop.ts";
import { singleHomed, type Vrf } from "../vrf.ts";
import { type ImportPath, isKind, isZero, type PathOf, tunnelHop } from "./import-path.ts";
import type { MacVrfListener, MacVrfTable } from "./mac-vrf-table.ts";
import { byId, PathIndex } from "./path-index.ts";
import { ResultTable } from "./result-table.ts";

export interface VrfRoute {
  readonly prefix: Prefix;
  /** At least one; traffic is shared among them. The best path's come first. */
  readonly hops: readonly RouteHop[];
  /** Of the best path. */
  readonly source: "mac-ip" | "ip-prefix" | "vpn";
  readonly tag: number | undefined;
}

/** What all VRFs of a node share. */
export interface VrfContext {
  readonly multipath: MultipathConfig;
  /** Own VRFs by the route distinguishers of themselves and of their subnets. */
  readonly owners: ReadonlyMap<RouteDistinguisher, VrfId>;
}

/** Of a MAC/IP route only one with an address. */
type RoutePath = PathOf<"vpn" | "ip-prefix" | "mac-ip"> & { readonly prefix: Prefix };

interface Choice extends Candidate {
  readonly path: RoutePath;
  readonly hops: readonly RouteHop[];
}

/** Most next hops of a route: no more than a data plane's group takes. */
export const hopCountMax = 64;

const sourceRank = { "mac-ip": 0, "ip-prefix": 1, vpn: 2 } as const;

export class VrfTable implements MacVrfListener {
  readonly vrf: Vrf;
  readonly routes: ResultTable<Prefix, VrfRoute>;
  readonly #cx: VrfContext;
  readonly #byPrefix: PathIndex<Prefix, RoutePath> = new PathIndex();
  // Paths with an overlay index, by what it is.
  readonly #byGateway: PathIndex<Ip, RoutePath> = new PathIndex();
  readonly #byRouterMac: PathIndex<Mac, RoutePath> = new PathIndex();
  readonly #bySegment: PathIndex<Esi, RoutePath> = new PathIndex();
  #subnets: readonly MacVrfTable[] = [];

  /** `before` is the table that this one replaces: its results stay until they are worked out. */
  constructor(vrf: Vrf, cx: VrfContext, before?: VrfTable) {
    this.vrf = vrf;
    this.#cx = cx;
    this.routes = before?.routes ?? new ResultTable();
    this.routes.markAll();
  }

  /** Before the first `add`. */
  setSubnets(subnets: readonly MacVrfTable[]): void {
    this.#subnets = subnets;
  }

  add(path: ImportPath): void {
    if (!isRoutePath(path)) return;
    this.#byPrefix.add(path.prefix, path);
    const { gateway, routerMac, segment } = overlayOf(path);
    if (gateway !== undefined) this.#byGateway.add(gateway, path);
    if (routerMac !== undefined) this.#byRouterMac.add(routerMac, path);
    if (segment !== undefined) this.#bySegment.add(segment, path);
    this.touch(path);
  }

  remove(path: ImportPath): void {
    if (!isRoutePath(path)) return;
    this.#byPrefix.delete(path.prefix, path);
    const { gateway, routerMac, segment } = overlayOf(path);
    if (gateway !== undefined) this.#byGateway.delete(gateway, path);
    if (routerMac !== undefined) this.#byRouterMac.delete(routerMac, path);
    if (segment !== undefined) this.#bySegment.delete(segment, path);
    this.touch(path);
  }

  /** The route of a path may come out differently, and those that are resolved by it. */
  touch(path: ImportPath): void {
    if (!isRoutePath(path)) return;
    const { prefix } = path;
    this.routes.mark(prefix);
    if (isHost(prefix)) this.#markAll(this.#byGateway.get(prefix.address));
  }

  onIp(ip: Ip, prefix: Prefix): void {
    this.routes.mark(prefix);
    this.#markAll(this.#byGateway.get(ip));
  }

  onMac(mac: Mac): void {
    this.#markAll(this.#byRouterMac.get(mac));
  }

  onSegment(esi: Esi): void {
    this.#markAll(this.#bySegment.get(esi));
  }

  #markAll(paths: Iterable<RoutePath>): void {
    for (const { prefix } of paths) this.routes.mark(prefix);
  }

  /** Undefined when there is nothing usable, or the best is this VRF's own. */
  route(prefix: Prefix): VrfRoute | undefined {
    const choices: Choice[] = [];
    for (const path of this.#pathsTo(prefix)) {
      const hops = this.#hopsOf(path);
      if (hops.length > 0) choices.push({ ...path.candidate, path, hops });
    }
    const ranked = choices.length < 2 ? choices : selectMultipath(choices, this.#cx.multipath);
    const best = ranked[0];
    if (best === undefined || this.#isOwn(best.path)) return undefined;
    const { attributes, route } = best.path;
    return { prefix, hops: this.#joinHops(ranked), source: route.kind, tag: attributes.tag };
  }

  /** Imported paths and those of hosts in subnets that route asymmetrically, in a fixed order. */
  #pathsTo(prefix: Prefix): RoutePath[] {
    const paths = new Set<RoutePath>(this.#byPrefix.get(prefix));
    if (isHost(prefix)) {
      for (const table of this.#subnets) {
        if (table.subnet.irb !== "asymmetric") continue;
        for (const path of table.pathsByIp(prefix.address)) {
          if (isRoutePath(path)) paths.add(path);
        }
      }
    }
    if (paths.size < 2) return [...paths];
    return [...paths].sort(
      (a, b) => sourceRank[a.route.kind] - sourceRank[b.route.kind] || byId(a, b),
    );
  }

  /** The hops of paths that share the load, each end point once. */
  #joinHops(ranked: readonly Choice[]): readonly RouteHop[] {
    const joined = new Map<Ip | string, RouteHop>();
    for (const { path, hops } of ranked) {
      if (this.#isOwn(path)) continue;
      for (const hop of hops) {
        const key = "endpoint" in hop ? hop.endpoint : formatHop(hop);
        if (!joined.has(key)) joined.set(key, hop);
      }
    }
    return [...joined.values()].slice(0, hopCountMax);
  }

  #isOwn(path: RoutePath): boolean {
    return path.local && this.#cx.owners.get(path.route.rd) === this.vrf.vrfId;
  }

  /** Empty when the path cannot be used. */
  #hopsOf(path: RoutePath): readonly RouteHop[] {
    const { gateway, routerMac, segment } = path.local ? direct : overlayOf(path);
    if (gateway !== undefined) return this.#gatewayHops(gateway);
    if (routerMac !== undefined) return this.#routerHops(routerMac);
    if (segment !== undefined) return this.#segmentHops(segment, path.attributes.routerMac);
    return this.#directHops(path);
  }

  #directHops(path: RoutePath): readonly RouteHop[] {
    if (path.local) {
      const vrf = this.#cx.owners.get(path.route.rd);
      return vrf === undefined ? [] : [{ kind: "local", vrf }];
    }
    const { route } = path;
    switch (route.kind) {
      case "vpn":
        return vpnHops(path, route.labels);
      case "ip-prefix":
        return routedHops(path, route.label);
      case "mac-ip": {
        const symmetric = route.label2 === undefined ? [] : routedHops(path, route.label2);
        return symmetric.length > 0 ? symmetric : this.#bridgedHops(path);
      }
    }
  }

  /** RFC 9135 6: over the broadcast domain of a subnet that routes asymmetrically. */
  #bridgedHops(path: RoutePath): readonly RouteHop[] {
    if (!isKind(path, "mac-ip") || path.route.ip === undefined) return [];
    const { ip, mac } = path.route;
    for (const table of this.#subnets) {
      if (table.subnet.irb !== "asymmetric" || !table.pathsByIp(ip).includes(path)) continue;
      return table.reach(path).map((hop) => withInnerMac(hop, mac));
    }
    return [];
  }

  /** RFC 9136 4.1. */
  #gatewayHops(gateway: Ip): readonly RouteHop[] {
    for (const table of this.#subnets) {
      const host = table.bestByIp(gateway);
      if (host !== undefined) return this.#hostHops(table, host, gateway);
    }
    const choices: Choice[] = [];
    for (const path of this.#pathsTo(hostPrefix(gateway))) {
      const { gateway: index, routerMac, segment } = overlayOf(path);
      if ((index ?? routerMac ?? segment) !== undefined) continue;
      const hops = this.#directHops(path);
      if (hops.length > 0) choices.push({ ...path.candidate, path, hops });
    }
    const hops: RouteHop[] = [];
    for (const { path, hops: found } of selectMultipath(choices, this.#cx.multipath)) {
      if (!this.#isOwn(path)) hops.push(...found);
      else hops.push({ kind: "local", vrf: this.vrf.vrfId, gateway });
    }
    return hops;
  }

  /** RFC 9136 4.2. */
  #routerHops(mac: Mac): readonly RouteHop[] {
    for (const table of this.#subnets) {
      const host = table.bestByMac(mac);
      if (host !== undefined) return this.#hostHops(table, host, host.route.ip);
    }
    return [];
  }

  #hostHops(
    table: MacVrfTable,
    host: PathOf<"mac-ip">,
    gateway: Ip | undefined,
  ): readonly RouteHop[] {
    if (!host.local) return table.reach(host).map((hop) => withInnerMac(hop, host.route.mac));
    const vrf = this.#cx.owners.get(host.route.rd);
    return gateway === undefined || vrf === undefined ? [] : [{ kind: "local", vrf, gateway }];
  }

  /** RFC 9136 4.3: frames go to the MAC address that the route tells. */
  #segmentHops(esi: Esi, mac: Mac | undefined): readonly RouteHop[] {
    if (mac === undefined) return [];
    for (const table of this.#subnets) {
      const hops = table.segmentHops(esi);
      if (hops.length > 0) return hops.map((hop) => withInnerMac(hop, mac));
    }
    return [];
  }
}

interface Overlay {
  readonly gateway?: Ip;
  readonly routerMac?: Mac;
  readonly segment?: Esi;
}

const direct: Overlay = {};

/** RFC 9136 3.2, table 1. */
function overlayOf({ attributes, route }: RoutePath): Overlay {
  if (route.kind !== "ip-prefix") return direct;
  if (!isZero(route.gateway)) return { gateway: route.gateway };
  if (route.esi !== singleHomed) return { segment: route.esi };
  const { routerMac } = attributes;
  return route.label === 0 && routerMac !== undefined ? { routerMac } : direct;
}

function isRoutePath(path: ImportPath): path is RoutePath {
  return path.prefix !== undefined;
}

function isHost({ family, length }: Prefix): boolean {
  return length === widthOf(family);
}

/** VXLAN carries a routed packet behind an Ethernet header, so it needs its destination. */
function routedHops({ attributes }: ImportPath, field: number): readonly RouteHop[] {
  const { routerMac, tunnel } = attributes;
  if (tunnel?.kind !== "vxlan") return listOf(tunnelHop(tunnel, field));
  return routerMac === undefined ? [] : listOf(tunnelHop(tunnel, field, routerMac));
}

/** A stack of several labels needs what is never offered (RFC 8277 2.1). */
function vpnHops({ attributes }: ImportPath, labels: readonly number[]): readonly RouteHop[] {
  const label = labels[0];
  return label === undefined || labels.length > 1
    ? []
    : listOf(tunnelHop(attributes.tunnel, label << 4));
}

function listOf<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}
