/**
 * What the generators read: each kind with the file it is written in and the names of its parts.
 */
import { configMapKind } from "../../packages/api/src/core/config-map.ts";
import { deploymentKind, deploymentTypes } from "../../packages/api/src/core/deployment.ts";
import {
  endpointSliceKind,
  endpointSliceTypes,
} from "../../packages/api/src/core/endpoint-slice.ts";
import { eventKind, eventTypes } from "../../packages/api/src/core/event.ts";
import { ingressKind, ingressTypes } from "../../packages/api/src/core/ingress.ts";
import { leaseKind } from "../../packages/api/src/core/lease.ts";
import { namespaceKind, namespaceTypes } from "../../packages/api/src/core/namespace.ts";
import {
  networkPolicyKind,
  networkPolicyTypes,
} from "../../packages/api/src/core/network-policy.ts";
import { nodeKind, nodeTypes } from "../../packages/api/src/core/node.ts";
import { podKind, podTypes } from "../../packages/api/src/core/pod.ts";
import { secretKind } from "../../packages/api/src/core/secret.ts";
import { serviceKind, serviceTypes } from "../../packages/api/src/core/service.ts";
import type { JsonSchema, ResourceKind } from "../../packages/api/src/kind.ts";
import { bfd, bfdOverride, bfdTypeName } from "../../packages/api/src/kinds/bfd.ts";
import {
  bgpConfigurationKind,
  bgpConfigurationTypes,
} from "../../packages/api/src/kinds/bgp-configuration.ts";
import { bgpPeerKind, bgpPeerTypes } from "../../packages/api/src/kinds/bgp-peer.ts";
import { fabricKind, fabricTypes } from "../../packages/api/src/kinds/fabric.ts";
import { ipBlockKind, ipBlockTypes } from "../../packages/api/src/kinds/ip-block.ts";
import { ipClaimKind, ipClaimTypes } from "../../packages/api/src/kinds/ip-claim.ts";
import { ipPoolKind } from "../../packages/api/src/kinds/ip-pool.ts";
import { linkKind, linkTypes } from "../../packages/api/src/kinds/link.ts";
import { portKind, portTypes } from "../../packages/api/src/kinds/port.ts";
import { subnetKind, subnetTypes } from "../../packages/api/src/kinds/subnet.ts";
import { switchKind, switchTypes } from "../../packages/api/src/kinds/switch.ts";
import { vpcKind } from "../../packages/api/src/kinds/vpc.ts";

export interface Source {
  /** Base name of `kinds/<file>.ts`, `gen/<file>.gen.ts` and `docs/reference/<file>.md`. */
  readonly file: string;
  readonly kind: ResourceKind;
  /** Parts of the schema that get a type of their own. */
  readonly types: Readonly<Record<string, JsonSchema>>;
}

export const sources: readonly Source[] = [
  { file: "vpc", kind: vpcKind, types: {} },
  { file: "subnet", kind: subnetKind, types: subnetTypes },
  { file: "ip-pool", kind: ipPoolKind, types: {} },
  { file: "ip-block", kind: ipBlockKind, types: ipBlockTypes },
  { file: "ip-claim", kind: ipClaimKind, types: ipClaimTypes },
  { file: "port", kind: portKind, types: portTypes },
  {
    file: "bgp-configuration",
    kind: bgpConfigurationKind,
    types: { ...bgpConfigurationTypes, [bfdTypeName]: bfd },
  },
  { file: "bgp-peer", kind: bgpPeerKind, types: { ...bgpPeerTypes, [bfdTypeName]: bfdOverride } },
  { file: "fabric", kind: fabricKind, types: fabricTypes },
  { file: "switch", kind: switchKind, types: switchTypes },
  { file: "link", kind: linkKind, types: linkTypes },
];

/** Kinds that Kubernetes defines: they get types, but neither CRD nor reference. */
export const coreSources: readonly Source[] = [
  { file: "core/namespace", kind: namespaceKind, types: namespaceTypes },
  { file: "core/node", kind: nodeKind, types: nodeTypes },
  { file: "core/pod", kind: podKind, types: podTypes },
  { file: "core/service", kind: serviceKind, types: serviceTypes },
  { file: "core/config-map", kind: configMapKind, types: {} },
  { file: "core/secret", kind: secretKind, types: {} },
  { file: "core/event", kind: eventKind, types: eventTypes },
  { file: "core/endpoint-slice", kind: endpointSliceKind, types: endpointSliceTypes },
  { file: "core/lease", kind: leaseKind, types: {} },
  { file: "core/deployment", kind: deploymentKind, types: deploymentTypes },
  { file: "core/network-policy", kind: networkPolicyKind, types: networkPolicyTypes },
  { file: "core/ingress", kind: ingressKind, types: ingressTypes },
];
