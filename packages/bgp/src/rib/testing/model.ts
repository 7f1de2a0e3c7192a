/**
 * A naive RIB of objects and lists for the property test: no interning, no incremental state;
 * everything is worked out anew from all routes whenever it is asked.
 */
import {
  type Asn,
  compareIp,
  formatPrefix,
  type Ip,
  type Ip4,
  type Ip6,
  type Prefix,
} from "@heddle/inet";
import { asPathLength, firstAsnOf } from "../../packet/as-path.ts";
import type { PathAttributes } from "../../packet/path-attributes.ts";
import { attributesText } from "./wire.ts";

export interface ModelPeer {
  readonly type: "external" | "internal" | "client";
  readonly asn: Asn;
  readonly address: Ip;
  readonly routerId: Ip4;
  readonly nextHop4: Ip4;
  readonly nextHop6: Ip6;
}

interface ModelRoute {
  readonly peer: number;
  readonly attributes: PathAttributes;
  readonly stale: boolean;
}

export const localAsn = 65000 as Asn;
export const localRouterId = 0x0aff0001 as Ip4;

export class ModelRib {
  readonly #peers: readonly ModelPeer[];
  readonly #routes: Map<Prefix, ModelRoute[]> = new Map();
  readonly #local: Map<Prefix, PathAttributes> = new Map();
  /** `import 3`: that policy of that peer lets only 10.0.0.0/8 and what is inside pass. */
  readonly #onlyTens: Set<string> = new Set();

  constructor(peers: readonly ModelPeer[]) {
    this.#peers = peers;
  }

  announce(peer: number, prefix: Prefix, attributes: PathAttributes): void {
    this.withdraw(peer, prefix);
    this.#routesOf(prefix).push({ peer, attributes, stale: false });
  }

