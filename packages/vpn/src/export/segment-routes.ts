/**
 * Routes of an Ethernet segment: type 4, by which the nodes on it find each other (RFC 7432 8.1.1);
 * type 1 of the segment, whose withdrawal takes all its hosts away at once (8.2); type 1 of each
 * subnet on it, by which others balance over its nodes (8.4).
 */
import { type EvpnRoute, encodeEvpnRoute } from "@heddle/bgp";
import {
  type RouteDistinguisher,
  type RouteTarget,
  routeDistinguisherFromBigint,
} from "@heddle/inet";
import { findSubnet, findVrf } from "../check-vrfs.ts";
import { electionCommunities, esImportMac } from "../segment-communities.ts";
import { type EthernetSegment, maxEthernetTag, type Subnet, type Vrf, type Vtep } from "../vrf.ts";
import { type OriginatedRoute, originated } from "./originated-route.ts";

/**
 * Route targets of one type 1 route of a segment. RFC 7432 8.2.1: when the segment has more, the
 * route is sent several times, each time with another route distinguisher.
 */
export const segmentTargetCountMax = 128;

/** @throws VpnError `config` when a subnet of the segment is not among `vrfs` */
export function segmentRoutes(
  vtep: Vtep,
  vrfs: readonly Vrf[],
  segment: EthernetSegment,
): OriginatedRoute[] {
  const subnets = segment.subnets.map(({ vrf, subnet }) => findSubnet(vrfs, vrf, subnet));
  // RFC 7432 8.2.1.1: all that subnets export to; VRFs without the subnet have its hosts, too.
  const targets = new Set(subnets.flatMap(({ exportTargets }) => exportTargets));
  for (const [i, { vrf }] of segment.subnets.entries()) {
    if (subnets[i]?.irb !== "symmetric") continue;
    for (const target of findVrf(vrfs, vrf).exportTargets) targets.add(target);
  }
  return [
    membership(vtep, segment),
    ...wholeSegment(vtep, segment, targets),
    ...subnets.map((subnet) => perSubnet(vtep, segment, subnet)),
  ];
}

function membership(vtep: Vtep, segment: EthernetSegment): OriginatedRoute {
  const { esi } = segment;
  const rd = ownRd(vtep, 0);
  const route: EvpnRoute = { kind: "ethernet-segment", rd, esi, originator: vtep.address };
  return originated(vtep, "evpn", encodeEvpnRoute(route), {
    targets: [],
    encapsulations: ["vxlan"],
    communities: [
      { kind: "es-import", mac: esImportMac(esi) },
      ...electionCommunities(segment.electionAlgorithm),
    ],
  });
}

function wholeSegment(
  vtep: Vtep,
  segment: EthernetSegment,
  targets: ReadonlySet<RouteTarget>,
): OriginatedRoute[] {
  const all = [...targets].sort((a, b) => (a < b ? -1 : 1));
  const routes: OriginatedRoute[] = [];
  for (let at = 0; at < all.length; at += segmentTargetCountMax) {
    const rd = ownRd(vtep, at / segmentTargetCountMax);
    routes.push(autoDiscovery(vtep, segment, rd, all.slice(at, at + segmentTargetCountMax)));
  }
  return routes;
}

function autoDiscovery(
  vtep: Vtep,
  { esi, singleActive, label }: EthernetSegment,
  rd: RouteDistinguisher,
  targets: readonly RouteTarget[],
): OriginatedRoute {
  const key = { kind: "ethernet-auto-discovery", rd, esi, ethernetTag: maxEthernetTag } as const;
  // The label is in the community; that of the route is zero (RFC 7432 8.2.1).
  return originated(vtep, "evpn", encodeEvpnRoute({ ...key, label: 0 }), {
    targets,
    encapsulations: ["vxlan"],
    communities: [{ kind: "esi-label", singleActive, label }],
  });
}

function perSubnet(vtep: Vtep, { esi }: EthernetSegment, subnet: Subnet): OriginatedRoute {
  const { rd, l2Vni } = subnet;
  const key = { kind: "ethernet-auto-discovery", rd, esi, ethernetTag: 0 } as const;
  return originated(vtep, "evpn", encodeEvpnRoute({ ...key, label: l2Vni }), {
    targets: subnet.exportTargets,
    encapsulations: ["vxlan"],
    communities: [],
  });
}

/** RFC 7432 7.9: type 1, an address of the node and a number. */
function ownRd(vtep: Vtep, number: number): RouteDistinguisher {
  const value = (1n << 48n) | (BigInt(vtep.routerId) << 16n) | BigInt(number);
  return routeDistinguisherFromBigint(value);
}
