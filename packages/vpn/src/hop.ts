/** Where packets and frames go, as data for the compiler of a node's data plane. */
import {
  type Esi,
  formatEsi,
  formatIp,
  formatMac,
  type Ip,
  type Mac,
  type Vni,
  type VrfId,
} from "@heddle/inet";

/**
 * A tunnel to another node. `innerMac` is the destination of the inner Ethernet header of a routed
 * packet: of a router, or of the host itself; absent where frames are bridged, or where the packet
 * has no Ethernet header (L3VPN over MPLS, IP in IP).
 */
export type TunnelHop =
  | {
      readonly kind: "vxlan";
      readonly endpoint: Ip;
      readonly vni: Vni;
      readonly innerMac?: Mac;
    }
  | {
      readonly kind: "mpls-in-udp" | "mpls-in-gre";
      readonly endpoint: Ip;
      /** 20 bits. */
      readonly label: number;
      readonly innerMac?: Mac;
    }
  | { readonly kind: "ipip"; readonly endpoint: Ip };

/** To this node's own VRF, into which the route leaks; or to a host there that is a gateway. */
export interface LocalHop {
  readonly kind: "local";
  readonly vrf: VrfId;
  readonly gateway?: Ip;
}

/** To a segment that this node is attached to as well (RFC 7432 8.4). */
export interface SegmentHop {
  readonly kind: "segment";
  readonly esi: Esi;
  readonly innerMac?: Mac;
}

export type RouteHop = TunnelHop | LocalHop | SegmentHop;
export type MacHop = TunnelHop | SegmentHop;

/** `vxlan 10.0.0.2 vni 100 mac 02:00:00:00:00:01`; two hops are equal when their texts are. */
export function formatHop(hop: RouteHop): string {
  switch (hop.kind) {
    case "local": {
      const via = hop.gateway === undefined ? "" : ` via ${formatIp(hop.gateway)}`;
      return `local vrf ${hop.vrf}${via}`;
    }
    case "segment":
      return `segment ${formatEsi(hop.esi)}${formatInnerMac(hop.innerMac)}`;
    case "ipip":
      return `ipip ${formatIp(hop.endpoint)}`;
    default: {
      const id = hop.kind === "vxlan" ? `vni ${hop.vni}` : `label ${hop.label}`;
      return `${hop.kind} ${formatIp(hop.endpoint)} ${id}${formatInnerMac(hop.innerMac)}`;
    }
  }
}

function formatInnerMac(mac: Mac | undefined): string {
  return mac === undefined ? "" : ` mac ${formatMac(mac)}`;
}

export function equalHops(a: readonly RouteHop[], b: readonly RouteHop[]): boolean {
  return a.length === b.length && a.every((hop, i) => equalHop(hop, b[i] as RouteHop));
}

function equalHop(a: RouteHop, b: RouteHop): boolean {
  switch (a.kind) {
    case "local":
      return b.kind === "local" && a.vrf === b.vrf && a.gateway === b.gateway;
    case "segment":
      return b.kind === "segment" && a.esi === b.esi && a.innerMac === b.innerMac;
    case "ipip":
      return b.kind === "ipip" && a.endpoint === b.endpoint;
    case "vxlan":
      return (
        b.kind === "vxlan" &&
        a.endpoint === b.endpoint &&
        a.vni === b.vni &&
        a.innerMac === b.innerMac
      );
    default:
      return (
        b.kind === a.kind &&
        a.endpoint === b.endpoint &&
        a.label === b.label &&
        a.innerMac === b.innerMac
      );
  }
}

/** The same tunnel for a routed packet whose inner destination is `innerMac`. */
export function withInnerMac(hop: MacHop, innerMac: Mac): RouteHop {
  return hop.kind === "ipip" ? hop : { ...hop, innerMac };
}
