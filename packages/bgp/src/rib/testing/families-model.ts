/**
 * A naive RIB of all families for the property test: lists of routes from which everything is
 * worked out anew. It knows add-path, route target constraints, confederations, route server
 * clients, roles, long-lived stale routes, MAC mobility, AIGP and ownership; import policies accept
 * all, and export policies, which may give VPN routes other route targets.
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
  readonly aigp: boolean;
  /** Of the routes of VPNs that the peer is sent. */
  readonly retarget?: bigint;
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
  /** RFC 9494 4.6 is in force. */
  readonly #partial: boolean;
  #held: Held[] = [];
  /** Peers and families whose stale routes are long-lived. */
  readonly #longLived: Set<string> = new Set();

  constructor(peers: readonly FamiliesPeer[], partial: boolean) {
    this.#peers = peers;
    this.#partial = partial;
  }

  announce(peer: number, route: TestRoute, pathId: number, attributes: PathAttributes): void {
    this.withdraw(peer, route, pathId);
    const { aigp: _, ...rest } = attributes;
    const kept = this.#peers[peer]?.aigp === false ? rest : attributes;
    this.#held.push({ peer, pathId, route, attributes: kept, stale: false, longLived: false });
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
    const isLasting = (h: Held): boolean => this.#longLived.has(`${peer} ${h.route.family}`);
    this.#held = this.#held.filter(
      (h) => h.peer !== peer || (retain && (!h.stale || isLasting(h))),
    );
    for (const h of this.#held) if (h.peer === peer) h.stale = true;
    if (retain) this.#demote(peer, isLasting);
    else
      for (const name of this.#longLived)
        if (name.startsWith(`${peer} `)) this.#longLived.delete(name);
  }

  longLived(peer: number, families: readonly AddressFamily[]): void {
    for (const family of families) this.#longLived.add(`${peer} ${family}`);
    this.#demote(peer, (h) => families.includes(h.route.family));
  }

  #demote(peer: number, isMeant: (h: Held) => boolean): void {
    const isOne = (h: Held): boolean => h.peer === peer && h.stale && isMeant(h);
    this.#held = this.#held.filter((h) => !isOne(h) || !h.attributes.communities.includes(noLlgr));
    for (const h of this.#held) if (isOne(h)) h.longLived = true;
  }

  sweep(peer: number, family: AddressFamily): void {
    this.#longLived.delete(`${peer} ${family}`);
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
    const isVpn = isVpnFamily(route.family);
    const targets = retargeted(attributes, this.#peers[peer]!).extendedCommunities;
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
      return targets.some(
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
    if (family === "evpn" && key[0] === 2) {
      keepMin((h) => (h.peer !== local && isLongLived(h) ? 1 : 0));
      keepMin((h) => -mobility(h.attributes));
      // The segments of the routes are all without identifier.
      keepMin((h) => (h.peer === local ? 0 : (h.attributes.nextHop as number)));
    }
    const own = left.find((h) => h.peer === local);
    if (own !== undefined) return own;
    if (family === "route-target") keepMin((h) => (from(h).type === "internal" ? 1 : 0));
    keepMin((h) => (isLongLived(h) ? 1 : 0));
    const isEqual = (h: Held): boolean => this.#partial && isLongLived(h);
    keepMin((h) => (isEqual(h) ? 0 : -(a(h).localPref ?? 100)));
    if (left.some((h) => a(h).aigp !== undefined)) keepMin((h) => Number(a(h).aigp ?? 1e9));
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
    const isPartial = this.#partial && to.type !== "external";
    if (isLongLived(h) && !to.longLived && !isPartial) return undefined;
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
    if (isLongLived(h)) {
      a = withCommunity(a, llgrStale);
      if (isPartial) a = { ...(to.longLived ? a : withCommunity(a, noExport)), localPref: 0 };
    }
    if (isVpnFamily(h.route.family)) a = retargeted(a, to);
    const isBack = h.route.family === "route-target" && to.type === "client";
    const keepsHop = h.route.family === "evpn" || h.route.family === "ipv4-vpn";
    const isSelf = type === "local" || isBack || (to.type === "external" && !to.routeServerClient);
    const nextHop = type !== "local" && keepsHop ? a.nextHop : isSelf ? to.nextHop : a.nextHop;
    if (type !== "local" && a.aigp !== undefined && nextHop !== a.nextHop) {
      a = { ...a, aigp: a.aigp + 1n };
    }
    const { aigp: _, ...withoutAigp } = a;
    return this.#attributes({ ...(to.aigp ? a : withoutAigp), nextHop }, type, to, h, isBack);
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

function isVpnFamily(family: AddressFamily): boolean {
  return family === "ipv4-vpn" || family === "evpn";
}

function withCommunity(a: PathAttributes, community: number): PathAttributes {
  if (a.communities.includes(community)) return a;
  return { ...a, communities: [...a.communities, community].sort((x, y) => x - y) };
}

function retargeted(a: PathAttributes, { retarget }: FamiliesPeer): PathAttributes {
  if (retarget === undefined) return a;
  const others = a.extendedCommunities.filter((c) => c >> 48n !== 2n);
  return { ...a, extendedCommunities: [retarget, ...others] };
}

function mobility({ extendedCommunities }: PathAttributes): number {
  const found = extendedCommunities.find((c) => c >> 48n === 0x0600n);
  return found === undefined ? 0 : Number(found & 0x100_ffff_ffffn);
}

function nameOf({ family, key }: TestRoute): string {
  return `${family} ${hex(key)}`;
}
