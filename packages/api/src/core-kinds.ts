/** The table of the kinds that Kubernetes defines. */
import { configMapKind } from "./core/config-map.ts";
import { deploymentKind } from "./core/deployment.ts";
import { endpointSliceKind } from "./core/endpoint-slice.ts";
import { eventKind } from "./core/event.ts";
import { ingressKind } from "./core/ingress.ts";
import { leaseKind } from "./core/lease.ts";
import { namespaceKind } from "./core/namespace.ts";
import { networkPolicyKind } from "./core/network-policy.ts";
import { nodeKind } from "./core/node.ts";
import { podKind } from "./core/pod.ts";
import { secretKind } from "./core/secret.ts";
import { serviceKind } from "./core/service.ts";
import type { ResourceKind } from "./kind.ts";

export const coreKinds: readonly ResourceKind[] = [
  namespaceKind,
  nodeKind,
  podKind,
  serviceKind,
  configMapKind,
  secretKind,
  eventKind,
  endpointSliceKind,
  leaseKind,
  deploymentKind,
  networkPolicyKind,
  ingressKind,
];
