/**
 * What kube-apiserver fills in where a schema's defaults do not reach: values that follow from
 * other fields. Called after defaulting and before validation, for new and changed objects;
 * idempotent.
 */
import {
  type Container,
  type KubeObject,
  type Namespace,
  namespaceKind,
  type Pod,
  podKind,
  type ResourceKind,
  type Secret,
  type Service,
  secretKind,
  serviceKind,
} from "@heddle/api";
import { isJsonObject } from "../patch/json-value.ts";

type Preparer = (object: KubeObject) => KubeObject;

const preparers: ReadonlyMap<ResourceKind, Preparer> = new Map([
  preparer(namespaceKind, prepareNamespace),
  preparer(secretKind, prepareSecret),
  preparer(serviceKind, prepareService),
  preparer(podKind, preparePod),
]);

function preparer<T extends KubeObject>(
  kind: ResourceKind<T>,
  prepareOne: (object: T) => T,
): [ResourceKind, Preparer] {
  return [kind, (object) => prepareOne(object as T)];
}

/**
 * The object with derived values; objects that are not shaped like their kind come back as they
 * are.
 */
export function prepare(kind: ResourceKind, object: KubeObject): KubeObject {
  const run = preparers.get(kind);
  return run === undefined || !isJsonObject(object.metadata) ? object : run(object);
}

function prepareNamespace(namespace: Namespace): Namespace {
  const { metadata, status } = namespace;
  const labels = { ...metadata.labels, "kubernetes.io/metadata.name": metadata.name };
  const phase = metadata.deletionTimestamp === undefined ? "Active" : "Terminating";
  return { ...namespace, metadata: { ...metadata, labels }, status: { ...status, phase } };
}

/** `stringData` is for people who write; what is kept is `data`. */
function prepareSecret(secret: Secret): Secret {
  const { stringData, ...rest } = secret;
  if (!isJsonObject(stringData)) return secret;
  const encoded = Object.entries(stringData).map(([key, text]) => [
    key,
    Buffer.from(String(text), "utf8").toString("base64"),
  ]);
  return { ...rest, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

function prepareService(service: Service): Service {
  const ports: unknown = service.spec?.ports;
  if (!Array.isArray(ports)) return service;
  const filled = service.spec.ports?.map((port) =>
    isJsonObject(port) && port.targetPort === undefined && service.spec.clusterIP !== "None"
      ? { ...port, targetPort: port.port }
      : port,
  );
  return filled === undefined ? service : { ...service, spec: { ...service.spec, ports: filled } };
}

function preparePod(pod: Pod): Pod {
  const containers: unknown = pod.spec?.containers;
  if (!Array.isArray(containers) || !containers.every(isJsonObject)) return pod;
  if (pod.status?.qosClass !== undefined) return pod;
  const status = pod.status === undefined ? { phase: "Pending" as const } : pod.status;
  return { ...pod, status: { ...status, qosClass: qosClassOf(pod.spec.containers) } };
}

/** Kubernetes' GetPodQOS over CPU and memory of the containers. */
function qosClassOf(containers: readonly Container[]): string {
  const asks = containers.flatMap(({ resources }) =>
    ["cpu", "memory"].map((name) => ({
      request: resources?.requests?.[name],
      limit: resources?.limits?.[name],
    })),
  );
  const isUnset = asks.every(({ request, limit }) => request === undefined && limit === undefined);
  if (isUnset) return "BestEffort";
  const isEqual = asks.every(
    ({ request, limit }) => limit !== undefined && (request === undefined || request === limit),
  );
  return isEqual ? "Guaranteed" : "Burstable";
}
