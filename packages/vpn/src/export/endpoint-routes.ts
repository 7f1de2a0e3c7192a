/**
 * Routes of hosts: EVPN type 2 in their broadcast domain (RFC 7432 10, RFC 9135 5), EVPN type 5
 * where they have none, and VPN routes (RFC 4364) where the VRF has a label.
 */
import { type EvpnRoute, type ExtendedCommunity, encodeEvpnRoute } from "@heddle/bgp";
import { hostPrefix, type Ip, type Mac } from "@heddle/inet";
import { checkHostMac, findSubnet, findVrf } from "../check-vrfs.ts";
import { VpnError } from "../errors.ts";
import { type LocalEndpoint, type Subnet, singleHomed, type Vrf, type Vtep } from "../vrf.ts";
import { type OriginatedRoute, originated, tagCommunity } from "./originated-route.ts";
import { directPrefixRoute } from "./prefix-routes.ts";
import { vpnRoute } from "./vpn-route.ts";

/**
 * @throws VpnError `config` when the VRF or subnet is not among `vrfs`, the endpoint has a MAC
 *   address without a subnet or the other way round, or one that no host can have
 */
export function endpointRoutes(
  vtep: Vtep,
  vrfs: readonly Vrf[],
  endpoint: LocalEndpoint,
): OriginatedRoute[] {
  const vrf = findVrf(vrfs, endpoint.vrf);
  const { mac, subnet: name } = endpoint;
  if ((mac === undefined) !== (name === undefined)) {
    const current = mac === undefined ? "a subnet alone" : "a MAC address alone";
    throw new VpnError("config", `Cannot announce endpoint: ${current}, want both or neither`);
  }
  if (mac !== undefined) checkHostMac(mac, "endpoint");
  const routes: OriginatedRoute[] = [];
  if (mac !== undefined && name !== undefined) {
    const subnet = findSubnet(vrfs, vrf.name, name);
    // A route with an address announces the MAC address as well (RFC 7432 10.1).
    const ips = endpoint.ips.length === 0 ? [undefined] : endpoint.ips;
    for (const ip of ips) routes.push(macRoute(vtep, vrf, subnet, endpoint, mac, ip));
  }
  // Every gateway has the address, so it leads to none of them.
  const routed = endpoint.defaultGateway === true ? [] : endpoint.ips;
  for (const ip of routed) {
    const prefix = hostPrefix(ip);
    if (name === undefined && vrf.l3 !== undefined) {
      routes.push(directPrefixRoute(vtep, vrf, vrf.l3, prefix, endpoint.tag));
    }
    if (vrf.label !== undefined) routes.push(vpnRoute(vtep, vrf, vrf.label, prefix, endpoint.tag));
  }
  return routes;
}

function macRoute(
  vtep: Vtep,
  vrf: Vrf,
  subnet: Subnet,
  endpoint: LocalEndpoint,
  mac: Mac,
  ip: Ip | undefined,
): OriginatedRoute {
  const { defaultGateway = false, mobility, esi = singleHomed } = endpoint;
  // RFC 9135 5.1: with an address, symmetric routing adds what the IP-VRF needs.
  const isRouted = subnet.irb === "symmetric" && ip !== undefined && !defaultGateway;
  const l3 = isRouted ? vrf.l3 : undefined;
  const route: EvpnRoute = {
    kind: "mac-ip",
    rd: subnet.rd,
    ethernetTag: 0,
    mac,
    esi,
    label: subnet.l2Vni,
    ...(ip === undefined ? {} : { ip }),
    ...(l3 === undefined ? {} : { label2: l3.vni }),
  };
  const communities: ExtendedCommunity[] = [];
  if (l3 !== undefined) communities.push({ kind: "router-mac", mac: l3.routerMac });
  if (defaultGateway) communities.push({ kind: "default-gateway" });
  // RFC 7432 15: a host that has never moved goes without the community.
  if (mobility !== undefined && (mobility.sticky || mobility.sequence > 0)) {
    communities.push({ kind: "mac-mobility", ...mobility });
  }
  return originated(vtep, "evpn", encodeEvpnRoute(route), {
    targets:
      l3 === undefined ? subnet.exportTargets : [...subnet.exportTargets, ...vrf.exportTargets],
    encapsulations: ["vxlan"],
    communities: [...communities, ...tagCommunity(endpoint.tag)],
  });
}
