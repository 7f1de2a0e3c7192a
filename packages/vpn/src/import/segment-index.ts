/**
 * What other nodes announce of Ethernet segments by routes of type 1: of a whole segment (RFC 7432
 * 8.2), by which its hosts may be reached at all, and of one subnet on it (8.4).
 */
import { compareIp, type Esi, type Ip } from "@heddle/inet";
import type { TunnelHop } from "../hop.ts";
import { maxEsi, maxEthernetTag, singleHomed } from "../vrf.ts";
import { type ImportPath, type PathOf, tunnelHop } from "./import-path.ts";
import { PathIndex } from "./path-index.ts";

type DiscoveryPath = PathOf<"ethernet-auto-discovery">;

export interface SegmentNodes {
  /** End points with a route of the whole segment. */
  readonly valid: ReadonlySet<Ip>;
  /** RFC 7432 14.1.1: as soon as one of them says so. */
  readonly singleActive: boolean;
  /** To nodes with a route of the subnet, by end point. */
  readonly hops: readonly TunnelHop[];
}

/** More than any segment has nodes. */
const segmentNodeCountMax = 64;

export class SegmentIndex {
  readonly #whole: PathIndex<Esi, DiscoveryPath> = new PathIndex();
  readonly #perSubnet: PathIndex<Esi, DiscoveryPath> = new PathIndex();
  /** Of segments that have not changed since. */
  readonly #nodes: Map<Esi, SegmentNodes> = new Map();

  add(path: DiscoveryPath): void {
    const { esi } = path.route;
    this.#indexOf(path).add(esi, path);
    this.#nodes.delete(esi);
  }

  delete(path: DiscoveryPath): void {
    const { esi } = path.route;
    this.#indexOf(path).delete(esi, path);
    this.#nodes.delete(esi);
  }

  nodesOf(esi: Esi): SegmentNodes {
    const known = this.#nodes.get(esi);
    if (known !== undefined) return known;
    const valid = new Set<Ip>();
    let singleActive = false;
    for (const { attributes, local } of this.#whole.get(esi)) {
      if (local || attributes.tunnel === undefined) continue;
      valid.add(attributes.endpoint);
      singleActive ||= attributes.singleActive;
    }
    const hops: TunnelHop[] = [];
    for (const { attributes, local, route } of this.#perSubnet.sorted(esi)) {
      const hop = local ? undefined : tunnelHop(attributes.tunnel, route.label);
      if (hop !== undefined) hops.push(hop);
    }
    const nodes = { valid, singleActive, hops: byEndpoint(hops).slice(0, segmentNodeCountMax) };
    if (valid.size + hops.length > 0) this.#nodes.set(esi, nodes);
    return nodes;
  }

  #indexOf({ route }: DiscoveryPath): PathIndex<Esi, DiscoveryPath> {
    return route.ethernetTag === maxEthernetTag ? this.#whole : this.#perSubnet;
  }
}

export function isMultihomed(esi: Esi): boolean {
  return esi !== singleHomed && esi !== maxEsi;
}

/** Whether the segment of a host's path has a say in where it is reached (RFC 7432 9.2.2). */
export function isOnSegment(path: ImportPath): path is PathOf<"mac-ip"> {
  return path.route.kind === "mac-ip" && isMultihomed(path.route.esi);
}

/** Sorted; of hops to the same end point the last. */
export function byEndpoint(hops: readonly TunnelHop[]): TunnelHop[] {
  const distinct = new Map(hops.map((hop) => [hop.endpoint, hop]));
  return [...distinct.values()].sort((a, b) => compareIp(a.endpoint, b.endpoint));
}
