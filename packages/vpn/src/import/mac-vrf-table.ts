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
import type { Esi, Ip, Mac, Prefix } from "@heddle/inet";
import { equalHops, type MacHop, type TunnelHop } from "../hop.ts";
import { type EthernetSegment, maxEthernetTag, type Subnet } from "../vrf.ts";
import { selectHost } from "./host-choice.ts";
import type { ChangeSource, Emit, MacEntry, NeighborEntry, OnMarked } from "./import-change.ts";
import { type ImportPath, isKind, type PathOf, tunnelHop } from "./import-path.ts";
import { byId, PathIndex } from "./path-index.ts";
import { ResultTable } from "./result-table.ts";
import { byEndpoint, isMultihomed, isOnSegment, SegmentIndex } from "./segment-index.ts";

/** What may look different to the subnet's VRF after a change. */
export interface MacVrfListener {
  /** `prefix` holds nothing but `ip`. */
  onIp(ip: Ip, prefix: Prefix): void;
  onMac(mac: Mac): void;
  onSegment(esi: Esi): void;
}

/** What a table has to do with the rest of the node. */
export interface MacVrfContext {
  /** Name of its VRF. */
  readonly vrf: string;
  /** Segments of this node that the subnet is on. */
  readonly ownSegments: ReadonlyMap<Esi, EthernetSegment>;
  readonly listener: MacVrfListener;
  readonly onMarked: OnMarked;
}

export class MacVrfTable implements ChangeSource {
  readonly subnet: Subnet;
  readonly macs: ResultTable<Mac, MacEntry>;
  readonly neighbors: ResultTable<Ip, NeighborEntry>;
  /** One result, under the key 0. */
  readonly floods: ResultTable<0, readonly TunnelHop[]>;
  readonly #cx: MacVrfContext;
  readonly #byMac: PathIndex<Mac, PathOf<"mac-ip">> = new PathIndex();
  readonly #byIp: PathIndex<Ip, PathOf<"mac-ip">> = new PathIndex();
  readonly #bySegment: PathIndex<Esi, PathOf<"mac-ip">> = new PathIndex();
  readonly #segments: SegmentIndex = new SegmentIndex();
  readonly #multicast: Set<PathOf<"inclusive-multicast">> = new Set();

  /** `before` is the table that this one replaces: its results stay until they are worked out. */
  constructor(subnet: Subnet, cx: MacVrfContext, before?: MacVrfTable) {
    this.subnet = subnet;
    this.#cx = cx;
    this.macs = before?.macs ?? new ResultTable();
    this.neighbors = before?.neighbors ?? new ResultTable();
    this.floods = before?.floods ?? new ResultTable();
    for (const results of [this.macs, this.neighbors, this.floods]) {
      results.bind(() => cx.onMarked(this));
      results.markAll();
    }
  }

  get isMarked(): boolean {
    return this.macs.isMarked || this.neighbors.isMarked || this.floods.isMarked;
  }

