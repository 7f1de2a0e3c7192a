/** EVPN type 5 (RFC 9136): interface-less, and with a gateway address as overlay index. */
import { type EvpnRoute, encodeEvpnRoute } from "@heddle/bgp";
import type { Ip, Ip4, Ip6, Prefix } from "@heddle/inet";
import { checkGateway, findVrf } from "../check-vrfs.ts";
import { type LocalPrefix, singleHomed, type Vrf, type Vtep } from "../vrf.ts";
import { type OriginatedRoute, originated, tagCommunity } from "./originated-route.ts";
import { vpnRoute } from "./vpn-route.ts";

/** @throws VpnError `config` when the VRF is not known or the gateway is of another family */
export function prefixRoutes(
  vtep: Vtep,
  vrfs: readonly Vrf[],
  local: LocalPrefix,
): OriginatedRoute[] {
  const vrf = findVrf(vrfs, local.vrf);
  const { gateway, prefix, tag } = local;
  checkGateway(local);
  const routes: OriginatedRoute[] = [];
  // Without a subnet there is no route of the gateway that others could resolve it by.
  const isOverlay = gateway !== undefined && vrf.subnets.length > 0;
  if (isOverlay) routes.push(gatewayPrefixRoute(vtep, vrf, prefix, gateway, tag));
  else if (vrf.l3 !== undefined) routes.push(directPrefixRoute(vtep, vrf, vrf.l3, prefix, tag));
  if (vrf.label !== undefined) routes.push(vpnRoute(vtep, vrf, vrf.label, prefix, tag));
  return routes;
}

/** RFC 9136 4.4.1: no overlay index; label and router MAC lead to the VRF itself. */
export function directPrefixRoute(
  vtep: Vtep,
  vrf: Vrf,
  l3: NonNullable<Vrf["l3"]>,
  prefix: Prefix,
  tag: number | undefined,
): OriginatedRoute {
  return originated(
    vtep,
    "evpn",
    encodeEvpnRoute(ipPrefix(vrf, prefix, noGateway(prefix), l3.vni)),
    {
      targets: vrf.exportTargets,
      encapsulations: ["vxlan"],
      communities: [{ kind: "router-mac", mac: l3.routerMac }, ...tagCommunity(tag)],
    },
  );
}

/** RFC 9136 4.1: resolved by the type 2 route of the gateway; the label is zero. */
function gatewayPrefixRoute(
  vtep: Vtep,
  vrf: Vrf,
  prefix: Prefix,
  gateway: Ip,
  tag: number | undefined,
): OriginatedRoute {
  return originated(vtep, "evpn", encodeEvpnRoute(ipPrefix(vrf, prefix, gateway, 0)), {
    targets: vrf.exportTargets,
    encapsulations: ["vxlan"],
    communities: tagCommunity(tag),
  });
}

function ipPrefix(vrf: Vrf, prefix: Prefix, gateway: Ip, label: number): EvpnRoute {
  const { rd } = vrf;
  return { kind: "ip-prefix", rd, ethernetTag: 0, prefix, esi: singleHomed, gateway, label };
}

function noGateway(prefix: Prefix): Ip {
  return prefix.family === 4 ? (0 as Ip4) : (0n as Ip6);
}
