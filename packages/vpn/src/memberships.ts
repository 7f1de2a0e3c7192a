/**
 * Route target memberships (RFC 4684): which routes a node wants to be sent, as follows from what
 * its VRFs import.
 */
import {
  constraintOf,
  encodeExtendedCommunity,
  encodeRouteTargetConstraint,
  type RouteTargetConstraint,
} from "@heddle/bgp";
import { type Asn, type RouteTarget, routeTargetFromBigint } from "@heddle/inet";
import { type OriginatedRoute, originated } from "./export/originated-route.ts";
import { esImportMac } from "./segment-communities.ts";
import type { EthernetSegment, Vrf, Vtep } from "./vrf.ts";

/**
 * One for each route target that a VRF or subnet imports, and for the ES-Import of each segment
 * (RFC 7432 7.6 has it take part in RFC 4684); ascending. `origin` is the AS of the node.
 */
export function membershipsOf(
  origin: Asn,
  vrfs: readonly Vrf[],
  segments: readonly EthernetSegment[] = [],
): RouteTargetConstraint[] {
  const targets = new Set<RouteTarget>();
  for (const vrf of vrfs) {
    for (const importer of [vrf, ...vrf.subnets]) {
      for (const target of importer.importTargets) targets.add(target);
    }
  }
  for (const { esi } of segments) {
    const community = encodeExtendedCommunity({ kind: "es-import", mac: esImportMac(esi) });
    targets.add(routeTargetFromBigint(community));
  }
  const sorted = [...targets].sort((a, b) => (a < b ? -1 : 1));
  return sorted.map((target) => constraintOf(origin, target));
}

/** The same as routes to originate, by id, for `plan`. */
export function membershipRoutes(
  vtep: Vtep,
  memberships: readonly RouteTargetConstraint[],
): ReadonlyMap<string, OriginatedRoute> {
  const routes = memberships.map((membership) =>
    originated(vtep, "route-target", encodeRouteTargetConstraint(membership), {
      targets: [],
      encapsulations: [],
      communities: [],
    }),
  );
  return new Map(routes.map((route) => [route.id, route]));
}
