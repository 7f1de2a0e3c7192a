/**
 * The MAC-VRF of a subnet: where frames to a MAC address go, which MAC address an IP address has
 * (ARP and ND suppression, RFC 7432 10), and where floods go (RFC 7432 11). Routes of this node
 * itself are kept, because prefixes may be behind its hosts, but make no entries: what is local the
 * node knows better, and who has the MAC address after a move `stepMobility` decides.
 *
 * Hosts behind a segment are reached through the nodes that announce the segment (RFC 7432 8.4,
 * 9.2.2): a type 1 route of the segment makes a node count at all, so its withdrawal moves all
 * hosts at once (8.2); one of the subnet makes it share the load while the segment is all-active.
 */
import { selectBest } from "@heddle/bgp";
import { compareIp, type Esi, type Ip, type Mac, type Prefix } from "@heddle/inet";
import type { MacHop, TunnelHop } from "../hop.ts";
import type { RemoteMac } from "../mac-mobility.ts";
import { maxEsi, maxEthernetTag, type Subnet, singleHomed } from "../vrf.ts";
import { type ImportPath, isKind, type PathOf, tunnelHop } from "./import-path.ts";
import { byId, PathIndex } from "./path-index.ts";
import { ResultTable } from "./result-table.ts";

/** What the others say of a MAC address; as it is, the remote side of `stepMobility`. */
export interface MacEntry extends RemoteMac {
  readonly mac: Mac;
  /** At least one; several for an all-active segment, by end point. */
  readonly hops: readonly MacHop[];
  readonly tag: number | undefined;
}

export interface NeighborEntry {
  readonly ip: Ip;
  readonly mac: Mac;
  /** RFC 7432 10.1: the address of a default gateway. */
  readonly defaultGateway: boolean;
  readonly tag: number | undefined;
}

/** What others announce of a segment. */
interface SegmentNodes {
  /** End points with a route of the whole segment. */
  readonly valid: ReadonlySet<Ip>;
  readonly singleActive: boolean;
  /** Of nodes with a route of the subnet, by end point. */
  readonly hops: readonly TunnelHop[];
}

/** What may look different to the subnet's VRF after a change. */
export interface MacVrfListener {
  /** `prefix` holds nothing but `ip`. */
  onIp(ip: Ip, prefix: Prefix): void;
  onMac(mac: Mac): void;
  onSegment(esi: Esi): void;
}

/** More than any segment has nodes. */
const segmentNodeCountMax = 64;

export class MacVrfTable {
  readonly subnet: Subnet;
  readonly macs: ResultTable<Mac, MacEntry>;
  readonly neighbors: ResultTable<Ip, NeighborEntry>;
  /** One result, under the key 0. */
  readonly floods: ResultTable<0, readonly TunnelHop[]>;
  readonly #ownSegments: ReadonlySet<Esi>;
  readonly #listener: MacVrfListener;
  readonly #byMac: PathIndex<Mac, PathOf<"mac-ip">> = new PathIndex();
  readonly #byIp: PathIndex<Ip, PathOf<"mac-ip">> = new PathIndex();
  readonly #bySegment: PathIndex<Esi, PathOf<"mac-ip">> = new PathIndex();
  readonly #wholeSegments: PathIndex<Esi> = new PathIndex();
  readonly #subnetSegments: PathIndex<Esi, PathOf<"ethernet-auto-discovery">> = new PathIndex();
  readonly #multicast: Set<PathOf<"inclusive-multicast">> = new Set();
  /** Of segments that have not changed since. */
  readonly #nodes: Map<Esi, SegmentNodes> = new Map();

  /** `before` is the table that this one replaces: its results stay until they are worked out. */
  constructor(
    subnet: Subnet,
    ownSegments: ReadonlySet<Esi>,
    listener: MacVrfListener,
    before?: MacVrfTable,
  ) {
    this.subnet = subnet;
    this.#ownSegments = ownSegments;
    this.#listener = listener;
    this.macs = before?.macs ?? new ResultTable();
    this.neighbors = before?.neighbors ?? new ResultTable();
    this.floods = before?.floods ?? new ResultTable();
    for (const results of [this.macs, this.neighbors, this.floods]) results.markAll();
  }

  get isMarked(): boolean {
    return this.macs.isMarked || this.neighbors.isMarked || this.floods.isMarked;
  }

  add(path: ImportPath): void {
    if (isKind(path, "mac-ip")) {
      const { ip, mac, esi } = path.route;
      this.#byMac.add(mac, path);
      if (ip !== undefined) this.#byIp.add(ip, path);
      if (isMultihomed(esi)) this.#bySegment.add(esi, path);
      this.touch(path);
    } else if (isKind(path, "inclusive-multicast")) {
      this.#multicast.add(path);
      this.floods.mark(0);
    } else if (isKind(path, "ethernet-auto-discovery")) {
      const { esi, ethernetTag } = path.route;
      if (ethernetTag === maxEthernetTag) this.#wholeSegments.add(esi, path);
      else this.#subnetSegments.add(esi, path);
      this.#touchSegment(esi);
    }
  }

  remove(path: ImportPath): void {
    if (isKind(path, "mac-ip")) {
      const { ip, mac, esi } = path.route;
      this.#byMac.delete(mac, path);
      if (ip !== undefined) this.#byIp.delete(ip, path);
      if (isMultihomed(esi)) this.#bySegment.delete(esi, path);
      this.touch(path);
    } else if (isKind(path, "inclusive-multicast")) {
      this.#multicast.delete(path);
      this.floods.mark(0);
    } else if (isKind(path, "ethernet-auto-discovery")) {
      const { esi, ethernetTag } = path.route;
      if (ethernetTag === maxEthernetTag) this.#wholeSegments.delete(esi, path);
      else this.#subnetSegments.delete(esi, path);
      this.#touchSegment(esi);
    }
  }

