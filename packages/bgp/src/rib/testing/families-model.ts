/**
 * A naive RIB of all families for the property test: lists of routes from which everything is
 * worked out anew. It knows add-path, route target constraints, confederations, route server
 * clients, roles, long-lived stale routes, MAC mobility and ownership; import and export policies
 * accept all.
 */
import type { Asn, Ip4 } from "@heddle/inet";
import type { AddressFamily } from "../../packet/address-family.ts";
import { asPathLength, firstAsnOf } from "../../packet/as-path.ts";
import type { AsPathSegment, PathAttributes } from "../../packet/path-attributes.ts";
import { hex, routeText, type TestRoute } from "./family-view.ts";

export interface FamiliesPeer {
  readonly type: "external" | "confederation" | "internal" | "client";
  readonly asn: Asn;
  readonly address: Ip4;
  readonly routerId: Ip4;
  /** Of ours on the session. */
  readonly nextHop: Ip4;
  /** 0: no add-path towards the peer. */
  readonly addPathSend: number;
  readonly addPathReceive: boolean;
  /** It exchanges route target memberships. */
  readonly constrained: boolean;
  readonly longLived: boolean;
  readonly routeServerClient: boolean;
  readonly role?: "provider" | "customer" | "peer";
  readonly ownRoutesOnly: boolean;
}

interface Held {
  readonly peer: number;
  readonly pathId: number;
  readonly route: TestRoute;
  readonly attributes: PathAttributes;
  stale: boolean;
  longLived: boolean;
}

export const localAsn = 65000 as Asn;
export const confederation = 64999 as Asn;
export const localRouterId = 0x0aff0001 as Ip4;

const noExport = 0xffffff01;
const noExportSubconfed = 0xffffff03;
const llgrStale = 0xffff0006;
const noLlgr = 0xffff0007;
const gracefulShutdown = 0xffff0000;
const local = -1;

export class FamiliesModel {
  /** Peers whose memberships are complete. */
  readonly heard: Set<number> = new Set();
  /** Whether the routes of peers with `ownRoutesOnly` are their own. */
  owns = true;
  readonly #peers: readonly FamiliesPeer[];
  #held: Held[] = [];

  constructor(peers: readonly FamiliesPeer[]) {
    this.#peers = peers;
  }

  announce(peer: number, route: TestRoute, pathId: number, attributes: PathAttributes): void {
    this.withdraw(peer, route, pathId);
    this.#held.push({ peer, pathId, route, attributes, stale: false, longLived: false });
  }

  originate(route: TestRoute, attributes: PathAttributes): void {
    this.announce(local, route, 0, attributes);
  }

