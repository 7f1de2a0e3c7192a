/**
 * What every kind of group heddle.io has in common: version, status, conditions, category and the
 * Age column.
 */
import type { FieldError, JsonSchema, PrinterColumn, ResourceKind } from "../kind.ts";
import type { KubeObject } from "../meta.ts";
import { object, text } from "../schema/build.ts";
import { conditions } from "../schema/shared.ts";

export const heddleGroup = "heddle.io";
export const heddleVersion = "v1alpha1";

export interface KindSource<T extends KubeObject> {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** What the kind is for; the first line of `kubectl explain`. */
  readonly description: string;
  readonly spec: JsonSchema;
  /** Fields of status beside conditions. */
  readonly status: Readonly<Record<string, JsonSchema>>;
  readonly printerColumns: readonly PrinterColumn[];
  readonly validate: (object: T) => readonly FieldError[];
  readonly validateUpdate: (next: T, previous: T) => readonly FieldError[];
}

export function heddleKind<T extends KubeObject>(source: KindSource<T>): ResourceKind<T> {
  const { kind, plural, shortNames, namespaced, validate, validateUpdate } = source;
  return {
    group: heddleGroup,
    version: heddleVersion,
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames,
    categories: ["heddle"],
    namespaced,
    hasStatus: true,
    schema: schemaOf(source),
    printerColumns: [...source.printerColumns, ageColumn],
    validate,
    validateUpdate,
  };
}

const ageColumn: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

/** The column of the Ready condition. */
export const readyColumn: PrinterColumn = {
  name: "Ready",
  type: "string",
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: "Whether the object does what its spec asks for.",
};

function schemaOf<T extends KubeObject>(source: KindSource<T>): JsonSchema {
  const allOptional = source.spec.required === undefined;
  return object(
    source.description,
    {
      apiVersion: text("Version of the schema of this object: heddle.io/v1alpha1."),
      kind: text(`The kind of this object: ${source.kind}.`),
      metadata: { type: "object", description: "Standard object metadata." },
      spec: allOptional ? { ...source.spec, default: {} } : source.spec,
      status: object(
        "What controllers observed last. Written only through the status subresource.",
        {
          conditions,
          ...source.status,
        },
      ),
    },
    allOptional ? [] : ["spec"],
  );
}
