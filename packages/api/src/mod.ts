/**
 * The resource model: every kind of the API with its types, defaults and rules.
 * @module
 */
export type { FieldError, JsonSchema, PrinterColumn, ResourceKind } from "./kind.ts";
export { apiVersionOf } from "./kind.ts";
export type { Condition, KubeObject, ObjectMeta, OwnerReference } from "./meta.ts";
