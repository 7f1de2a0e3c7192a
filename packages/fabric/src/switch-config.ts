/**
 * What one switch has to be: the vendor-neutral result of planning. A driver renders it for its
 * platform and decides nothing. Lists are sorted, so equal intent gives equal configurations.
 */
import type { Asn, Ip, Ip4, Mac, Prefix, RouteDistinguisher, RouteTarget, Vni } from "@heddle/inet";
import type { InterfaceAddress, SwitchRole } from "./model.ts";

export interface SwitchConfig {
  readonly name: string;
  readonly role: SwitchRole;
  readonly asn: Asn;
  /** The loopback address; also router id and VTEP. */
  readonly loopback: Ip4;
  /** Inner destination of VXLAN packets to this VTEP (RFC 9135, EVPN Router's MAC). */
  readonly routerMac: Mac;
  readonly pathCountMax: number;
  readonly bfd: BfdProfile;
  readonly ospf: OspfConfig;
  /** Without the loopback. */
  readonly interfaces: readonly InterfaceConfig[];
  readonly evpn: EvpnConfig;
  readonly vrfs: readonly VrfConfig[];
}

/** Asynchronous mode (RFC 5880 6.8); detection takes interval x multiplier. */
export interface BfdProfile {
  readonly name: string;
  readonly intervalMs: number;
  readonly detectMultiplier: number;
}

export interface OspfConfig {
  readonly area: Ip4;
  readonly helloSeconds: number;
  readonly deadSeconds: number;
}

export interface InterfaceConfig {
  readonly ifname: string;
  /** What is at the other end: `node1 leaf1`. */
  readonly description: string;
  /** The default VRF when undefined. */
  readonly vrf: string | undefined;
  readonly mtuBytes: number;
  readonly addresses: readonly InterfaceAddress[];
  /** `passive` announces the subnet and talks to nobody. */
  readonly ospf: "point-to-point" | "passive" | undefined;
}

/** iBGP between loopbacks; spines reflect (RFC 4456). */
export interface EvpnConfig {
  readonly reflector: boolean;
  readonly peers: readonly EvpnPeer[];
}

export interface EvpnPeer {
  readonly name: string;
  readonly address: Ip4;
}

export interface VrfConfig {
  readonly name: string;
  readonly vni: Vni;
  /** Of the VXLAN device and its bridge. */
  readonly mtuBytes: number;
  /** Unique per switch, so that a reflector keeps the paths of all leaves. */
  readonly routeDistinguisher: RouteDistinguisher;
  readonly routeTarget: RouteTarget;
  /** Discarded here unless a longer prefix is known, and announced beside the longer ones. */
  readonly aggregates: readonly Prefix[];
  readonly nodeImport: readonly PrefixRange[];
  readonly peers: readonly NodePeer[];
  /**
   * Nodes get the default route only while this switch holds a route of another VTEP. False when
   * there is no other VTEP in the VRF.
   */
  readonly defaultNeedsFabric: boolean;
}

/** Parts of `prefix` that are `lengthMin` to `lengthMax` long. */
export interface PrefixRange {
  readonly prefix: Prefix;
  readonly lengthMin: number;
  readonly lengthMax: number;
}

/** An eBGP session to a node: IPv4 and IPv6 unicast over one transport. */
export interface NodePeer {
  readonly name: string;
  readonly address: Ip;
  readonly asn: Asn;
  /** Per family; the session goes down beyond it. */
  readonly prefixCountMax: number;
}