  add(path: ImportPath): void {
    if (!this.#isOfSubnet(path)) return;
    if (isKind(path, "mac-ip")) {
      const { ip, mac, esi } = path.route;
      this.#byMac.add(mac, path);
      if (ip !== undefined) this.#byIp.add(ip, path);
      if (isOnSegment(path)) this.#bySegment.add(esi, path);
      this.touch(path);
    } else if (isKind(path, "inclusive-multicast")) {
      this.#multicast.add(path);
      this.floods.mark(0);
    } else if (isKind(path, "ethernet-auto-discovery")) {
      this.#segments.add(path);
      this.#touchSegment(path.route.esi);
    }
  }

  remove(path: ImportPath): void {
    if (!this.#isOfSubnet(path)) return;
    if (isKind(path, "mac-ip")) {
      const { ip, mac, esi } = path.route;
      this.#byMac.delete(mac, path);
      if (ip !== undefined) this.#byIp.delete(ip, path);
      if (isOnSegment(path)) this.#bySegment.delete(esi, path);
      this.touch(path);
    } else if (isKind(path, "inclusive-multicast")) {
      this.#multicast.delete(path);
      this.floods.mark(0);
    } else if (isKind(path, "ethernet-auto-discovery")) {
      this.#segments.delete(path);
      this.#touchSegment(path.route.esi);
    }
  }

  /** The entries of a host's path, and what is resolved by it, may come out differently. */
  touch(path: ImportPath): void {
    if (!isKind(path, "mac-ip")) return;
    const { esi, mac } = path.route;
    this.macs.mark(mac);
    this.#cx.listener.onMac(mac);
    this.#touchIp(path);
    if (!isOnSegment(path)) return;
    // A host on a segment is reached through all who announce its MAC address there.
    for (const other of this.#byMac.get(mac)) if (other.route.esi === esi) this.#touchIp(other);
  }

  #touchIp({ prefix, route: { ip } }: PathOf<"mac-ip">): void {
    if (ip === undefined || prefix === undefined) return;
    this.neighbors.mark(ip);
    this.#cx.listener.onIp(ip, prefix);
  }

  /**
   * RFC 7432 6.1: routes of a VLAN-based service have the Ethernet tag 0. Senders with one bundle
   * of VLANs put the VNI there; other tags are other broadcast domains under the same route target.
   */
  #isOfSubnet({ route }: ImportPath): boolean {
    if (!("ethernetTag" in route)) return false;
    const { ethernetTag: tag, kind } = route;
    const isWhole = kind === "ethernet-auto-discovery" && tag === maxEthernetTag;
    return tag === 0 || isWhole || tag === this.subnet.l2Vni;
  }

  #touchSegment(esi: Esi): void {
    for (const path of this.#bySegment.get(esi)) this.touch(path);
    this.#cx.listener.onSegment(esi);
  }

  take(limit: number, emit: Emit): number {
    const { vrf } = this.#cx;
    const subnet = this.subnet.name;
    const macOf = (mac: Mac): MacEntry | undefined => this.macEntry(mac);
    const neighborOf = (ip: Ip): NeighborEntry | undefined => this.neighborEntry(ip);
    const floodOf = (): readonly TunnelHop[] | undefined => this.floodEntry();
    let count = this.macs.take(limit, macOf, equalMacs, (mac, value) =>
      emit({ kind: "mac", vrf, subnet, mac, value }),
    );
    count += this.neighbors.take(limit - count, neighborOf, equalNeighbors, (ip, value) =>
      emit({ kind: "neighbor", vrf, subnet, ip, value }),
    );
    count += this.floods.take(limit - count, floodOf, equalHops, (_key, value) =>
      emit({ kind: "flood", vrf, subnet, value }),
    );
    return count;
  }

  macEntry(mac: Mac): MacEntry | undefined {
    const path = this.#best(this.#byMac.sorted(mac).filter(({ local }) => !local));
    if (path === undefined) return undefined;
    const { defaultGateway, endpoint, sequence, sticky, tag } = path.attributes;
    const { esi } = path.route;
    const hops = this.reach(path);
    return { mac, hops, esi, node: endpoint, sequence, sticky, defaultGateway, tag };
  }

  neighborEntry(ip: Ip): NeighborEntry | undefined {
    const path = this.#best(this.#byIp.sorted(ip).filter(({ local }) => !local));
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

  /** Whether the path is one of this subnet. */
  holds(path: PathOf<"mac-ip">): boolean {
    return this.#byMac.has(path.route.mac, path);
  }

  /** As other nodes say, or this one, which is on it. */
  isSingleActive(esi: Esi): boolean {
    const attached = this.#cx.ownSegments.get(esi)?.singleActive;
    return attached === true || this.#segments.nodesOf(esi).singleActive;
  }

  /** Where frames to the host of a path of another node go; empty when it cannot be reached. */
  reach(path: PathOf<"mac-ip">): readonly MacHop[] {
    const { esi } = path.route;
    const own = hostHop(path);
    if (!isMultihomed(esi)) return own === undefined ? [] : [own];
    const attached = this.#cx.ownSegments.get(esi);
    // RFC 7432 9.2.2: what is attached here as well is reached here. On a single-active segment
    // that holds for one node alone, which is the one that announces the host.
    if (attached?.singleActive === false) return [{ kind: "segment", esi }];
    const { valid, singleActive, hops } = this.#segments.nodesOf(esi);
    const isValid = own !== undefined && valid.has(own.endpoint);
    if (attached !== undefined) return isValid ? [own] : [{ kind: "segment", esi }];
    const others = hops.filter(({ endpoint }) => valid.has(endpoint));
    if (!singleActive) return byEndpoint([...others, ...this.#hopsOfHost(path, valid)]);
    if (isValid) return [own];
    // RFC 7432 14.1.1: the backup, when there can be only one.
    return others.length === 1 ? others : [];
  }

  /** RFC 7432 14.1.2: of nodes that announce the address itself, the label is that route's. */
  #hopsOfHost({ route: { esi, mac } }: PathOf<"mac-ip">, valid: ReadonlySet<Ip>): TunnelHop[] {
    const hops: TunnelHop[] = [];
    for (const path of this.#byMac.sorted(mac)) {
      const hop = path.local || path.route.esi !== esi ? undefined : hostHop(path);
      if (hop !== undefined && valid.has(hop.endpoint)) hops.push(hop);
    }
    return hops;
  }

  /**
   * RFC 9136 4.3: the nodes that announce the segment for this subnet. Nobody needs to announce the
   * segment as a whole there.
   */
  segmentHops(esi: Esi): readonly MacHop[] {
    const isAttached = this.#cx.ownSegments.has(esi);
    return isAttached ? [{ kind: "segment", esi }] : this.#segments.nodesOf(esi).hops;
  }

  #best(paths: PathOf<"mac-ip">[]): PathOf<"mac-ip"> | undefined {
    return selectHost(paths.filter((path) => path.local || this.reach(path).length > 0));
  }
}

function hostHop({ attributes, route }: PathOf<"mac-ip">): TunnelHop | undefined {
  return tunnelHop(attributes.tunnel, route.label);
}

function equalMacs(a: MacEntry, b: MacEntry): boolean {
  return (
    a.esi === b.esi &&
    a.node === b.node &&
    a.sequence === b.sequence &&
    a.sticky === b.sticky &&
    a.defaultGateway === b.defaultGateway &&
    a.tag === b.tag &&
    equalHops(a.hops, b.hops)
  );
}

function equalNeighbors(a: NeighborEntry, b: NeighborEntry): boolean {
  return a.mac === b.mac && a.defaultGateway === b.defaultGateway && a.tag === b.tag;
}
