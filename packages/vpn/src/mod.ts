/**
 * VPNs between the RIB and the data plane of a node, as pure functions and tables: what a node
 * originates for its VRFs, and what its VRFs make of the best routes of the VPN and EVPN families.
 * No I/O, no clock, no randomness.
 *
 * What a node installs for a host of another node (RFC 9135), by the subnet's `irb`:
 *
 *      bridged      MAC entry and neighbor entry; nothing in the IP-VRF
 *      symmetric    the same, and a route to the host: VXLAN with the L3 VNI and the MAC address of
 *                   the other node's router; the subnet need not exist here
 *      asymmetric   the same, and a route to the host: VXLAN with the L2 VNI and the MAC address
 *                   of the host; the subnet must exist here
 *
 * `packages/vpn/README.md` shows how it is driven, `examples/bgp/vpn.ts` runs it between two RIBs.
 * @module
 */
export { checkSegments, checkVrfs, routeTargetCountMax } from "./check-vrfs.ts";
export type { Election, SegmentMember } from "./election.ts";
export { electForwarder } from "./election.ts";
export type { EncapsulationKind } from "./encapsulation.ts";
export type { VpnErrorCode } from "./errors.ts";
export { VpnError } from "./errors.ts";
export { endpointRoutes } from "./export/endpoint-routes.ts";
export type { OriginatedRoutes } from "./export/originate.ts";
export { originate } from "./export/originate.ts";
export type { OriginatedRoute } from "./export/originated-route.ts";
export { equalOriginated, formatOriginated } from "./export/originated-route.ts";
export type { OriginateOp } from "./export/plan.ts";
export { formatOp, plan } from "./export/plan.ts";
export { prefixRoutes } from "./export/prefix-routes.ts";
export type {
  FlowSpecActions,
  FlowSpecRoute,
  FlowSpecRule,
} from "./flowspec-rules.ts";
export { flowspecRules, formatFlowSpecRule } from "./flowspec-rules.ts";
export type { LocalHop, MacHop, RouteHop, SegmentHop, TunnelHop } from "./hop.ts";
export { equalHops, formatHop } from "./hop.ts";
export type {
  ImportChange,
  MacEntry,
  NeighborEntry,
  VrfRoute,
} from "./import/import-change.ts";
export { pathIdOf } from "./import/import-path.ts";
export type { ImportConfig } from "./import/import-table.ts";
export { ImportTable } from "./import/import-table.ts";
export { hopCountMax } from "./import/vrf-table.ts";
export type {
  LocalMac,
  MobilityConfig,
  MobilityEffect,
  MobilityEvent,
  MobilityState,
  MobilityStep,
  RemoteMac,
} from "./mac-mobility.ts";
export {
  dueMs,
  isForgettable,
  mobilityDefaults,
  stepMobility,
  unknownMac,
} from "./mac-mobility.ts";
export { membershipRoutes, membershipsOf } from "./memberships.ts";
export type { AttachedSegment, FrameSource } from "./split-horizon.ts";
export { floodedSegments } from "./split-horizon.ts";
export type {
  ElectionAlgorithm,
  EthernetSegment,
  LocalEndpoint,
  LocalPrefix,
  LocalState,
  Subnet,
  Vrf,
  Vtep,
} from "./vrf.ts";
export { maxEsi, maxEthernetTag, singleHomed } from "./vrf.ts";
