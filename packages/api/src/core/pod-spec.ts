/** PodSpec (core/v1): what a pod runs, alone or as the template of a workload. */
import type { JsonSchema } from "../kind.ts";
import {
  boolean,
  integer,
  list,
  mapOf,
  mergedList,
  object,
  oneOf,
  opaque,
  quantity,
  text,
} from "../schema/build.ts";
import { objectMetaSchema } from "../schema/object-meta.ts";
import { container, containerTypes } from "./container.ts";

const toleration = object("A taint that the pod tolerates.", {
  key: text("Key of the taint; all when empty."),
  operator: oneOf("How value relates.", ["Exists", "Equal"]),
  value: text("Value of the taint."),
  effect: text("Effect of the taint; all when empty."),
  tolerationSeconds: integer("How long a NoExecute taint is tolerated.", [
    Number.MIN_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
  ]),
});

const volume = opaque("A volume: a name and its source.", {
  required: ["name"],
});

const int64 = (description: string): JsonSchema =>
  integer(description, [0, Number.MAX_SAFE_INTEGER]);

export const podSpec: JsonSchema = object(
  "What the pod runs, and where.",
  {
    volumes: mergedList(
      "Volumes that containers can mount.",
      "name",
      {
        ...volume,
        properties: { name: text("Name of the volume.", { minLength: 1, maxLength: 63 }) },
      },
      256,
    ),
    initContainers: mergedList("Containers that run to their end first.", "name", container, 64),
    containers: mergedList("Containers of the pod.", "name", container, 256, { minItems: 1 }),
    ephemeralContainers: mergedList(
      "Containers for debugging.",
      "name",
      opaque("A container."),
      64,
    ),
    restartPolicy: oneOf("When ended containers start again.", ["Always", "OnFailure", "Never"], {
      default: "Always",
    }),
    terminationGracePeriodSeconds: integer(
      "Time that the pod has to end gracefully.",
      [0, Number.MAX_SAFE_INTEGER],
      { default: 30 },
    ),
    activeDeadlineSeconds: int64("Time that the pod may run."),
    dnsPolicy: oneOf(
      "How names are resolved.",
      ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
      { default: "ClusterFirst" },
    ),
    nodeSelector: mapOf("Labels that the node must have.", text("A label value."), {
      "x-kubernetes-map-type": "atomic",
    }),
    serviceAccountName: text("Service account of the pod."),
    serviceAccount: text("Old name of serviceAccountName."),
    automountServiceAccountToken: boolean("Mount the token of the service account."),
    nodeName: text("Node that the pod runs on; set by the scheduler.", { maxLength: 253 }),
    hostNetwork: boolean("Use the network of the node; such pods have no Port."),
    hostPID: boolean("Use the process ids of the node."),
    hostIPC: boolean("Use the IPC namespace of the node."),
    hostUsers: boolean("Use the user namespace of the node."),
    hostnameOverride: text("Host name inside the pod, in place of every other."),
    shareProcessNamespace: boolean("Containers see each other's processes."),
    securityContext: opaque("Privileges of all containers."),
    imagePullSecrets: mergedList("Secrets for registries.", "name", opaque("A reference."), 64),
    hostname: text("Host name inside the pod.", { maxLength: 63 }),
    subdomain: text("Domain of the host name.", { maxLength: 63 }),
    affinity: opaque("Preferences for nodes and other pods."),
    schedulerName: text("Scheduler that places the pod.", { default: "default-scheduler" }),
    tolerations: list("Taints that the pod tolerates.", toleration, 256),
    hostAliases: mergedList("Entries of /etc/hosts.", "ip", opaque("An entry."), 256),
    priorityClassName: text("Priority class of the pod."),
    priority: integer("Priority of the pod.", [-0x80000000, 0x7fffffff]),
    dnsConfig: opaque("Resolver settings of the pod."),
    readinessGates: list("Conditions that Ready waits for.", opaque("A condition type."), 64),
    runtimeClassName: text("Runtime class of the pod."),
    enableServiceLinks: boolean("Describe services in environment variables.", { default: true }),
    preemptionPolicy: text("Whether the pod may displace others."),
    overhead: mapOf("Resources of the sandbox.", quantity("An amount.")),
    topologySpreadConstraints: list("How pods spread.", opaque("A constraint."), 64),
    setHostnameAsFQDN: boolean("Use the full name as host name."),
    os: opaque("Operating system of the pod."),
    schedulingGates: list("What scheduling waits for.", opaque("A gate."), 64),
    resourceClaims: list("Claims of dynamic resources.", opaque("A claim."), 64),
    resources: opaque("Resources of all containers together."),
  },
  ["containers"],
);

export const podTemplate: JsonSchema = object(
  "The pods that the workload makes.",
  {
    metadata: objectMetaSchema,
    spec: podSpec,
  },
  ["spec"],
);

/** Named parts of the schemas, for the generated types. */
export const podSpecTypes: Readonly<Record<string, JsonSchema>> = {
  Toleration: toleration,
  ...containerTypes,
};
