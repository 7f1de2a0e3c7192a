/**
 * Which tunnel a route wants: encapsulation extended communities (RFC 9012 4.1, RFC 8365 5.1.3)
 * or the Tunnel Encapsulation attribute (RFC 9012 2), which counts first when both are there.
 */
import {
  decodeExtendedCommunity,
  encodeExtendedCommunity,
  type PathAttributes,
  type Tunnel,
  tunnelTypes,
} from "@heddle/bgp";
import type { Ip } from "@heddle/inet";

export type EncapsulationKind = "vxlan" | "mpls-in-udp" | "mpls-in-gre" | "ipip";

/** BGP Tunnel Encapsulation Attribute Tunnel Types of RFC 8365, RFC 7510, RFC 9012. */
const tunnelTypeOf: Readonly<Record<EncapsulationKind, number>> = {
  vxlan: tunnelTypes.vxlan,
  "mpls-in-udp": tunnelTypes.mplsInUdp,
  "mpls-in-gre": tunnelTypes.mplsInGre,
  ipip: 7,
};

export function encapsulationCommunity(kind: EncapsulationKind): bigint {
  return encodeExtendedCommunity({ kind: "encapsulation", tunnelType: tunnelTypeOf[kind] });
}

/** How to reach the sender of a route. */
export interface ChosenTunnel {
  readonly kind: EncapsulationKind;
  readonly endpoint: Ip;
}

/**
 * The first of `wanted` that a route offers, with the end point; undefined when it offers none.
 * `unspecified` stands for what a route offers that says nothing.
 */
export function chooseTunnel(
  attributes: PathAttributes,
  wanted: readonly EncapsulationKind[],
  unspecified: EncapsulationKind | undefined,
): ChosenTunnel | undefined {
  const { tunnels, nextHop } = attributes;
  if (tunnels !== undefined) return chooseOf(tunnels, nextHop, wanted);
  const offered = offeredTypes(attributes.extendedCommunities);
  if (offered.size === 0 && unspecified !== undefined) offered.add(tunnelTypeOf[unspecified]);
  const kind = wanted.find((own) => offered.has(tunnelTypeOf[own]));
  return kind === undefined ? undefined : { kind, endpoint: nextHop };
}

function chooseOf(
  tunnels: readonly Tunnel[],
  nextHop: Ip,
  wanted: readonly EncapsulationKind[],
): ChosenTunnel | undefined {
  for (const kind of wanted) {
    const tunnel = tunnels.find(({ type }) => type === tunnelTypeOf[kind]);
    if (tunnel === undefined) continue;
    const egress = tunnel.subTlvs.find((subTlv) => subTlv.kind === "egress-endpoint");
    return { kind, endpoint: egress?.address ?? nextHop };
  }
  return undefined;
}

function offeredTypes(communities: readonly bigint[]): Set<number> {
  const types = new Set<number>();
  for (const value of communities) {
    const community = decodeExtendedCommunity(value);
    if (community.kind === "encapsulation") types.add(community.tunnelType);
  }
  return types;
}