  withdraw(peer: number, route: TestRoute, pathId: number): void {
    const name = nameOf(route);
    this.#held = this.#held.filter(
      (h) => h.peer !== peer || h.pathId !== pathId || nameOf(h.route) !== name,
    );
  }

  withdrawLocal(route: TestRoute): void {
    this.withdraw(local, route, 0);
  }

  down(peer: number, retain: boolean): void {
    this.heard.delete(peer);
    this.#held = this.#held.filter((h) => h.peer !== peer || (retain && !h.stale));
    for (const h of this.#held) if (h.peer === peer) h.stale = true;
  }

  longLived(peer: number): void {
    const goes = (h: Held): boolean =>
      h.peer === peer && h.stale && h.attributes.communities.includes(noLlgr);
    this.#held = this.#held.filter((h) => !goes(h));
    for (const h of this.#held) if (h.peer === peer && h.stale) h.longLived = true;
  }

  sweep(peer: number, family: AddressFamily): void {
    this.#held = this.#held.filter((h) => h.peer !== peer || h.route.family !== family || !h.stale);
  }

  /** What `peer` holds, in the form of `FamilyView.summary`. */
  adjRibOut(peer: number): string[] {
    const to = this.#peers[peer]!;
    const lines: string[] = [];
    for (const name of new Set(this.#held.map((h) => nameOf(h.route)))) {
      const ranked = this.#ranked(this.#held.filter((h) => nameOf(h.route) === name));
      for (const h of ranked.slice(0, Math.max(1, to.addPathSend))) {
        if (h.peer === peer && !(h.route.family === "route-target" && to.type === "client")) {
          continue;
        }
        if (!this.#isWanted(peer, h)) continue;
        const sent = this.#export(h, peer);
        if (sent !== undefined) lines.push(`${name} ${routeText(sent, h.route.payload)}`);
      }
    }
    return lines.sort();
  }

  #isWanted(peer: number, { route, attributes }: Held): boolean {
    const isVpn = route.family === "ipv4-vpn" || route.family === "evpn";
    const to = this.#peers[peer]!;
    if (!to.constrained) return route.family !== "route-target";
    if (!isVpn) return true;
    if (!this.heard.has(peer)) return false;
    const memberships = this.#held.filter(
      (h) => h.peer === peer && h.route.family === "route-target" && this.#isEligible(h),
    );
    return memberships.some(({ route: { key } }) => {
      const bits = Math.max(0, key[0]! - 32);
      if (bits === 0) return true;
      const octets = hex(key.subarray(5)).padEnd(16, "0");
      const shift = BigInt(64 - bits);
      return attributes.extendedCommunities.some(
        (c) => ((c >> 48n) & 0xffn) === 2n && c >> shift === BigInt(`0x${octets}`) >> shift,
      );
    });
  }

  #isEligible(h: Held): boolean {
    const { asPath, originatorId, clusterList, onlyToCustomer } = h.attributes;
    if (h.peer === local) return true;
    const from = this.#peers[h.peer]!;
    if (from.ownRoutesOnly && !this.owns) return false;
    if (asPath.some((s) => s.asns.includes(localAsn) || s.asns.includes(confederation))) {
      return false;
    }
    if (h.route.family === "ipv4-unicast" && onlyToCustomer !== undefined) {
      if (from.role === "provider") return false;
      if (from.role === "peer" && onlyToCustomer !== from.asn) return false;
    }
    return originatorId !== localRouterId && !clusterList.includes(localRouterId);
  }

  /** As import leaves them. */
  #imported(h: Held): PathAttributes {
    let a = h.attributes;
    const from = this.#peers[h.peer];
    if (from === undefined) return a;
    const isTop = from.role === "customer" || from.role === "peer";
    if (h.route.family === "ipv4-unicast" && isTop && a.onlyToCustomer === undefined) {
      a = { ...a, onlyToCustomer: from.asn };
    }
    const isGoing = from.type === "external" && a.communities.includes(gracefulShutdown);
    return isGoing ? { ...a, localPref: 0 } : a;
  }

  #ranked(routes: readonly Held[]): Held[] {
    let left = routes.filter((h) => this.#isEligible(h));
    const ranked: Held[] = [];
    while (left.length > 0) {
      const best = this.#best(left);
      ranked.push(best);
      left = left.filter((h) => h !== best);
    }
    return ranked;
  }

  #best(routes: readonly Held[]): Held {
    let left = [...routes];
    const keepMin = (value: (h: Held) => number): void => {
      const min = Math.min(...left.map(value));
      left = left.filter((h) => value(h) === min);
    };
    const { family, key } = left[0]!.route;
    const a = (h: Held): PathAttributes => this.#imported(h);
    const from = (h: Held): FamiliesPeer => this.#peers[h.peer]!;
    if (family === "evpn" && key[0] === 2) keepMin((h) => -mobility(h.attributes));
    const own = left.find((h) => h.peer === local);
    if (own !== undefined) return own;
    if (family === "route-target") keepMin((h) => (from(h).type === "internal" ? 1 : 0));
    keepMin((h) => (isLongLived(h) ? 1 : 0));
    keepMin((h) => -(a(h).localPref ?? 100));
    keepMin((h) => asPathLength(a(h).asPath));
    keepMin((h) => a(h).origin);
    const med = (h: Held): number => a(h).med ?? 0;
    const neighbor = (h: Held): Asn | undefined => firstAsnOf(a(h).asPath);
    left = left.filter((h) => !left.some((o) => neighbor(o) === neighbor(h) && med(o) < med(h)));
    keepMin((h) => (from(h).type === "external" ? 0 : 1));
    keepMin((h) => a(h).originatorId ?? from(h).routerId);
    keepMin((h) => a(h).clusterList.length);
    keepMin((h) => from(h).address);
    keepMin((h) => h.pathId);
    return left[0]!;
  }

  #export(h: Held, peer: number): PathAttributes | undefined {
    const to = this.#peers[peer]!;
    const from = this.#peers[h.peer];
    const type = from === undefined ? "local" : from.type;
    let a = this.#imported(h);
    if (type === "internal" && to.type === "internal") return undefined;
    if (isLongLived(h) && !to.longLived) return undefined;
    const leaves = to.type === "external" || to.type === "confederation";
    if (leaves && a.communities.includes(noExportSubconfed)) return undefined;
    if (to.type === "external" && a.communities.includes(noExport)) return undefined;
    if (h.route.family === "ipv4-unicast" && to.role !== undefined) {
      const goesUp = to.role === "customer" || to.role === "peer";
      if (a.onlyToCustomer !== undefined && goesUp) return undefined;
      if (a.onlyToCustomer === undefined && to.role !== "customer") {
        a = { ...a, onlyToCustomer: confederation };
      }
    }
    if (h.longLived && !a.communities.includes(llgrStale)) {
      a = { ...a, communities: [...a.communities, llgrStale].sort((x, y) => x - y) };
    }
    const isBack = h.route.family === "route-target" && to.type === "client";
    const keepsHop = h.route.family === "evpn" || h.route.family === "ipv4-vpn";
    const isSelf = type === "local" || isBack || (to.type === "external" && !to.routeServerClient);
    const nextHop = type !== "local" && keepsHop ? a.nextHop : isSelf ? to.nextHop : a.nextHop;
    return this.#attributes({ ...a, nextHop }, type, to, h, isBack);
  }

  #attributes(
    a: PathAttributes,
    type: FamiliesPeer["type"] | "local",
    to: FamiliesPeer,
    h: Held,
    isBack: boolean,
  ): PathAttributes {
    const { med, localPref, originatorId, ...rest } = a;
    const plain = rest.asPath.filter((s) => s.type === "sequence" || s.type === "set");
    if (to.type === "external") {
      const keepsMed = med !== undefined && (type === "local" || to.routeServerClient);
      const isClear = to.routeServerClient && type !== "local";
      const asPath = isClear ? plain : prepended(plain, "sequence", confederation);
      return { ...rest, ...(keepsMed ? { med } : {}), asPath, clusterList: [] };
    }
    const withMed = med === undefined ? {} : { med };
    const inside = { ...rest, ...withMed, localPref: localPref ?? 100 };
    if (to.type === "confederation") {
      const asPath = prepended(rest.asPath, "confed-sequence", localAsn);
      return { ...inside, asPath, clusterList: [] };
    }
    const isReflected = type === "internal" || type === "client";
    const clusterList = isReflected ? [localRouterId, ...a.clusterList] : a.clusterList;
    if (isBack) return { ...inside, originatorId: localRouterId, clusterList };
    const kept = originatorId === undefined ? {} : { originatorId };
    if (!isReflected) return { ...inside, ...kept };
    const origin = originatorId ?? this.#peers[h.peer]!.routerId;
    return { ...inside, originatorId: origin, clusterList };
  }
}

function prepended(
  path: readonly AsPathSegment[],
  type: "sequence" | "confed-sequence",
  asn: Asn,
): AsPathSegment[] {
  const [head, ...rest] = path;
  return head?.type === type
    ? [{ type, asns: [asn, ...head.asns] }, ...rest]
    : [{ type, asns: [asn] }, ...path];
}

function isLongLived(h: Held): boolean {
  return h.longLived || h.attributes.communities.includes(llgrStale);
}

function mobility({ extendedCommunities }: PathAttributes): number {
  const found = extendedCommunities.find((c) => c >> 48n === 0x0600n);
  return found === undefined ? 0 : Number(found & 0x100_ffff_ffffn);
}

function nameOf({ family, key }: TestRoute): string {
  return `${family} ${hex(key)}`;
}
