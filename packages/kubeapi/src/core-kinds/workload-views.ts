/** Columns of the built-in kinds about workloads and nodes. */
import type { Deployment, Event, Lease, Namespace, Node } from "@heddle/api";
import { formatAge } from "../table/age.ts";
import { ageColumn, column, nameColumn, type TableView } from "../table/columns.ts";
import { ageOf, blank, formatSelector, joined, none } from "./cells.ts";

const wide = { wide: true };

export const namespaceView: TableView<Namespace> = {
  columns: [nameColumn, column("Status", "Active, or Terminating."), ageColumn],
  cells: (namespace, nowMs) => [
    namespace.metadata.name,
    namespace.status?.phase ?? "Active",
    ageOf(namespace, nowMs),
  ],
};

export const nodeView: TableView<Node> = {
  columns: [
    nameColumn,
    column("Status", "Whether the node is ready, and takes new pods."),
    column("Roles", "Roles of the node, from its labels."),
    ageColumn,
    column("Version", "Version of the node agent."),
    column("Internal-IP", "Address of the node inside.", wide),
    column("External-IP", "Address of the node outside.", wide),
    column("OS-Image", "Operating system of the node.", wide),
    column("Kernel-Version", "Kernel of the node.", wide),
    column("Container-Runtime", "Container runtime of the node.", wide),
  ],
  cells: (node, nowMs) => [
    node.metadata.name,
    nodeStatus(node),
    nodeRoles(node),
    ageOf(node, nowMs),
    blank(node.status?.nodeInfo?.kubeletVersion),
    nodeAddress(node, "InternalIP"),
    nodeAddress(node, "ExternalIP"),
    node.status?.nodeInfo?.osImage ?? "<unknown>",
    node.status?.nodeInfo?.kernelVersion ?? "<unknown>",
    node.status?.nodeInfo?.containerRuntimeVersion ?? "<unknown>",
  ],
};

function nodeStatus(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === "Ready");
  const state = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec.unschedulable === true ? `${state},SchedulingDisabled` : state;
}

const rolePrefix = "node-role.kubernetes.io/";

function nodeRoles({ metadata: { labels } }: Node): string {
  const keys = labels === undefined ? [] : Object.keys(labels);
  const roles = keys.filter((key) => key.startsWith(rolePrefix));
  return joined(roles.map((key) => key.slice(rolePrefix.length)).sort());
}

function nodeAddress(node: Node, type: string): string {
  return none(node.status?.addresses?.find((address) => address.type === type)?.address);
}

export const deploymentView: TableView<Deployment> = {
  columns: [
    nameColumn,
    column("Ready", "Number of ready pods of the wanted ones."),
    column("Up-to-date", "Number of pods of the current template."),
    column("Available", "Number of available pods."),
    ageColumn,
    column("Containers", "Names of the containers.", wide),
    column("Images", "Images of the containers.", wide),
    column("Selector", "Labels of the pods.", wide),
  ],
  cells: ({ metadata, spec, status }, nowMs) => [
    metadata.name,
    `${status?.readyReplicas ?? 0}/${spec.replicas}`,
    status?.updatedReplicas ?? 0,
    status?.availableReplicas ?? 0,
    formatAge(metadata.creationTimestamp, nowMs),
    joined(spec.template.spec.containers.map(({ name }) => name)),
    joined(spec.template.spec.containers.map(({ image }) => none(image))),
    formatSelector(spec.selector),
  ],
};

export const leaseView: TableView<Lease> = {
  columns: [nameColumn, column("Holder", "Who holds the lease."), ageColumn],
  cells: (lease, nowMs) => [
    lease.metadata.name,
    blank(lease.spec.holderIdentity),
    ageOf(lease, nowMs),
  ],
};

export const eventView: TableView<Event> = {
  columns: [
    column("Last Seen", "Time since it last happened."),
    column("Type", "Normal or Warning."),
    column("Reason", "What happened, as one word."),
    column("Object", "The object that it happened to."),
    column("Subobject", "The part of the object.", wide),
    column("Source", "Who saw it.", wide),
    column("Message", "What happened."),
    column("First Seen", "Time since it first happened.", wide),
    column("Count", "How often it happened.", { type: "integer", wide: true }),
    { ...nameColumn, priority: 1 },
  ],
  cells: (event, nowMs) => {
    const first = event.firstTimestamp ?? event.eventTime;
    return [
      formatAge(event.series?.lastObservedTime ?? event.lastTimestamp ?? first, nowMs),
      blank(event.type),
      blank(event.reason),
      `${event.involvedObject.kind?.toLowerCase()}/${event.involvedObject.name}`,
      blank(event.involvedObject.fieldPath),
      sourceOf(event),
      blank(event.message).trim(),
      formatAge(first, nowMs),
      event.series?.count ?? event.count ?? 1,
      event.metadata.name,
    ];
  },
};

function sourceOf({ source, reportingComponent, reportingInstance }: Event): string {
  const names = [source?.component ?? reportingComponent, source?.host ?? reportingInstance];
  return names.filter((name) => name !== undefined && name !== "").join(", ");
}
