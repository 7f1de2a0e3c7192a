/**
 * The IP-VRF: routes by prefix, chosen among everything that the VRF imports, whatever route
 * distinguisher it comes under, by the decision process (RFC 4364 4.3, RFC 4271 9.1.2).
 *
 * An address of a host is in one place, which MAC mobility decides before anything else; then the
 * sources of a prefix compete, and the first wins where the decision process sees no difference:
 *
 *      MAC/IP        a host: over the L3 VNI (symmetric IRB), or over the L2 VNI of a subnet that
 *                    routes asymmetrically (RFC 9135 5, 6)
 *      IP prefix     direct, or through an overlay index (RFC 9136 3.2): a gateway address, a
 *                    segment, or the MAC address of a router
 *      VPN           RFC 4364, RFC 4659
 *
 * An overlay index is resolved by routes of hosts in the VRF's subnets (RFC 9136 3.2 knows no
 * other); a gateway address outside of them by a route of just that address which has no overlay
 * index itself, so resolution ends after one step and cannot go round in a circle.
 *
 * A host on a segment counts while its node announces the segment (RFC 7432 8.2), and is balanced
 * over the nodes that announce the host: of others the MAC address of the router is not known.
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
import { equalHops, formatHop, type RouteHop, withInnerMac } from "../hop.ts";
import { maxEthernetTag, singleHomed, type Vrf } from "../vrf.ts";
import { pathsOfPlace, selectHost } from "./host-choice.ts";
import type { ChangeSource, Emit, OnMarked, VrfRoute } from "./import-change.ts";
import { type ImportPath, isKind, isZero, type PathOf, tunnelHop } from "./import-path.ts";
import type { MacVrfListener, MacVrfTable } from "./mac-vrf-table.ts";
import { byId, PathIndex } from "./path-index.ts";
import { ResultTable } from "./result-table.ts";
import { isOnSegment, SegmentIndex } from "./segment-index.ts";

/** What all VRFs of a node share. */
export interface VrfContext {
  readonly multipath: MultipathConfig;
  /** Own VRFs by the route distinguishers of themselves and of their subnets. */
  readonly owners: ReadonlyMap<RouteDistinguisher, VrfId>;
  readonly onMarked: OnMarked;
}

/** Of a MAC/IP route only one with an address. */
type RoutePath = PathOf<"vpn" | "ip-prefix" | "mac-ip"> & { readonly prefix: Prefix };
type HostPath = RoutePath & PathOf<"mac-ip">;

interface Usable {
  readonly path: RoutePath;
  readonly hops: readonly RouteHop[];
}

type Choice = Candidate & Usable;

/** Most next hops of a route: no more than a data plane's group takes. */
export const hopCountMax = 64;

const sourceRank = { "mac-ip": 0, "ip-prefix": 1, vpn: 2 } as const;

export class VrfTable implements MacVrfListener, ChangeSource {
  readonly vrf: Vrf;
  readonly routes: ResultTable<Prefix, VrfRoute>;
  readonly #cx: VrfContext;
  readonly #byPrefix: PathIndex<Prefix, RoutePath> = new PathIndex();
  // Paths with an overlay index, by what it is.
  readonly #byGateway: PathIndex<Ip, RoutePath> = new PathIndex();
  readonly #byRouterMac: PathIndex<Mac, RoutePath> = new PathIndex();
  readonly #bySegment: PathIndex<Esi, RoutePath> = new PathIndex();
  readonly #hostsBySegment: PathIndex<Esi, RoutePath> = new PathIndex();
  readonly #segments: SegmentIndex = new SegmentIndex();
  #subnets: readonly MacVrfTable[] = [];

  /** `before` is the table that this one replaces: its results stay until they are worked out. */
  constructor(vrf: Vrf, cx: VrfContext, before?: VrfTable) {
    this.vrf = vrf;
    this.#cx = cx;
    this.routes = before?.routes ?? new ResultTable();
    this.routes.bind(() => cx.onMarked(this));
    this.routes.markAll();
  }

  get isMarked(): boolean {
    return this.routes.isMarked;
  }

  take(limit: number, emit: Emit): number {
    const vrf = this.vrf.name;
    const routeOf = (prefix: Prefix): VrfRoute | undefined => this.route(prefix);
    return this.routes.take(limit, routeOf, equalRoutes, (prefix, value) =>
      emit({ kind: "route", vrf, prefix, value }),
    );
  }

  /** Before the first `add`. */
  setSubnets(subnets: readonly MacVrfTable[]): void {
    this.#subnets = subnets;
  }

