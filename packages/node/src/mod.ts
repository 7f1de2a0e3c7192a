/**
 * What one node does for its pods: CNI requests, address blocks, fixed addresses, the journal of
 * allocations, recovery after a restart.
 * @module
 */

// BGP, admin views and the caches of the cluster.
export type {
  AgentStatus,
  AllocationView,
  BlockView,
  VrfRoutesView,
  VrfRouteView,
  VrfView,
} from "./admin/admin-api.ts";
export { allocationViewsOf, blockViewsOf } from "./admin/views.ts";
export { vrfRoutesViewOf, vrfViewsOf } from "./admin/vrf-views.ts";
export type { Announcer } from "./announcer.ts";
export { NodeAnnouncer } from "./announcer.ts";
export type { BgpTlsFiles } from "./bgp/bgp-certificates.ts";
export { BgpCertificates } from "./bgp/bgp-certificates.ts";
export type { KnownPasswords } from "./bgp/bgp-passwords.ts";
export { BgpPasswords } from "./bgp/bgp-passwords.ts";
export { NodeSpeaker } from "./bgp/node-speaker.ts";
export type { NodeBgp, NodePlan, NodeTopology } from "./bgp/plan-node-bgp.ts";
export { planNodeBgp } from "./bgp/plan-node-bgp.ts";
export { SessionReporter } from "./bgp/session-reporter.ts";
export {
  announceOptionsOf,
  nodeMultipath,
  secretsOf,
  speakerConfigOf,
} from "./bgp/speaker-config.ts";
export { readTopology, writeTopology } from "./bgp/topology-file.ts";
export { ClusterCache, type ClusterCacheOptions } from "./cluster/cluster-cache.ts";
export type { ClusterObjects, ObjectCache } from "./cluster/cluster-objects.ts";
export type { NodeErrorCode } from "./errors.ts";
export { NodeError } from "./errors.ts";
export { NodeHeartbeat } from "./fixed/node-heartbeat.ts";
export type { HeddleNodeOptions } from "./heddle-node.ts";
export { HeddleNode } from "./heddle-node.ts";
export type { Allocation, OwnedBlock, Stranger } from "./journal/allocation.ts";
export type { JournalState } from "./journal/journal.ts";
export {
  addressAnnotation,
  claimNameAnnotation,
  subnetAnnotation,
} from "./pods/choose-subnet.ts";
export { gatewayMac, hostIfnameOf, portNameOf } from "./pods/names.ts";
export type { PodNetwork } from "./pods/pod-network.ts";
export type { NodeVrf } from "./vpn/node-vpn.ts";
export { NodeVpn } from "./vpn/node-vpn.ts";
