/** What both OpenAPI documents share: names of definitions and the schemas of apimachinery. */
import { type JsonSchema, objectMetaSchema, type ResourceKind } from "@heddle/api";

/** Where kube-apiserver's documents have the definitions of a group. */
const packages: Readonly<Record<string, string>> = {
  "": "io.k8s.api.core",
  apps: "io.k8s.api.apps",
  "coordination.k8s.io": "io.k8s.api.coordination",
  "discovery.k8s.io": "io.k8s.api.discovery",
  "networking.k8s.io": "io.k8s.api.networking",
};

/** `io.k8s.api.core.v1.Pod`, `io.heddle.v1alpha1.Subnet`. */
export function definitionName({ group, version, kind }: ResourceKind): string {
  const known = packages[group];
  const prefix = known === undefined ? group.split(".").reverse().join(".") : known;
  return `${prefix}.${version}.${kind}`;
}

export const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1";

const text = (description: string): JsonSchema => ({ type: "string", description });

const listMetaSchema: JsonSchema = {
  type: "object",
  description: "Metadata of a list.",
  properties: {
    continue: text("Token with which the next part of the list is asked for."),
    remainingItemCount: {
      type: "integer",
      format: "int64",
      description: "Number of items that follow.",
    },
    resourceVersion: text("Revision of the list; a watch can start from it."),
    selfLink: text("Never set."),
  },
};

const deleteOptionsSchema: JsonSchema = {
  type: "object",
  description: "How an object is deleted.",
  properties: {
    apiVersion: text("Version of the schema of this object."),
    kind: text("Kind of this object."),
    dryRun: {
      type: "array",
      items: text("All."),
      description: "All: check everything, change nothing.",
    },
    gracePeriodSeconds: {
      type: "integer",
      format: "int64",
      description: "Time that the object has to end gracefully.",
    },
    orphanDependents: { type: "boolean", description: "Old name of propagationPolicy Orphan." },
    preconditions: {
      type: "object",
      description: "What must hold.",
      properties: {
        resourceVersion: text("The revision that the object must have."),
        uid: text("The uid that the object must have."),
      },
    },
    propagationPolicy: text("What happens to dependents: Orphan, Background or Foreground."),
  },
};

const statusSchema: JsonSchema = {
  type: "object",
  description: "Answer that is no object: a refusal, or the end of a deletion.",
  properties: {
    apiVersion: text("Version of the schema of this object."),
    kind: text("Kind of this object."),
    code: { type: "integer", format: "int32", description: "HTTP status code." },
    details: {
      type: "object",
      description: "What it is about.",
      "x-kubernetes-preserve-unknown-fields": true,
    },
    message: text("What happened, for people."),
    metadata: {
      type: "object",
      description: "Metadata of a list.",
      "x-kubernetes-preserve-unknown-fields": true,
    },
    reason: text("What happened, as one word."),
    status: text("Success or Failure."),
  },
};

const patchSchema: JsonSchema = { type: "object", description: "A patch of an object." };

/** Definitions of apimachinery, by the last part of their name. */
export const metaDefinitions: Readonly<Record<string, JsonSchema>> = {
  ObjectMeta: objectMetaSchema,
  ListMeta: listMetaSchema,
  DeleteOptions: deleteOptionsSchema,
  Status: statusSchema,
  Patch: patchSchema,
};

/** `x-kubernetes-group-version-kind` of a kind. */
export function groupVersionKind({ group, version, kind }: ResourceKind): object {
  return { group, kind, version };
}

/** Query parameters of operations that write; kubectl looks for dryRun and fieldValidation. */
export const writeParameters: readonly (readonly [name: string, description: string])[] = [
  ["dryRun", "All: check everything, change nothing."],
  ["fieldManager", "Name of the program that writes."],
  ["fieldValidation", "What unknown fields mean: Ignore, Warn or Strict."],
];

/** `/api/v1` or `/apis/<group>/<version>`. */
export function versionPath({ group, version }: Pick<ResourceKind, "group" | "version">): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** Paths of the objects of a kind: all of them, and one. */
export function kindPaths(kind: ResourceKind): { readonly all: string; readonly one: string } {
  const scope = kind.namespaced ? "/namespaces/{namespace}" : "";
  const all = `${versionPath(kind)}${scope}/${kind.plural}`;
  return { all, one: `${all}/{name}` };
}