  withdraw(peer: number, prefix: Prefix): void {
    this.#routes.set(
      prefix,
      this.#routesOf(prefix).filter((r) => r.peer !== peer),
    );
  }

  down(peer: number, retain: boolean): void {
    for (const [prefix, routes] of this.#routes) {
      const kept = routes.filter((r) => r.peer !== peer || (retain && !r.stale));
      this.#routes.set(
        prefix,
        kept.map((r) => (r.peer === peer ? { ...r, stale: true } : r)),
      );
    }
  }

  sweep(peer: number, family: 4 | 6): void {
    for (const [prefix, routes] of this.#routes) {
      if (prefix.family !== family) continue;
      this.#routes.set(
        prefix,
        routes.filter((r) => r.peer !== peer || !r.stale),
      );
    }
  }

  originate(prefix: Prefix, attributes: PathAttributes): void {
    this.#local.set(prefix, attributes);
  }

  withdrawLocal(prefix: Prefix): void {
    this.#local.delete(prefix);
  }

  setPolicy(direction: "import" | "export", peer: number, onlyTens: boolean): void {
    if (onlyTens) this.#onlyTens.add(`${direction} ${peer}`);
    else this.#onlyTens.delete(`${direction} ${peer}`);
  }

  /** `prefix via next hops`, sorted; at most 4 paths share. */
  forwarding(): string[] {
    return [...this.#prefixes()]
      .flatMap((prefix) => {
        const shares = this.#local.has(prefix) ? [] : this.#equals(prefix).slice(0, 4);
        const hops = new Set(shares.map((r) => String(r.attributes.nextHop)));
        return hops.size === 0 ? [] : [`${formatPrefix(prefix)} via ${[...hops].join(" ")}`];
      })
      .sort();
  }

  /** `prefix <- peer`, sorted; peer -1 is local. */
  locRib(): string[] {
    return [...this.#prefixes()]
      .flatMap((prefix) => {
        const best = this.#best(prefix);
        return best === undefined ? [] : [`${formatPrefix(prefix)} <- ${best.peer}`];
      })
      .sort();
  }

  /** What `peer` holds, in the form of `PeerView.summary`. */
  adjRibOut(peer: number): string[] {
    return [...this.#prefixes()]
      .flatMap((prefix) => {
        const best = this.#best(prefix);
        if (best === undefined || best.peer === peer) return [];
        const sent = this.#export(best, prefix, peer);
        return sent === undefined ? [] : [`${formatPrefix(prefix)} ${attributesText(sent)}`];
      })
      .sort();
  }

  #routesOf(prefix: Prefix): ModelRoute[] {
    const known = this.#routes.get(prefix);
    if (known !== undefined) return known;
    const routes: ModelRoute[] = [];
    this.#routes.set(prefix, routes);
    return routes;
  }

  #prefixes(): Set<Prefix> {
    return new Set([...this.#routes.keys(), ...this.#local.keys()]);
  }

  #best(prefix: Prefix): ModelRoute | undefined {
    const local = this.#local.get(prefix);
    if (local !== undefined) return { peer: -1, attributes: local, stale: false };
    return this.#equals(prefix)[0];
  }

  /** The routes that may share the load, best first. */
  #equals(prefix: Prefix): ModelRoute[] {
    let left = this.#routesOf(prefix).filter((r) => this.#eligible(prefix, r));
    const keepMin = (value: (r: ModelRoute) => number): void => {
      const min = Math.min(...left.map(value));
      left = left.filter((r) => value(r) === min);
    };
    keepMin((r) => -(r.attributes.localPref ?? 100));
    keepMin((r) => asPathLength(r.attributes.asPath));
    keepMin((r) => r.attributes.origin);
    const med = (r: ModelRoute): number => r.attributes.med ?? 0;
    const neighbor = (r: ModelRoute): Asn | undefined => firstAsnOf(r.attributes.asPath);
    left = left.filter((r) => !left.some((o) => neighbor(o) === neighbor(r) && med(o) < med(r)));
    keepMin((r) => (this.#peers[r.peer]!.type === "external" ? 0 : 1));
    const identifier = (r: ModelRoute): number =>
      r.attributes.originatorId ?? this.#peers[r.peer]!.routerId;
    return left.sort(
      (a, b) =>
        identifier(a) - identifier(b) ||
        a.attributes.clusterList.length - b.attributes.clusterList.length ||
        compareIp(this.#peers[a.peer]!.address, this.#peers[b.peer]!.address),
    );
  }

  #eligible(prefix: Prefix, route: ModelRoute): boolean {
    const a = route.attributes;
    if (this.#onlyTens.has(`import ${route.peer}`) && !isTen(prefix)) return false;
    const own = this.#peers.some((p) => p.nextHop4 === a.nextHop || p.nextHop6 === a.nextHop);
    const loop = a.asPath.some((s) => s.asns.includes(localAsn));
    return (
      !own && !loop && a.originatorId !== localRouterId && !a.clusterList.includes(localRouterId)
    );
  }

  #export(best: ModelRoute, prefix: Prefix, peer: number): PathAttributes | undefined {
    const to = this.#peers[peer]!;
    const from = best.peer < 0 ? "local" : this.#peers[best.peer]!.type;
    const a = best.attributes;
    if (this.#onlyTens.has(`export ${peer}`) && !isTen(prefix)) return undefined;
    if (a.communities.includes(0xffffff02)) return undefined;
    if (to.type === "external" && a.communities.includes(0xffffff01)) return undefined;
    if (from === "internal" && to.type === "internal") return undefined;
    const own = prefix.family === 4 ? to.nextHop4 : to.nextHop6;
    const { med, localPref, originatorId, ...rest } = a;
    if (to.type === "external") {
      const head = rest.asPath[0];
      const asns = [localAsn, ...(head === undefined ? [] : head.asns)];
      const asPath = [{ type: "sequence" as const, asns }];
      const keepMed = from === "local" && med !== undefined ? { med } : {};
      return { ...rest, ...keepMed, asPath, nextHop: own, clusterList: [] };
    }
    const nextHop = from === "local" ? own : a.nextHop;
    const inside = { ...a, nextHop, localPref: localPref ?? 100 };
    if (from === "local" || from === "external") return inside;
    const origin = originatorId ?? this.#peers[best.peer]!.routerId;
    return { ...inside, originatorId: origin, clusterList: [localRouterId, ...a.clusterList] };
  }
}

function isTen(prefix: Prefix): boolean {
  return prefix.family === 4 && prefix.length >= 8 && prefix.address >>> 24 === 10;
}
