/** Deployment (apps/v1). */
import { invalid } from "../field-error.ts";
import type { Deployment } from "../gen/core/deployment.gen.ts";
import type { JsonSchema, ResourceKind } from "../kind.ts";
import { matchesLabels } from "../labels.ts";
import { boolean, integer, intOrString, mergedList, object, oneOf } from "../schema/build.ts";
import { sameJson } from "../schema/json.ts";
import { labelSelector } from "../schema/shared.ts";
import { builtInKind, statusCondition } from "./built-in-kind.ts";
import { podSpec, podSpecTypes, podTemplate } from "./pod-spec.ts";

const int32 = (description: string, fallback?: number): JsonSchema =>
  integer(description, [0, 0x7fffffff], fallback === undefined ? {} : { default: fallback });

const condition = statusCondition("A condition of the deployment.");

/** Named parts of the schema, for the generated types. */
export const deploymentTypes: Readonly<Record<string, JsonSchema>> = {
  DeploymentCondition: condition,
  PodTemplate: podTemplate,
  PodTemplateSpec: podSpec,
  ...podSpecTypes,
};

const strategy = object(
  "How pods are replaced.",
  {
    type: oneOf("The strategy.", ["RollingUpdate", "Recreate"], { default: "RollingUpdate" }),
    rollingUpdate: object("Settings of RollingUpdate.", {
      maxUnavailable: intOrString("Pods that may be missing.", { default: "25%" }),
      maxSurge: intOrString("Pods that may be too many.", { default: "25%" }),
    }),
  },
  [],
  { default: {} },
);

const spec = object(
  "Wanted pods.",
  {
    replicas: int32("Number of pods.", 1),
    selector: labelSelector("Labels of the pods; those of the template."),
    template: podTemplate,
    strategy,
    minReadySeconds: int32("Time that a pod must be ready to count as available."),
    revisionHistoryLimit: int32("Old versions that are kept.", 10),
    paused: boolean("Changes wait."),
    progressDeadlineSeconds: int32("Time after which a change counts as failed.", 600),
  },
  ["selector", "template"],
);

const status = object("What was observed last.", {
  observedGeneration: integer("The metadata.generation that was seen.", [
    0,
    Number.MAX_SAFE_INTEGER,
  ]),
  replicas: int32("Number of pods."),
  updatedReplicas: int32("Number of pods of the current template."),
  readyReplicas: int32("Number of ready pods."),
  availableReplicas: int32("Number of available pods."),
  unavailableReplicas: int32("Number of missing pods."),
  terminatingReplicas: int32("Number of ending pods."),
  conditions: mergedList("Conditions of the deployment.", "type", condition, 64),
  collisionCount: int32("Number of hash collisions."),
});

export const deploymentKind: ResourceKind<Deployment> = builtInKind<Deployment>({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  namespaced: true,
  description: "A Deployment keeps a number of equal pods running.",
  fields: { spec, status },
  required: ["spec"],
  validate: ({ spec: { selector, template } }) =>
    matchesLabels(selector, template.metadata?.labels)
      ? []
      : [
          invalid(
            "spec.template.metadata.labels",
            template.metadata?.labels,
            "`selector` does not match template `labels`",
          ),
        ],
  validateUpdate: (next, previous) =>
    sameJson(next.spec.selector, previous.spec.selector)
      ? []
      : [invalid("spec.selector", next.spec.selector, "field is immutable")],
});
