/**
 * The fabric as one model: objects of the API -> what each switch has to be -> a vendor's
 * configuration.
 * @module
 */
export { FabricError, type FabricErrorCode } from "./errors.ts";
export { renderFrr } from "./frr/render.ts";
export type {
  Fabric,
  FabricNode,
  FabricVrf,
  InterfaceAddress,
  Link,
  LinkEnd,
  LinkKind,
  OspfUnderlay,
  Switch,
  SwitchRole,
} from "./model.ts";
export { parseFabric, parseLink, parseSwitch } from "./parse.ts";
export { planSwitches } from "./plan.ts";
export { attachedMtuBytesOf } from "./plan-vrfs.ts";
export type {
  BfdProfile,
  EvpnConfig,
  EvpnPeer,
  InterfaceConfig,
  NodePeer,
  OspfConfig,
  PrefixRange,
  SwitchConfig,
  VrfConfig,
} from "./switch-config.ts";
