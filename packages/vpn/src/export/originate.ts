/** All that this node originates, from all that is local to it. Pure, and the same in any order. */
import { checkEndpointSegment, checkSegments, checkVrfs } from "../check-vrfs.ts";
import { VpnError } from "../errors.ts";
import type { LocalState, Vrf, Vtep } from "../vrf.ts";
import { endpointRoutes } from "./endpoint-routes.ts";
import { equalOriginated, formatOriginated, type OriginatedRoute } from "./originated-route.ts";
import { prefixRoutes } from "./prefix-routes.ts";
import { segmentRoutes } from "./segment-routes.ts";
import { subnetRoutes } from "./subnet-routes.ts";

/** By their ids. */
export type OriginatedRoutes = ReadonlyMap<string, OriginatedRoute>;

/**
 * Where two parts of the state make a route of the same key, as an address that two endpoints have
 * while one replaces the other, the one whose text comes first is taken.
 * @throws VpnError `config` when the state is not consistent
 */
export function originate(vtep: Vtep, state: LocalState): OriginatedRoutes {
  const { vrfs } = state;
  checkVrfs(vrfs);
  checkSegments(state.segments, vrfs);
  for (const vrf of vrfs) checkEncapsulation(vtep, vrf);
  for (const endpoint of state.endpoints) checkEndpointSegment(endpoint, state.segments);
  const routes = new Map<string, OriginatedRoute>();
  const add = (added: readonly OriginatedRoute[]): void => {
    for (const route of added) {
      const other = routes.get(route.id);
      if (other === undefined || precedes(route, other)) routes.set(route.id, route);
    }
  };
  for (const vrf of vrfs) for (const subnet of vrf.subnets) add(subnetRoutes(vtep, vrf, subnet));
  for (const segment of state.segments) add(segmentRoutes(vtep, vrfs, segment));
  for (const endpoint of state.endpoints) add(endpointRoutes(vtep, vrfs, endpoint));
  for (const prefix of state.prefixes) add(prefixRoutes(vtep, vrfs, prefix));
  return routes;
}

function precedes(route: OriginatedRoute, other: OriginatedRoute): boolean {
  return !equalOriginated(route, other) && formatOriginated(route) < formatOriginated(other);
}

/** EVPN routes of this node are for VXLAN, VPN routes for MPLS in UDP or GRE. */
function checkEncapsulation(vtep: Vtep, vrf: Vrf): void {
  const { encapsulations } = vtep;
  const isEvpn = vrf.l3 !== undefined || vrf.subnets.length > 0;
  const hasMpls = encapsulations.includes("mpls-in-udp") || encapsulations.includes("mpls-in-gre");
  if ((!isEvpn || encapsulations.includes("vxlan")) && (vrf.label === undefined || hasMpls)) return;
  const want = isEvpn && !encapsulations.includes("vxlan") ? "vxlan" : "mpls-in-udp or mpls-in-gre";
  throw new VpnError(
    "config",
    `Cannot announce VRF ${vrf.name}: encapsulations ${encapsulations.join(", ")}, want ${want}`,
  );
}
