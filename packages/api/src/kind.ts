/**
 * What the rest of the house knows about a kind: its names, its schema, its rules. One descriptor
 * per kind drives defaulting, validation, the CRD, discovery, tables, OpenAPI and the reference
 * documents.
 */
import type { KubeObject } from "./meta.ts";

/** A field that is wrong, in the words of Kubernetes' field.Error. */
export interface FieldError {
  /** Path of the field: `spec.cidrs[0]`. */
  readonly path: string;
  readonly reason: "Required" | "Invalid" | "NotSupported" | "Duplicate" | "Forbidden" | "TooMany";
  /** What was found, when that says something. */
  readonly found?: unknown;
  /** What is wrong and what is wanted. */
  readonly message: string;
}

/** A column of `kubectl get` (CRD additionalPrinterColumns). */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** JSON path below the object: `.spec.cidr`, `.status.conditions[?(@.type=="Ready")].status`. */
  readonly jsonPath: string;
  readonly description?: string;
  /** 0 shows always; above 0 only with `-o wide`. */
  readonly priority?: number;
}

/** An OpenAPI v3 structural schema (apiextensions.k8s.io/v1 JSONSchemaProps); plain JSON. */
export interface JsonSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly nullable?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-patch-strategy"?: "merge" | "replace";
  readonly "x-kubernetes-patch-merge-key"?: string;
}

export interface ResourceKind<T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Status is written only through the status subresource. */
  readonly hasStatus: boolean;
  /** Schema of the whole object; metadata is opaque in it. */
  readonly schema: JsonSchema;
  readonly printerColumns: readonly PrinterColumn[];
  /**
   * Rules that a schema cannot say: cross-field, address arithmetic. Called only on schema-valid
   * objects. A method and not a property, so that a kind of one type fits into a table of all
   * kinds.
   */
  validate(object: T): readonly FieldError[];
  /** Rules for a change: immutable fields. Called only on schema-valid objects. */
  validateUpdate(next: T, previous: T): readonly FieldError[];
}

/** `heddle.io/v1alpha1`, or `v1` for the core group. */
export function apiVersionOf(kind: Pick<ResourceKind, "group" | "version">): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}
