/**
 * Messages of Kubernetes' own protocol buffers (k8s.io/api generated.proto) that clients send to
 * create objects: since 1.32 kubectl does it for built-in kinds. A field that is not listed makes
 * the decoder refuse the body, so nothing that a client meant is lost.
 */

export type FieldType =
  | "string"
  | "bytes"
  | "integer"
  | "boolean"
  | "time"
  | "quantity"
  | "intOrString"
  | "strings"
  | "stringMap"
  | "bytesMap"
  | "quantityMap"
  /** What a server ignores. */
  | "ignored"
  | { readonly message: Message }
  | { readonly list: Message };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** A zero value means something; other fields are sent always and mean nothing when zero. */
  readonly hasPresence?: boolean;
}

/** Fields by number. */
export type Message = Readonly<Record<number, Field>>;

function string(name: string): Field {
  return { name, type: "string" };
}

function field(name: string, type: FieldType): Field {
  return { name, type };
}

function optional(name: string, type: FieldType): Field {
  return { name, type, hasPresence: true };
}

function message(name: string, fields: Message): Field {
  return { name, type: { message: fields }, hasPresence: true };
}

function list(name: string, fields: Message): Field {
  return { name, type: { list: fields } };
}

const ownerReference: Message = {
  1: string("kind"),
  3: string("name"),
  4: string("uid"),
  5: string("apiVersion"),
  6: optional("controller", "boolean"),
  7: optional("blockOwnerDeletion", "boolean"),
};

const objectMeta: Message = {
  1: string("name"),
  2: string("generateName"),
  3: string("namespace"),
  4: field("selfLink", "ignored"),
  5: string("uid"),
  6: string("resourceVersion"),
  7: field("generation", "integer"),
  8: field("creationTimestamp", "time"),
  9: field("deletionTimestamp", "time"),
  10: optional("deletionGracePeriodSeconds", "integer"),
  11: field("labels", "stringMap"),
  12: field("annotations", "stringMap"),
  13: list("ownerReferences", ownerReference),
  14: field("finalizers", "strings"),
  17: field("managedFields", "ignored"),
};

const metadata: Field = { name: "metadata", type: { message: objectMeta }, hasPresence: true };
const status: Field = field("status", "ignored");

const servicePort: Message = {
  1: string("name"),
  2: string("protocol"),
  3: field("port", "integer"),
  4: field("targetPort", "intOrString"),
  5: field("nodePort", "integer"),
  6: optional("appProtocol", "string"),
};

const serviceSpec: Message = {
  1: list("ports", servicePort),
  2: field("selector", "stringMap"),
  3: string("clusterIP"),
  4: string("type"),
  5: field("externalIPs", "strings"),
  7: string("sessionAffinity"),
  8: string("loadBalancerIP"),
  9: field("loadBalancerSourceRanges", "strings"),
  10: string("externalName"),
  11: string("externalTrafficPolicy"),
  12: field("healthCheckNodePort", "integer"),
  13: field("publishNotReadyAddresses", "boolean"),
  17: optional("ipFamilyPolicy", "string"),
  18: field("clusterIPs", "strings"),
  19: field("ipFamilies", "strings"),
  20: optional("allocateLoadBalancerNodePorts", "boolean"),
  21: optional("loadBalancerClass", "string"),
  22: optional("internalTrafficPolicy", "string"),
};

const containerPort: Message = {
  1: string("name"),
  2: field("hostPort", "integer"),
  3: field("containerPort", "integer"),
  4: string("protocol"),
  5: string("hostIP"),
};

const container: Message = {
  1: string("name"),
  2: string("image"),
  3: field("command", "strings"),
  4: field("args", "strings"),
  5: string("workingDir"),
  6: list("ports", containerPort),
  7: list("env", { 1: string("name"), 2: string("value") }),
  8: field("resources", {
    message: { 1: field("limits", "quantityMap"), 2: field("requests", "quantityMap") },
  }),
  13: string("terminationMessagePath"),
  14: string("imagePullPolicy"),
  16: field("stdin", "boolean"),
  17: field("stdinOnce", "boolean"),
  18: field("tty", "boolean"),
  20: string("terminationMessagePolicy"),
};

const podSpec: Message = {
  2: list("containers", container),
  3: string("restartPolicy"),
  4: optional("terminationGracePeriodSeconds", "integer"),
  5: optional("activeDeadlineSeconds", "integer"),
  6: string("dnsPolicy"),
  7: field("nodeSelector", "stringMap"),
  8: string("serviceAccountName"),
  9: string("serviceAccount"),
  10: string("nodeName"),
  11: field("hostNetwork", "boolean"),
  12: field("hostPID", "boolean"),
  13: field("hostIPC", "boolean"),
  16: string("hostname"),
  17: string("subdomain"),
  19: string("schedulerName"),
  20: list("initContainers", container),
  21: optional("automountServiceAccountToken", "boolean"),
  24: string("priorityClassName"),
};

const labelSelector: Message = {
  1: field("matchLabels", "stringMap"),
  2: list("matchExpressions", {
    1: string("key"),
    2: string("operator"),
    3: field("values", "strings"),
  }),
};

const rollingUpdate: Message = {
  1: field("maxUnavailable", "intOrString"),
  2: field("maxSurge", "intOrString"),
};

const deploymentSpec: Message = {
  1: optional("replicas", "integer"),
  2: message("selector", labelSelector),
  3: message("template", { 1: metadata, 2: message("spec", podSpec) }),
  4: field("strategy", {
    message: { 1: string("type"), 2: message("rollingUpdate", rollingUpdate) },
  }),
  5: field("minReadySeconds", "integer"),
  6: optional("revisionHistoryLimit", "integer"),
  7: field("paused", "boolean"),
  9: optional("progressDeadlineSeconds", "integer"),
};

const resourceAttributes: Message = {
  1: string("namespace"),
  2: string("verb"),
  3: string("group"),
  4: string("version"),
  5: string("resource"),
  6: string("subresource"),
  7: string("name"),
};

const accessReviewSpec: Message = {
  1: message("resourceAttributes", resourceAttributes),
  2: message("nonResourceAttributes", { 1: string("path"), 2: string("verb") }),
};

/** Objects by `apiVersion kind`. */
export const messages: ReadonlyMap<string, Message> = new Map<string, Message>([
  [
    "v1 Namespace",
    { 1: metadata, 2: message("spec", { 1: field("finalizers", "strings") }), 3: status },
  ],
  [
    "v1 ConfigMap",
    {
      1: metadata,
      2: field("data", "stringMap"),
      3: field("binaryData", "bytesMap"),
      4: optional("immutable", "boolean"),
    },
  ],
  [
    "v1 Secret",
    {
      1: metadata,
      2: field("data", "bytesMap"),
      3: string("type"),
      4: field("stringData", "stringMap"),
      5: optional("immutable", "boolean"),
    },
  ],
  ["v1 Service", { 1: metadata, 2: message("spec", serviceSpec), 3: status }],
  ["v1 Pod", { 1: metadata, 2: message("spec", podSpec), 3: status }],
  ["apps/v1 Deployment", { 1: metadata, 2: message("spec", deploymentSpec), 3: status }],
  [
    "authorization.k8s.io/v1 SelfSubjectAccessReview",
    { 1: metadata, 2: message("spec", accessReviewSpec), 3: status },
  ],
  ["authentication.k8s.io/v1 SelfSubjectReview", { 1: metadata, 2: status }],
]);
