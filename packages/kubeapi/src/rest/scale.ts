/**
 * The scale subresource (autoscaling/v1 Scale): the number of replicas, apart from the rest of an
 * object.
 */
import type { KubeObject, ResourceKind } from "@heddle/api";
import { StatusError } from "@heddle/kube";
import type { ScalePaths } from "../core-kinds/served-kinds.ts";
import { isJsonObject } from "../patch/json-value.ts";

const replicasMax = 0x7fff_ffff;

export function scaleOf(object: KubeObject, paths: ScalePaths): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  const selector = selectorText(valueAt(object, paths.selector));
  const scale = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: JSON.parse(JSON.stringify(metadata)),
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status: { replicas: numberAt(object, paths.statusReplicas), ...selector },
  };
  return scale;
}

/** The object with the wanted replicas of `scale`. @throws StatusError Invalid */
export function scaled(
  kind: ResourceKind,
  object: KubeObject,
  scale: unknown,
  paths: ScalePaths,
): KubeObject {
  const replicas = valueAt(scale, ["spec", "replicas"]);
  if (
    typeof replicas !== "number" ||
    !Number.isInteger(replicas) ||
    replicas < 0 ||
    replicas > replicasMax
  ) {
    const message = `Scale ${JSON.stringify(object.metadata.name)} is invalid: spec.replicas: Invalid value: ${JSON.stringify(replicas)}: want a whole number from 0`;
    throw new StatusError("Invalid", message);
  }
  const resourceVersion = valueAt(scale, ["metadata", "resourceVersion"]);
  const { resourceVersion: _, ...metadata } = object.metadata;
  const expected = typeof resourceVersion === "string" ? { resourceVersion } : {};
  const next = withValueAt(object, paths.specReplicas, replicas);
  if (!isJsonObject(next)) throw new StatusError("Invalid", `${kind.kind} has no replicas`);
  return { ...object, ...next, metadata: { ...metadata, ...expected } };
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let at = root;
  for (const step of path) {
    if (!isJsonObject(at)) return undefined;
    at = at[step];
  }
  return at;
}

function numberAt(root: unknown, path: readonly string[]): number {
  const value = valueAt(root, path);
  return typeof value === "number" ? value : 0;
}

function withValueAt(root: unknown, [step, ...rest]: readonly string[], value: unknown): unknown {
  if (step === undefined) return value;
  const record = isJsonObject(root) ? root : {};
  return { ...record, [step]: withValueAt(record[step], rest, value) };
}

function selectorText(selector: unknown): { readonly selector?: string } {
  const labels = valueAt(selector, ["matchLabels"]);
  if (!isJsonObject(labels)) return {};
  const terms = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return { selector: terms.join(",") };
}
