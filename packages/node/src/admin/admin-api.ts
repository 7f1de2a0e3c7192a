/**
 * What an agent tells over its admin socket, as JSON. Addresses, prefixes and times are text (RFC
 * 5952, RFC 3339), so that any program can read it. The agent fills it, the CLI shows it.
 */

/** `/v1/status` */
export interface AgentStatus {
  readonly node: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly apiServer: {
    readonly url: string;
    /** All caches have been listed. */
    readonly synced: boolean;
    readonly lastError: string | null;
  };
  readonly dataplane: {
    readonly uplinks: readonly string[];
    readonly podCount: number;
    readonly drops: readonly { readonly reason: string; readonly packets: string }[];
  };
  readonly bgp: {
    readonly asn: number | null;
    readonly established: number;
    readonly peers: number;
  };
  /** Why new pods would fail now; empty when they would not (CNI STATUS). */
  readonly cniProblems: readonly string[];
  /** Objects that do not make sense, and what was done without them. */
  readonly problems: readonly string[];
}

/** `/v1/ipam/blocks` */
export interface BlockView {
  readonly node: string;
  readonly cidr: string;
  readonly pool: string;
  readonly subnet: string;
  readonly vpc: string;
  readonly size: number;
  readonly used: number;
}

/** `/v1/ipam/allocations` */
export interface AllocationView {
  readonly node: string;
  readonly address: string;
  /** In which the address is; that of an infrastructure address is the native one. */
  readonly vpc: string;
  readonly namespace: string;
  readonly pod: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly since: string;
  /** The IPClaim that fixes the address. */
  readonly claim: string | null;
}

/** `/v1/bgp/vrfs`: a VPC that the node holds addresses of. */
export interface VrfView {
  readonly node: string;
  /** The VPC. */
  readonly vrf: string;
  readonly vrfId: number;
  readonly routeDistinguisher: string;
  /** Of routed packets; null without. */
  readonly vni: number | null;
  readonly importTargets: readonly string[];
  readonly exportTargets: readonly string[];
  /** Where tunnels to the node end. */
  readonly endpoint: string;
  readonly ownRouteCount: number;
  /** Imported: of other nodes, and of other VRFs here. */
  readonly importedRouteCount: number;
}

/** `/v1/bgp/vrfs/routes?vrf=NAME`: what a VRF has, the node's own routes first. */
export interface VrfRoutesView {
  /** At most as many as the request's `limit`, in the order of their prefixes. */
  readonly routes: readonly VrfRouteView[];
  /** There are more than are listed. */
  readonly omittedCount: number;
}

export interface VrfRouteView {
  readonly node: string;
  readonly vrf: string;
  readonly prefix: string;
  /** `own` for the node's blocks and fixed addresses; else the kind of the best route. */
  readonly source: "own" | "mac-ip" | "ip-prefix" | "vpn";
  /** `vxlan 198.18.0.12 vni 7 mac 02:0e:c6:12:00:0c`; `local` for own ones. */
  readonly hops: readonly string[];
  /** Whether the data plane forwards by it. Tunnels to other nodes are not installed. */
  readonly isInstalled: boolean;
}