  add(path: ImportPath): void {
    if (isWholeSegment(path)) {
      this.#segments.add(path);
      for (const host of this.#hostsBySegment.get(path.route.esi)) this.touch(host);
    }
    if (!isRoutePath(path)) return;
    this.#byPrefix.add(path.prefix, path);
    const { gateway, routerMac, segment } = overlayOf(path);
    if (gateway !== undefined) this.#byGateway.add(gateway, path);
    if (routerMac !== undefined) this.#byRouterMac.add(routerMac, path);
    if (segment !== undefined) this.#bySegment.add(segment, path);
    if (isOnSegment(path)) this.#hostsBySegment.add(path.route.esi, path);
    this.touch(path);
  }

  remove(path: ImportPath): void {
    if (isWholeSegment(path)) {
      this.#segments.delete(path);
      for (const host of this.#hostsBySegment.get(path.route.esi)) this.touch(host);
    }
    if (!isRoutePath(path)) return;
    this.#byPrefix.delete(path.prefix, path);
    const { gateway, routerMac, segment } = overlayOf(path);
    if (gateway !== undefined) this.#byGateway.delete(gateway, path);
    if (routerMac !== undefined) this.#byRouterMac.delete(routerMac, path);
    if (segment !== undefined) this.#bySegment.delete(segment, path);
    if (isOnSegment(path)) this.#hostsBySegment.delete(path.route.esi, path);
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
    const usable: Usable[] = [];
    for (const path of this.#pathsTo(prefix)) {
      const hops = this.#hopsOf(path);
      if (hops.length > 0) usable.push({ path, hops });
    }
    const ranked = this.#rank(usable);
    const best = ranked[0];
    if (best === undefined || this.#isOwn(best.path)) return undefined;
    const { attributes, route } = best.path;
    return { prefix, hops: this.#joinHops(ranked), source: route.kind, tag: attributes.tag };
  }

  #rank(usable: readonly Usable[]): readonly Usable[] {
    if (usable.length < 2) return usable;
    return selectMultipath(this.#inPlace(usable), this.#cx.multipath);
  }

  /** Without routes of hosts that are elsewhere by now; between sources the place is nothing. */
  #inPlace(usable: readonly Usable[]): Choice[] {
    const hosts = usable.flatMap(({ path }) => (isKind(path, "mac-ip") ? [path] : []));
    const place = new Set<RoutePath>(this.#placeOf(hosts));
    const choices: Choice[] = [];
    for (const { path, hops } of usable) {
      if (isKind(path, "mac-ip") && !place.has(path)) continue;
      const { mac: _place, ...candidate } = path.candidate;
      choices.push({ ...candidate, mobility: 0, path, hops });
    }
    return choices;
  }

  /** RFC 7432 14.1.1: a host on a single-active segment is reached through one node. */
  #placeOf(hosts: readonly HostPath[]): readonly HostPath[] {
    const place = pathsOfPlace(hosts);
    const [first] = place;
    if (first === undefined || place.length === 1 || !this.#isSingleActive(first)) return place;
    const best = selectHost(place);
    return best === undefined ? [] : [best];
  }

  #isSingleActive({ route: { esi } }: HostPath): boolean {
    if (this.#segments.nodesOf(esi).singleActive) return true;
    return this.#subnets.some((table) => table.isSingleActive(esi));
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
  #joinHops(ranked: readonly Usable[]): readonly RouteHop[] {
    const [first] = ranked;
    if (first !== undefined && ranked.length === 1 && first.hops.length === 1) return first.hops;
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
      case "mac-ip":
        return isKind(path, "mac-ip") ? this.#hostRouteHops(path) : [];
    }
  }

  /** RFC 9135 5: over the L3 VNI where the route has one and the sender's router is known. */
  #hostRouteHops(path: HostPath): readonly RouteHop[] {
    const { label2 } = path.route;
    const hops = label2 === undefined ? [] : routedHops(path, label2);
    if (hops.length === 0) return this.#bridgedHops(path);
    return isOnSegment(path) ? this.#hopsOnSegment(path, hops) : hops;
  }

  /** A VRF without the subnet need not have been told of the segment; then the route is enough. */
  #hopsOnSegment(path: HostPath, hops: readonly RouteHop[]): readonly RouteHop[] {
    const { endpoint } = path.attributes;
    const { esi, mac } = path.route;
    for (const table of this.#subnets) {
      if (!table.holds(path)) continue;
      const reach = table.reach(path);
      if (reach.some(({ kind }) => kind === "segment")) {
        return [{ kind: "segment", esi, innerMac: mac }];
      }
      return reach.some((hop) => "endpoint" in hop && hop.endpoint === endpoint) ? hops : [];
    }
    const { valid } = this.#segments.nodesOf(esi);
    return valid.size === 0 || valid.has(endpoint) ? hops : [];
  }

  /** RFC 9135 6: over the broadcast domain of a subnet that routes asymmetrically. */
  #bridgedHops(path: HostPath): readonly RouteHop[] {
    const { mac } = path.route;
    for (const table of this.#subnets) {
      if (table.subnet.irb !== "asymmetric" || !table.holds(path)) continue;
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
    const usable: Usable[] = [];
    for (const path of this.#pathsTo(hostPrefix(gateway))) {
      const { gateway: index, routerMac, segment } = overlayOf(path);
      if ((index ?? routerMac ?? segment) !== undefined) continue;
      const hops = this.#directHops(path);
      if (hops.length > 0) usable.push({ path, hops });
    }
    const hops: RouteHop[] = [];
    for (const { path, hops: found } of this.#rank(usable)) {
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

/** RFC 7432 10.1: the address of a default gateway is every gateway's own, and no host. */
function isRoutePath(path: ImportPath): path is RoutePath {
  if (path.prefix === undefined) return false;
  return !isKind(path, "mac-ip") || !path.attributes.defaultGateway;
}

function isWholeSegment(path: ImportPath): path is PathOf<"ethernet-auto-discovery"> {
  return isKind(path, "ethernet-auto-discovery") && path.route.ethernetTag === maxEthernetTag;
}

function equalRoutes(a: VrfRoute, b: VrfRoute): boolean {
  return a.source === b.source && a.tag === b.tag && equalHops(a.hops, b.hops);
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
