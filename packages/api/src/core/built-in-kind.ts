/**
 * The kinds that Kubernetes defines and Heddle reads or serves. Their schemas name the fields of
 * Kubernetes' API with descriptions of our own; parts that nothing here reads are kept as they
 * come.
 */
import type { FieldError, JsonSchema, ResourceKind } from "../kind.ts";
import type { KubeObject } from "../meta.ts";
import { object, text } from "../schema/build.ts";

export interface BuiltInSource<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** Members of the category all are what `kubectl get all` shows. */
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  readonly description: string;
  /** Fields beside apiVersion, kind and metadata. */
  readonly fields: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly validate?: (object: T) => readonly FieldError[];
  readonly validateUpdate?: (next: T, previous: T) => readonly FieldError[];
}

export function builtInKind<T extends KubeObject>(source: BuiltInSource<T>): ResourceKind<T> {
  const { group, version, kind, plural, shortNames, categories, namespaced } = source;
  const noErrors = (): readonly FieldError[] => [];
  return {
    group,
    version,
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames,
    categories: categories === undefined ? [] : categories,
    namespaced,
    hasStatus: source.fields["status"] !== undefined,
    schema: schemaOf(source),
    printerColumns: [],
    validate: source.validate === undefined ? noErrors : source.validate,
    validateUpdate: source.validateUpdate === undefined ? noErrors : source.validateUpdate,
  };
}

function schemaOf<T extends KubeObject>(source: BuiltInSource<T>): JsonSchema {
  const fields = {
    apiVersion: text("Version of the schema of this object."),
    kind: text("Kind of this object."),
    metadata: { type: "object", description: "Standard object metadata." } as const,
    ...source.fields,
  };
  return object(source.description, fields, source.required);
}

/** A condition in the looser form of the older built-in kinds. */
export function statusCondition(description: string): JsonSchema {
  return object(
    description,
    {
      type: text("What the condition is about."),
      status: text("True, False or Unknown."),
      observedGeneration: {
        type: "integer",
        format: "int64",
        description: "The metadata.generation that the condition was computed from.",
      },
      lastProbeTime: text("When the condition was last looked at.", { format: "date-time" }),
      lastHeartbeatTime: text("When the condition was last reported.", { format: "date-time" }),
      lastUpdateTime: text("When the condition was last written.", { format: "date-time" }),
      lastTransitionTime: text("When status last changed.", { format: "date-time" }),
      reason: text("Why, as one word for programs."),
      message: text("Why, for people."),
    },
    ["type", "status"],
  );
}
