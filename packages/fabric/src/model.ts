/**
 * The fabric as the planner sees it: objects of the API with every text parsed. All values are
 * valid by themselves; whether they fit together is the planner's business.
 */
import type { Asn, Ip, Ip4, Prefix, RouteTarget, Vni } from "@heddle/inet";

export interface Fabric {
  readonly name: string;
  /** Of every switch. */
  readonly asn: Asn;
  /** Of every node that has none of its own. */
  readonly nodeAsn: Asn;
  /** Of links between switches; attached devices have less, by the encapsulation. */
  readonly mtuBytes: number;
  readonly underlay: OspfUnderlay;
  readonly vrfs: readonly FabricVrf[];
  /** Equal-cost paths of a route. */
  readonly pathCountMax: number;
}

/** OSPFv2 (RFC 2328), one area. */
export interface OspfUnderlay {
  readonly area: Ip4;
  readonly helloSeconds: number;
  readonly deadSeconds: number;
}

export interface FabricVrf {
  readonly name: string;
  /** The VNI of routed traffic (L3VNI, RFC 9136 4.4). */
  readonly vni: Vni;
  readonly routeTarget: RouteTarget;
  /** What nodes may announce parts of, and what the fabric announces beyond itself. */
  readonly aggregates: readonly Prefix[];
}

export type SwitchRole = "spine" | "leaf" | "border";

export interface Switch {
  readonly name: string;
  readonly role: SwitchRole;
  readonly rack: string | undefined;
  /** Router id, address of the BGP sessions between switches, and VTEP. */
  readonly loopback: Ip4;
}

/**
 * `fabric`: switch to switch. `underlay`: into the default VRF. `tenant`, `external`: into a VRF.
 */
export type LinkKind = "fabric" | "underlay" | "tenant" | "external";

export interface Link {
  readonly name: string;
  readonly kind: LinkKind;
  /** Of tenant and external links. */
  readonly vrf: string | undefined;
  readonly a: LinkEnd;
  readonly b: LinkEnd;
  /** Overrides what follows from the fabric's. */
  readonly mtuBytes: number | undefined;
}

export interface LinkEnd {
  /**
   * A device is what is neither ours to configure nor a node: a server, a router of somebody else.
   */
  readonly kind: "switch" | "node" | "device";
  readonly name: string;
  readonly ifname: string;
  readonly addresses: readonly InterfaceAddress[];
}

export interface InterfaceAddress {
  readonly address: Ip;
  /** The subnet on the link. */
  readonly prefix: Prefix;
}

/** A node that may peer with its leaves. */
export interface FabricNode {
  readonly name: string;
  /** The fabric's `nodeAsn` when undefined. */
  readonly asn: Asn | undefined;
}
