/** What the admin socket shows of the node's VRFs. Pure. */
import {
  comparePrefix,
  formatIp,
  formatPrefix,
  formatRouteDistinguisher,
  formatRouteTarget,
} from "@heddle/inet";
import { formatHop } from "@heddle/vpn";
import type { NodeVrf } from "../vpn/node-vpn.ts";
import type { VrfRoutesView, VrfRouteView, VrfView } from "./admin-api.ts";

export function vrfViewsOf(node: string, vrfs: readonly NodeVrf[]): VrfView[] {
  return vrfs.map(({ vrf, address, own, routes }) => ({
    node,
    vrf: vrf.name,
    vrfId: vrf.vrfId,
    routeDistinguisher: formatRouteDistinguisher(vrf.rd),
    vni: vrf.l3 === undefined ? null : vrf.l3.vni,
    importTargets: vrf.importTargets.map(formatRouteTarget),
    exportTargets: vrf.exportTargets.map(formatRouteTarget),
    endpoint: formatIp(address),
    ownRouteCount: own.size,
    importedRouteCount: [...routes].length,
  }));
}

/** At most `limit` routes. */
export function vrfRoutesViewOf(node: string, found: NodeVrf, limit: number): VrfRoutesView {
  const vrf = found.vrf.name;
  const own = [...found.own].toSorted(comparePrefix).map((prefix): VrfRouteView => {
    const common = { node, vrf, prefix: formatPrefix(prefix) };
    return { ...common, source: "own", hops: ["local"], isInstalled: true };
  });
  const imported = [...found.routes].toSorted((a, b) => comparePrefix(a.prefix, b.prefix));
  const shown = imported
    .slice(0, Math.max(limit - own.length, 0))
    .map(({ prefix, source, hops }): VrfRouteView => {
      const common = { node, vrf, prefix: formatPrefix(prefix) };
      return { ...common, source, hops: hops.map(formatHop), isInstalled: false };
    });
  const routes = [...own.slice(0, limit), ...shown];
  return { routes, omittedCount: own.length + imported.length - routes.length };
}
