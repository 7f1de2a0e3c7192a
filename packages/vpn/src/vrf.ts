/**
 * What a node is told of its VPNs: IP-VRFs (RFC 4364 3), the MAC-VRFs of their subnets (RFC 7432 6,
 * VLAN-based: one bridge table and Ethernet tag 0 each), and the Ethernet segments it is attached
 * to (RFC 7432 5).
 */
import type {
  Esi,
  Ip,
  Ip4,
  Mac,
  Prefix,
  RouteDistinguisher,
  RouteTarget,
  Vni,
  VrfId,
} from "@heddle/inet";
import type { EncapsulationKind } from "./encapsulation.ts";

export interface Vrf {
  /** Unique on the node. */
  readonly name: string;
  readonly vrfId: VrfId;
  /** Unique among VRFs and subnets of the node. */
  readonly rd: RouteDistinguisher;
  readonly importTargets: readonly RouteTarget[];
  readonly exportTargets: readonly RouteTarget[];
  /**
   * How routed packets come over VXLAN: their VNI and the destination of their inner Ethernet
   * header (RFC 9135 4, RFC 9136 4.4). Absent: no EVPN type 5, no symmetric IRB.
   */
  readonly l3?: { readonly vni: Vni; readonly routerMac: Mac };
  /**
   * One MPLS label for the VRF, 16 to 2^20-1 (RFC 4364 4.3.2: the packet is looked up again).
   * Absent: nothing is exported to the VPN families.
   */
  readonly label?: number;
  readonly subnets: readonly Subnet[];
}

/**
 * A broadcast domain of a VRF. What its integrated routing and bridging does (RFC 9135): nothing
 * (`bridged`); route at both ends over the L3 VNI (`symmetric`); route at the sender and bridge
 * over the L2 VNI (`asymmetric`), for which the sender must have the subnet.
 */
export interface Subnet {
  /** Unique within the VRF. */
  readonly name: string;
  readonly rd: RouteDistinguisher;
  readonly importTargets: readonly RouteTarget[];
  readonly exportTargets: readonly RouteTarget[];
  readonly l2Vni: Vni;
  readonly irb: "bridged" | "symmetric" | "asymmetric";
  readonly prefixes: readonly Prefix[];
  /** Announce the prefixes, so that silent hosts are found; else only hosts are announced. */
  readonly announcePrefixes: boolean;
}

/** The node as a tunnel end point. */
export interface Vtep {
  readonly address: Ip;
  /** Administrator of route distinguishers that no VRF has (RFC 7432 7.9, 8.2.1). */
  readonly routerId: Ip4;
  /** What it can receive and send, most preferred first; at least one. */
  readonly encapsulations: readonly EncapsulationKind[];
  /** Taken for routes that name no encapsulation; absent: such routes are not usable. */
  readonly unspecifiedVpn?: EncapsulationKind;
  readonly unspecifiedEvpn?: EncapsulationKind;
}

/** An Ethernet segment that the node is attached to. */
export interface EthernetSegment {
  /** Neither 0 nor MAX-ESI. */
  readonly esi: Esi;
  /** RFC 7432 14.1.1: only the designated forwarder passes traffic; else all do. */
  readonly singleActive: boolean;
  /** Label field of the split-horizon label (RFC 7432 8.3.1), 0 with VXLAN (RFC 8365 8.3.1). */
  readonly label: number;
  readonly electionAlgorithm: ElectionAlgorithm;
  /** The subnets on it. */
  readonly subnets: readonly { readonly vrf: string; readonly subnet: string }[];
}

/** DF election algorithms: RFC 7432 8.5 (0 of RFC 8584) and highest random weight (1). */
export type ElectionAlgorithm = "modulo" | "highest-random-weight";

/** A host at this node. */
export interface LocalEndpoint {
  readonly vrf: string;
  /** Absent: a routed endpoint without a broadcast domain. */
  readonly subnet?: string;
  /** Present exactly when `subnet` is. */
  readonly mac?: Mac;
  readonly ips: readonly Ip[];
  /** Identity in security policy, uint32. */
  readonly tag?: number;
  /** The segment behind which it is; absent: single-homed. */
  readonly esi?: Esi;
  /** As of `stepMobility`; absent: it has never moved. */
  readonly mobility?: { readonly sequence: number; readonly sticky: boolean };
  /** The subnet's gateway at this node (RFC 7432 10.1): single-homed, and only bridged to. */
  readonly defaultGateway?: boolean;
}

/** A prefix that is reached through this node. */
export interface LocalPrefix {
  readonly vrf: string;
  readonly prefix: Prefix;
  readonly tag?: number;
  /** A host of one of the VRF's subnets that the prefix is behind (RFC 9136 4.1). */
  readonly gateway?: Ip;
}

/** Everything that routes are originated from. */
export interface LocalState {
  readonly vrfs: readonly Vrf[];
  readonly segments: readonly EthernetSegment[];
  readonly endpoints: readonly LocalEndpoint[];
  readonly prefixes: readonly LocalPrefix[];
}

/** The reserved ESI of a single-homed site (RFC 7432 5). */
export const singleHomed: Esi = 0n as Esi;
export const maxEsi: Esi = ((1n << 80n) - 1n) as Esi;
/** MAX-ET: the Ethernet tag of the routes about whole segments (RFC 7432 8.2.1). */
export const maxEthernetTag = 0xffffffff;
