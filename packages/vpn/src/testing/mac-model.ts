/**
 * For tests: MAC entries worked out from a list of routes with loops over all of them, to compare
 * `MacVrfTable` with. Written from RFC 7432 8.2, 8.4, 10.1, 14.1 and 15, not from the table.
 */
import {
  decodeEvpnRoute,
  decodeExtendedCommunity,
  type EvpnRoute,
  type RouteChange,
  routeTargetsOf,
  securityTagOf,
} from "@heddle/bgp";
import { compareIp, formatEsi, formatIp, formatMac, type Ip } from "@heddle/inet";
import type { EthernetSegment, Subnet, Vrf } from "../vrf.ts";

interface Known {
  readonly id: string;
  readonly route: EvpnRoute;
  readonly node: Ip;
  readonly communities: readonly bigint[];
  readonly mobility: number;
  readonly score: number;
  readonly identifier: number;
}

type Host = Known & { readonly route: Extract<EvpnRoute, { readonly kind: "mac-ip" }> };

/** Lines of `print`, sorted. */
export function macLines(
  routes: readonly RouteChange[],
  vrfs: readonly Vrf[],
  segments: readonly EthernetSegment[],
): string[] {
  const lines: string[] = [];
  for (const vrf of vrfs) {
    for (const subnet of vrf.subnets) {
      const on = segments.filter(({ subnets }) =>
        subnets.some((other) => other.vrf === vrf.name && other.subnet === subnet.name),
      );
      const known = importedBy(routes, subnet);
      for (const line of linesOf(known, on)) lines.push(`${vrf.name}/${subnet.name} ${line}`);
    }
  }
  return lines.sort();
}

function importedBy(routes: readonly RouteChange[], { importTargets }: Subnet): Known[] {
  const known: Known[] = [];
  for (const { best, candidate, family, key } of routes) {
    if (family !== "evpn" || best?.peer === undefined || candidate === undefined) continue;
    const { extendedCommunities: communities, nextHop: node } = best.attributes;
    if (!routeTargetsOf(communities).some((target) => importTargets.includes(target))) continue;
    const { identifier, mobility, score } = candidate;
    const route = decodeEvpnRoute(key, best.payload);
    known.push({ id: key.toHex(), route, node, communities, mobility, score, identifier });
  }
  return known;
}

function linesOf(known: readonly Known[], own: readonly EthernetSegment[]): string[] {
  const hosts = known.filter((other): other is Host => other.route.kind === "mac-ip");
  const lines: string[] = [];
  for (const mac of new Set(hosts.map(({ route }) => route.mac))) {
    const reachable = hosts
      .filter(({ route }) => route.mac === mac)
      .map((host) => ({ host, hops: hopsOf(host, known, own) }))
      .filter(({ hops }) => hops.length > 0);
    const place = reachable
      .map(({ host }) => host)
      .sort(
        (a, b) => b.mobility - a.mobility || compareIp(a.node, b.node) || (a.id < b.id ? -1 : 1),
      )
      .at(0);
    const inPlace = reachable
      .filter(({ host: { mobility, node, route } }) => {
        if (place === undefined || route.esi !== place.route.esi) return false;
        return route.esi !== 0n || (node === place.node && mobility === place.mobility);
      })
      .sort(({ host: a }, { host: b }) => {
        if (a.mobility !== b.mobility) return b.mobility - a.mobility;
        return a.score - b.score || a.identifier - b.identifier || (a.id < b.id ? -1 : 1);
      });
    const [first] = inPlace;
    if (first === undefined) continue;
    const { communities, mobility, route } = first.host;
    const tag = securityTagOf(communities);
    const kinds = communities.map((value) => decodeExtendedCommunity(value).kind);
    lines.push(
      `${formatMac(mac)} -> ${first.hops.join(", ")} seq ${mobility % 2 ** 32}` +
        (mobility >= 2 ** 32 ? " sticky" : "") +
        (kinds.includes("default-gateway") ? " gateway" : "") +
        (route.esi === 0n ? "" : ` esi ${formatEsi(route.esi)}`) +
        (tag === undefined ? "" : ` tag ${tag}`),
    );
  }
  return lines;
}

function hopsOf(
  { node, route }: Host,
  known: readonly Known[],
  own: readonly EthernetSegment[],
): string[] {
  const { esi } = route;
  const hop = (at: Ip): string => `vxlan ${formatIp(at)} vni ${route.label}`;
  if (esi === 0n) return [hop(node)];
  const attached = own.find((segment) => segment.esi === esi);
  const here = [`segment ${formatEsi(esi)}`];
  if (attached?.singleActive === false) return here;
  const announcing = (isWhole: boolean): Known[] =>
    known.filter(
      ({ route: other }) =>
        other.kind === "ethernet-auto-discovery" &&
        other.esi === esi &&
        (other.ethernetTag === 0xffffffff) === isWhole,
    );
  const whole = announcing(true);
  const isValid = (at: Ip): boolean => whole.some((other) => other.node === at);
  if (attached !== undefined) return isValid(node) ? [hop(node)] : here;
  const others = announcing(false)
    .map((other) => other.node)
    .filter(isValid);
  const isSingleActive = whole.some(({ communities }) =>
    communities.map(decodeExtendedCommunity).some((c) => c.kind === "esi-label" && c.singleActive),
  );
  if (isSingleActive && isValid(node)) return [hop(node)];
  if (isSingleActive) return others.length === 1 ? others.map(hop) : [];
  const mac = route.mac;
  const announcers = known
    .filter(({ route: r }) => r.kind === "mac-ip" && r.mac === mac && r.esi === esi)
    .map((other) => other.node)
    .filter(isValid);
  const all = new Set([...others, ...announcers]);
  return [...all].sort(compareIp).map(hop);
}
