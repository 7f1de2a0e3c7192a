/** Every kind that the API server serves, with what a server needs beside the descriptor. */
import {
  apiVersionOf,
  configMapKind,
  coreKinds,
  deploymentKind,
  endpointSliceKind,
  eventKind,
  ingressKind,
  type KubeObject,
  kinds,
  leaseKind,
  namespaceKind,
  networkPolicyKind,
  nodeKind,
  podKind,
  type ResourceKind,
  secretKind,
  serviceKind,
} from "@heddle/api";
import { type TableView, viewOfPrinterColumns } from "../table/columns.ts";
import {
  configMapView,
  endpointSliceView,
  ingressView,
  networkPolicyView,
  secretView,
  serviceView,
} from "./network-views.ts";
import { podView } from "./pod-view.ts";
import { deploymentView, eventView, leaseView, namespaceView, nodeView } from "./workload-views.ts";

/** Where the scale subresource finds its numbers (autoscaling/v1 Scale). */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly selector: readonly string[];
}

export interface ServedKind {
  readonly kind: ResourceKind;
  readonly view: TableView;
  readonly scale?: ScalePaths;
}

const views: ReadonlyMap<ResourceKind, TableView> = new Map([
  view(namespaceKind, namespaceView),
  view(nodeKind, nodeView),
  view(podKind, podView),
  view(serviceKind, serviceView),
  view(configMapKind, configMapView),
  view(secretKind, secretView),
  view(eventKind, eventView),
  view(endpointSliceKind, endpointSliceView),
  view(leaseKind, leaseView),
  view(deploymentKind, deploymentView),
  view(networkPolicyKind, networkPolicyView),
  view(ingressKind, ingressView),
]);

/** The type of the objects is the same on both sides; a table of all kinds forgets it. */
function view<T extends KubeObject>(
  kind: ResourceKind<T>,
  columns: TableView<T>,
): [ResourceKind, TableView] {
  return [kind, columns];
}

const deploymentScale: ScalePaths = {
  specReplicas: ["spec", "replicas"],
  statusReplicas: ["status", "replicas"],
  selector: ["spec", "selector"],
};

/** Every kind that is served, built-in kinds first. */
export const servedKinds: readonly ServedKind[] = [...coreKinds, ...kinds].map((kind) => {
  const known = views.get(kind);
  return {
    kind,
    view: known === undefined ? viewOfPrinterColumns(kind) : known,
    ...(kind === deploymentKind ? { scale: deploymentScale } : {}),
  };
});

const byResource: ReadonlyMap<string, ServedKind> = new Map(
  servedKinds.map((served) => [`${apiVersionOf(served.kind)}/${served.kind.plural}`, served]),
);

/** The kind behind `/apis/<group>/<version>/<plural>`; undefined when there is none. */
export function servedKindOf(
  group: string,
  version: string,
  plural: string,
): ServedKind | undefined {
  return byResource.get(`${apiVersionOf({ group, version })}/${plural}`);
}