  /** The entries of a host's path, and what is resolved by it, may come out differently. */
  touch(path: ImportPath): void {
    if (!isKind(path, "mac-ip")) return;
    const { prefix, route } = path;
    this.macs.mark(route.mac);
    this.#listener.onMac(route.mac);
    if (route.ip === undefined || prefix === undefined) return;
    this.neighbors.mark(route.ip);
    this.#listener.onIp(route.ip, prefix);
  }

  #touchSegment(esi: Esi): void {
    this.#nodes.delete(esi);
    for (const path of this.#bySegment.get(esi)) this.touch(path);
    this.#listener.onSegment(esi);
  }

  macEntry(mac: Mac): MacEntry | undefined {
    const path = this.#best(this.#byMac.sorted(mac).filter(({ local }) => !local));
    if (path === undefined) return undefined;
    const { endpoint, sequence, sticky, tag } = path.attributes;
    const { esi } = path.route;
    return { mac, hops: this.reach(path), esi, node: endpoint, sequence, sticky, tag };
  }

  neighborEntry(ip: Ip): NeighborEntry | undefined {
    const path = selectFrom(this.#byIp.sorted(ip).filter(({ local }) => !local));
    if (path === undefined) return undefined;
    const { defaultGateway, tag } = path.attributes;
    return { ip, mac: path.route.mac, defaultGateway, tag };
  }

  /** By end point, each once; undefined when there is nobody. */
  floodEntry(): readonly TunnelHop[] | undefined {
    const hops: TunnelHop[] = [];
    for (const path of [...this.#multicast].sort(byId)) {
      const { flood } = path.attributes;
      if (path.local || flood === undefined) continue;
      const hop = tunnelHop(flood.tunnel, flood.label);
      if (hop !== undefined) hops.push(hop);
    }
    return hops.length === 0 ? undefined : byEndpoint(hops);
  }

  /** The best path to an address of the subnet, of this node as well; undefined when none works. */
  bestByIp(ip: Ip): PathOf<"mac-ip"> | undefined {
    return this.#best(this.#byIp.sorted(ip));
  }

  /** As `bestByIp`. */
  bestByMac(mac: Mac): PathOf<"mac-ip"> | undefined {
    return this.#best(this.#byMac.sorted(mac));
  }

  /** All paths to an address of the subnet, in a fixed order. */
  pathsByIp(ip: Ip): PathOf<"mac-ip">[] {
    return this.#byIp.sorted(ip);
  }

  /** Where frames to the host of a path of another node go; empty when it cannot be reached. */
  reach(path: PathOf<"mac-ip">): readonly MacHop[] {
    const { esi, label } = path.route;
    const own = tunnelHop(path.attributes.tunnel, label);
    if (!isMultihomed(esi)) return own === undefined ? [] : [own];
    if (this.#ownSegments.has(esi)) return [{ kind: "segment", esi }];
    const { valid, singleActive, hops } = this.#nodesOf(esi);
    const others = hops.filter(({ endpoint }) => valid.has(endpoint));
    const isValid = own !== undefined && valid.has(own.endpoint);
    if (!singleActive) return byEndpoint(isValid ? [...others, own] : others);
    if (isValid) return [own];
    // RFC 7432 14.1.1: the backup, when there can be only one.
    return others.length === 1 ? others : [];
  }

  /**
   * RFC 9136 4.3: the nodes that announce the segment for this subnet. Nobody needs to announce the
   * segment as a whole there.
   */
  segmentHops(esi: Esi): readonly MacHop[] {
    return this.#ownSegments.has(esi) ? [{ kind: "segment", esi }] : this.#nodesOf(esi).hops;
  }

  #best(paths: PathOf<"mac-ip">[]): PathOf<"mac-ip"> | undefined {
    return selectFrom(paths.filter((path) => path.local || this.reach(path).length > 0));
  }

  #nodesOf(esi: Esi): SegmentNodes {
    const known = this.#nodes.get(esi);
    if (known !== undefined) return known;
    const valid = new Set<Ip>();
    let singleActive = false;
    for (const { attributes, local } of this.#wholeSegments.get(esi)) {
      if (local || attributes.tunnel === undefined) continue;
      valid.add(attributes.endpoint);
      singleActive ||= attributes.singleActive;
    }
    const hops: TunnelHop[] = [];
    for (const { attributes, local, route } of this.#subnetSegments.sorted(esi)) {
      const hop = local ? undefined : tunnelHop(attributes.tunnel, route.label);
      if (hop !== undefined) hops.push(hop);
    }
    const nodes = { valid, singleActive, hops: byEndpoint(hops).slice(0, segmentNodeCountMax) };
    if (valid.size + hops.length > 0) this.#nodes.set(esi, nodes);
    return nodes;
  }
}

function isMultihomed(esi: Esi): boolean {
  return esi !== singleHomed && esi !== maxEsi;
}

/** The best of paths in a fixed order, which decides where the decision process does not. */
function selectFrom(paths: readonly PathOf<"mac-ip">[]): PathOf<"mac-ip"> | undefined {
  if (paths.length < 2) return paths[0];
  return selectBest(paths.map((path) => ({ ...path.candidate, path })))?.path;
}

/** Sorted; of hops to the same end point the last. */
function byEndpoint(hops: readonly TunnelHop[]): TunnelHop[] {
  const distinct = new Map(hops.map((hop) => [hop.endpoint, hop]));
  return [...distinct.values()].sort((a, b) => compareIp(a.endpoint, b.endpoint));
}
