/** Pod (core/v1). */
import { forbidden, required } from "../field-error.ts";
import type { Pod } from "../gen/core/pod.gen.ts";
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import {
  formatted,
  integer,
  list,
  listByKey,
  mergedList,
  object,
  oneOf,
  opaque,
  text,
  time,
} from "../schema/build.ts";
import { sameJson } from "../schema/json.ts";
import { builtInKind, statusCondition } from "./built-in-kind.ts";
import { containerStatus } from "./container.ts";
import { podSpec, podSpecTypes } from "./pod-spec.ts";

const condition = statusCondition("A condition of the pod.");
const podIp = object("An address of the pod.", { ip: formatted("ip", "The address.") }, ["ip"]);
const hostIp = object("An address of the node.", { ip: formatted("ip", "The address.") }, ["ip"]);

const phase = oneOf("Where the pod is in its life.", [
  "Pending",
  "Running",
  "Succeeded",
  "Failed",
  "Unknown",
]);

/** Named parts of the schema, for the generated types. */
export const podTypes: Readonly<Record<string, JsonSchema>> = {
  PodCondition: condition,
  PodPhase: phase,
  PodIp: podIp,
  ...podSpecTypes,
};

const statuses = (description: string): JsonSchema =>
  list(description, containerStatus, 256, { "x-kubernetes-list-type": "atomic" });

const status = object(
  "What was observed last.",
  {
    observedGeneration: integer("The metadata.generation that was seen.", [
      0,
      Number.MAX_SAFE_INTEGER,
    ]),
    phase,
    conditions: mergedList(
      "Conditions of the pod; Ready is the one that counts.",
      "type",
      condition,
      64,
    ),
    message: text("Why the pod is in its phase, for people."),
    reason: text("Why the pod is in its phase, as one word."),
    nominatedNodeName: text("Node that the pod may get by displacing others."),
    hostIP: formatted("ip", "Address of the node."),
    hostIPs: listByKey("Addresses of the node.", "ip", hostIp, 16),
    podIP: formatted("ip", "First address of the pod."),
    podIPs: listByKey("Addresses of the pod, one per family.", "ip", podIp, 2),
    startTime: time("When the node accepted the pod."),
    initContainerStatuses: statuses("What was observed of init containers."),
    containerStatuses: statuses("What was observed of containers."),
    qosClass: text("Class that follows from the resources."),
    ephemeralContainerStatuses: statuses("What was observed of ephemeral containers."),
    resize: text("State of a resize."),
    resourceClaimStatuses: list("Claims of dynamic resources.", opaque("A claim."), 64),
    extendedResourceClaimStatus: opaque("Claim of extended resources."),
  },
  [],
  { default: { phase: "Pending" } },
);

export const podKind: ResourceKind<Pod> = builtInKind<Pod>({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  namespaced: true,
  description: "A Pod is a set of containers that share one network namespace and run on one node.",
  fields: { spec: podSpec, status },
  required: ["spec"],
  validate: ({ spec }) =>
    spec.containers.flatMap((container, i) =>
      container.image === undefined || container.image === ""
        ? [required(`spec.containers[${i}].image`, "is missing")]
        : [],
    ),
  validateUpdate: (next, previous) => changeErrors(next, previous),
});

/** Fields of a running pod that may change (Kubernetes' ValidatePodUpdate). */
const mutable: ReadonlySet<string> = new Set([
  "activeDeadlineSeconds",
  "terminationGracePeriodSeconds",
  "tolerations",
  "schedulingGates",
  "ephemeralContainers",
]);

function changeErrors(next: Pod, previous: Pod): FieldError[] {
  const before = new Map<string, unknown>(Object.entries(previous.spec));
  const after = new Map<string, unknown>(Object.entries(next.spec));
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter(
      (field) => !mutable.has(field) && !isAllowed(field, after.get(field), before.get(field)),
    )
    .map((field) => forbidden(`spec.${field}`, "pod updates may not change this field"));
}

function isAllowed(field: string, next: unknown, previous: unknown): boolean {
  if (field === "nodeName" && (previous === undefined || previous === "")) return true;
  return sameJson(withoutImages(field, next), withoutImages(field, previous));
}

/** Images of containers are the one part of them that may change. */
function withoutImages(field: string, value: unknown): unknown {
  if ((field !== "containers" && field !== "initContainers") || !Array.isArray(value)) {
    return value;
  }
  return value.map((each: object) => ({ ...each, image: "" }));
}
