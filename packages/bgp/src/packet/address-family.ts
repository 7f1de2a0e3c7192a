/** The address families that this speaker carries, by name. */
import { afis, safis } from "./iana.ts";

/** Every family that can be negotiated, with its codepoints (RFC 4760). */
export type AddressFamily =
  | "ipv4-unicast"
  | "ipv6-unicast"
  /** MPLS-labeled VPN addresses (RFC 4364, RFC 4659). */
  | "ipv4-vpn"
  | "ipv6-vpn"
  /** RFC 7432. */
  | "evpn"
  /** Route target constraints (RFC 4684). */
  | "route-target"
  /** RFC 8955, RFC 8956. */
  | "ipv4-flowspec"
  | "ipv6-flowspec";

export const addressFamilies: Readonly<
  Record<AddressFamily, { readonly afi: number; readonly safi: number }>
> = {
  "ipv4-unicast": { afi: afis.ipv4, safi: safis.unicast },
  "ipv6-unicast": { afi: afis.ipv6, safi: safis.unicast },
  // Constraints travel before what they constrain (RFC 4684 6).
  "route-target": { afi: afis.ipv4, safi: safis.routeTarget },
  "ipv4-vpn": { afi: afis.ipv4, safi: safis.vpn },
  "ipv6-vpn": { afi: afis.ipv6, safi: safis.vpn },
  evpn: { afi: afis.l2vpn, safi: safis.evpn },
  "ipv4-flowspec": { afi: afis.ipv4, safi: safis.flowspec },
  "ipv6-flowspec": { afi: afis.ipv6, safi: safis.flowspec },
};

/** In the order in which families are offered and dumped. */
export const addressFamilyNames: readonly AddressFamily[] = Object.keys(
  addressFamilies,
) as AddressFamily[];

const byCodepoints: ReadonlyMap<number, AddressFamily> = new Map(
  addressFamilyNames.map((name) => {
    const { afi, safi } = addressFamilies[name];
    return [(afi << 8) | safi, name];
  }),
);

/** Undefined for a family that this speaker does not carry. */
export function addressFamilyOf(afi: number, safi: number): AddressFamily | undefined {
  return byCodepoints.get((afi << 8) | safi);
}
