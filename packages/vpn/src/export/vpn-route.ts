/** Routes of the families `ipv4-vpn` and `ipv6-vpn` (RFC 4364, RFC 4659). */
import { encodeVpnRoute } from "@heddle/bgp";
import type { Prefix } from "@heddle/inet";
import type { EncapsulationKind } from "../encapsulation.ts";
import type { Vrf, Vtep } from "../vrf.ts";
import { type OriginatedRoute, originated, tagCommunity } from "./originated-route.ts";

/** RFC 4364 4.3: to whoever reaches the node with MPLS in some tunnel (RFC 7510, RFC 4023). */
export function vpnRoute(
  vtep: Vtep,
  vrf: Vrf,
  label: number,
  prefix: Prefix,
  tag: number | undefined,
): OriginatedRoute {
  const nlri = encodeVpnRoute({ rd: vrf.rd, prefix, labels: [label] });
  return originated(vtep, prefix.family === 4 ? "ipv4-vpn" : "ipv6-vpn", nlri, {
    targets: vrf.exportTargets,
    encapsulations: vtep.encapsulations.filter(carriesLabel),
    communities: tagCommunity(tag),
  });
}

function carriesLabel(kind: EncapsulationKind): boolean {
  return kind === "mpls-in-udp" || kind === "mpls-in-gre";
}
