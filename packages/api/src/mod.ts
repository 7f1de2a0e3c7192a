/**
 * The resource model: every kind of the API with its types, defaults and rules.
 * @module
 */

export { setCondition } from "./conditions.ts";
export { configMapKind } from "./core/config-map.ts";
export { deploymentKind } from "./core/deployment.ts";
export { endpointSliceKind } from "./core/endpoint-slice.ts";
export { eventKind } from "./core/event.ts";
export { ingressKind } from "./core/ingress.ts";
export { leaseKind } from "./core/lease.ts";
export { namespaceKind } from "./core/namespace.ts";
export { networkPolicyKind } from "./core/network-policy.ts";
export { nodeKind } from "./core/node.ts";
export { podKind } from "./core/pod.ts";
export { secretKind } from "./core/secret.ts";
export { serviceKind } from "./core/service.ts";
export { coreKinds } from "./core-kinds.ts";
export {
  duplicate,
  forbidden,
  formatFieldDetail,
  formatFieldError,
  invalid,
  notSupported,
  required,
  tooMany,
} from "./field-error.ts";
export type {
  BfdTimers,
  BGPConfiguration,
  BGPConfigurationSpec,
  BGPConfigurationStatus,
  GracefulRestart,
  MonitoringStation,
} from "./gen/bgp-configuration.gen.ts";
export type {
  BGPPeer,
  BGPPeerSecretRef,
  BGPPeerSession,
  BGPPeerSpec,
  BGPPeerStatus,
  BGPPeerTls,
} from "./gen/bgp-peer.gen.ts";
export type { ConfigMap } from "./gen/core/config-map.gen.ts";
export type { Deployment, PodTemplate } from "./gen/core/deployment.gen.ts";
export type { Endpoint, EndpointPort, EndpointSlice } from "./gen/core/endpoint-slice.gen.ts";
export type { Event, EventSource, ObjectReference } from "./gen/core/event.gen.ts";
export type { Ingress, IngressPath, IngressRule } from "./gen/core/ingress.gen.ts";
export type { Lease, LeaseSpec } from "./gen/core/lease.gen.ts";
export type { Namespace, NamespaceStatus } from "./gen/core/namespace.gen.ts";
export type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyIngressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "./gen/core/network-policy.gen.ts";
export type {
  Node,
  NodeAddress,
  NodeCondition,
  NodeSpec,
  NodeStatus,
  NodeTaint,
} from "./gen/core/node.gen.ts";
export type {
  Container,
  ContainerPort,
  ContainerState,
  ContainerStatus,
  EnvVar,
  Pod,
  PodCondition,
  PodPhase,
  PodSpec,
  PodStatus,
  Toleration,
} from "./gen/core/pod.gen.ts";
export type { Secret } from "./gen/core/secret.gen.ts";
export type { Service, ServicePort, ServiceSpec } from "./gen/core/service.gen.ts";
export type {
  Fabric,
  FabricSpec,
  FabricStatus,
  FabricUnderlay,
  FabricVrf,
} from "./gen/fabric.gen.ts";
export type { IPBlock, IPBlockLoan, IPBlockSpec, IPBlockStatus } from "./gen/ip-block.gen.ts";
export type {
  IPClaim,
  IPClaimHolder,
  IPClaimOwner,
  IPClaimPhase,
  IPClaimSpec,
  IPClaimStatus,
} from "./gen/ip-claim.gen.ts";
export type { IPPool, IPPoolSpec, IPPoolStatus } from "./gen/ip-pool.gen.ts";
export type { Link, LinkEndpoint, LinkSpec, LinkStatus } from "./gen/link.gen.ts";
export type {
  Port,
  PortPhase,
  PortPod,
  PortSpec,
  PortStatus,
  PortTransition,
} from "./gen/port.gen.ts";
export type { Subnet, SubnetAddresses, SubnetSpec, SubnetStatus } from "./gen/subnet.gen.ts";
export type {
  Switch,
  SwitchDriver,
  SwitchObservation,
  SwitchSpec,
  SwitchStatus,
} from "./gen/switch.gen.ts";
export type { Vpc, VpcSpec, VpcStatus } from "./gen/vpc.gen.ts";
export type { FieldError, JsonSchema, PrinterColumn, ResourceKind } from "./kind.ts";
export { apiVersionOf } from "./kind.ts";
export { bgpConfigurationKind } from "./kinds/bgp-configuration.ts";
export {
  type BGPPeerFamilies,
  type BGPPeerImportPolicy,
  bgpPeerFamilies,
  bgpPeerImportPolicy,
  bgpPeerKind,
} from "./kinds/bgp-peer.ts";
export { fabricKind } from "./kinds/fabric.ts";
export { heddleGroup, heddleVersion } from "./kinds/heddle-kind.ts";
export { blockNameOf, checkBlockInPool, checkBlockInVpc, ipBlockKind } from "./kinds/ip-block.ts";
export { ipClaimKind } from "./kinds/ip-claim.ts";
export {
  blockLengthOf,
  checkPoolInSubnet,
  findPoolOverlaps,
  ipPoolKind,
} from "./kinds/ip-pool.ts";
export { endpointName, linkKind } from "./kinds/link.ts";
export {
  isPortTransition,
  portKind,
  portTransitions,
  portTransitionsMax,
} from "./kinds/port.ts";
export { findOverlaps, findSecondDefault, subnetKind } from "./kinds/subnet.ts";
export { switchKind } from "./kinds/switch.ts";
export { nativeVpcName, vpcKind } from "./kinds/vpc.ts";
export { routeTargetsOf, type VpcRouteTargets } from "./kinds/vpc-route-targets.ts";
export { kindOf, kinds } from "./kinds.ts";
export { matchesLabels } from "./labels.ts";
export type {
  Condition,
  KubeObject,
  LabelSelector,
  LabelSelectorRequirement,
  ObjectMeta,
  OwnerReference,
} from "./meta.ts";
export {
  labelKeyProblem,
  labelProblem,
  labelValueProblem,
  subdomainProblem,
} from "./metadata.ts";
export { objectMetaSchema } from "./schema/object-meta.ts";
export type { Undefaulted } from "./validate.ts";
export {
  compileKinds,
  defaulted,
  pruned,
  unknownFieldsOf,
  validate,
  validateUpdate,
} from "./validate.ts";
