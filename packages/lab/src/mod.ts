/**
 * A data centre in network namespaces, from one declarative file.
 * @module
 */

// The cluster on top of the fabric, and its verification.
export { adminKubeconfig, agentLabel, type ClusterOptions, clusterUp } from "./cluster/cluster.ts";
export { controllerKubeconfig, controllerLabels, controllerLease } from "./cluster/controllers.ts";
export {
  bgpTlsDirectory,
  isRouteServerAlive,
  type RouteServerStatus,
  routeServerSocket,
} from "./cluster/route-servers.ts";
export {
  argvInDevice,
  execInDevice,
  failLink,
  type LabHandle,
  openLab,
  processInDevice,
  restoreLink,
  type SpawnInDeviceOptions,
  spawnInNode,
  stopInDevice,
} from "./control.ts";
export type { DeviceRole, LabDefinition } from "./definition/definition.ts";
export { parseLabDefinition } from "./definition/parse.ts";
export type { CommandOptions, CommandResult } from "./device/command.ts";
export { Device, defaultTools, type LabTools } from "./device/device.ts";
export { LabError, type LabErrorCode } from "./errors.ts";
export type { CniNetworkList, CniRuntimeOptions } from "./kubernetes/cni-runtime.ts";
export {
  type KubernetesOptions,
  type PodOnNode,
  podsOfLab,
  runKubernetes,
} from "./kubernetes/stand-ins.ts";
export { type LabOptions, labDown, labUp } from "./lab.ts";
export { preflight } from "./preflight.ts";
export { type LabContext, liveDevice } from "./state/context.ts";
export { type DevicePaths, defaultStateDir, type LabPaths, labPaths } from "./state/paths.ts";
export type { ProcessRecord } from "./state/process-record.ts";
export {
  type CableStatus,
  type DeviceStatus,
  type LabStatus,
  labStatus,
  type ProcessStatus,
} from "./status.ts";
export type {
  Cable,
  FabricObjects,
  LabDevice,
  LabTopology,
  RouteServerPlace,
} from "./topology/topology.ts";
export { deriveTopology, managementDevice } from "./topology/topology.ts";
export type { FlowRow } from "./verify/flow.ts";
export { verifyFlows } from "./verify/verify.ts";
