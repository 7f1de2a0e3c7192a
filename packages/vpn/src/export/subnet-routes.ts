/** Routes of a broadcast domain itself: where its floods go (RFC 7432 11), and its prefixes. */
import { encodeEvpnRoute, ingressReplication } from "@heddle/bgp";
import type { Subnet, Vrf, Vtep } from "../vrf.ts";
import { type OriginatedRoute, originated } from "./originated-route.ts";
import { prefixRoutes } from "./prefix-routes.ts";

export function subnetRoutes(vtep: Vtep, vrf: Vrf, subnet: Subnet): OriginatedRoute[] {
  const { rd } = subnet;
  const route = {
    kind: "inclusive-multicast",
    rd,
    ethernetTag: 0,
    originator: vtep.address,
  } as const;
  const flood = originated(vtep, "evpn", encodeEvpnRoute(route), {
    targets: subnet.exportTargets,
    encapsulations: ["vxlan"],
    communities: [],
    pmsiTunnel: ingressReplication(vtep.address, subnet.l2Vni),
  });
  const prefixes = subnet.announcePrefixes ? subnet.prefixes : [];
  const announced = prefixes.flatMap((prefix) =>
    prefixRoutes(vtep, [vrf], { vrf: vrf.name, prefix }),
  );
  return [flood, ...announced];
}
