/**
 * What every store does to an object before keeping it: defaults, then validation. Order of the
 * checks: identity and metadata, unknown fields, structure, and only when all of that holds the
 * rules of the kind.
 */
import { invalid } from "./field-error.ts";
import { apiVersionOf, type FieldError, type ResourceKind } from "./kind.ts";
import type { KubeObject } from "./meta.ts";
import { metadataErrors, metadataUpdateErrors } from "./metadata.ts";
import { withDefaults } from "./schema/defaults.ts";
import { duplicateKeys } from "./schema/list-keys.ts";
import { objectMetaSchema } from "./schema/object-meta.ts";
import { compileSchema, structuralErrors } from "./schema/structure.ts";
import { prune, unknownFields } from "./schema/unknown-fields.ts";

/** An object as people write it: fields with defaults may be absent, at any depth. */
export type Undefaulted<T> = T extends readonly (infer Item)[]
  ? readonly Undefaulted<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]?: Undefaulted<T[Field]> }
    : T;

/**
 * The object with the defaults of its kind. The result has the type of the kind but only `validate`
 * proves it: wrong types and missing fields pass through.
 */
export function defaulted<T extends KubeObject>(
  kind: ResourceKind<T>,
  object: Undefaulted<T> & KubeObject,
): T {
  return filled(kind, object as T);
}

/**
 * The rules of a kind see objects with all defaults, also when a caller skipped them or an object
 * was stored before a field existed.
 */
function filled<T extends KubeObject>(kind: ResourceKind<T>, object: T): T {
  const metadata = withDefaults(objectMetaSchema, object.metadata);
  const result = withDefaults(kind.schema, object);
  return metadata === object.metadata ? result : { ...result, metadata };
}

/**
 * Makes the validators of these kinds ahead of their first use, which would hold up whoever comes
 * first: a server calls it before it listens.
 */
export function compileKinds(kinds: Iterable<ResourceKind>): void {
  compileSchema(objectMetaSchema);
  for (const { schema } of kinds) compileSchema(schema);
}

/** What is wrong with an object by itself. Empty when nothing is. */
export function validate<T extends KubeObject>(kind: ResourceKind<T>, object: T): FieldError[] {
  const broken = shapeErrors(kind, object);
  return broken.length > 0 ? broken : [...kind.validate(filled(kind, object))];
}

/**
 * What is wrong with `next`, by itself or as a change of `previous`, which is a stored and
 * therefore valid object. Callers need no {@link validate} beside it.
 */
export function validateUpdate<T extends KubeObject>(
  kind: ResourceKind<T>,
  next: T,
  previous: T,
): FieldError[] {
  const broken = shapeErrors(kind, next);
  if (broken.length > 0) return broken;
  const after = filled(kind, next);
  return [
    ...metadataUpdateErrors(next.metadata, previous.metadata),
    ...kind.validateUpdate(after, filled(kind, previous)),
    ...kind.validate(after),
  ];
}

/** Everything that must be right before the rules of a kind can look at an object. */
function shapeErrors(kind: ResourceKind, object: KubeObject): FieldError[] {
  return [
    ...unknownFieldsOf(kind, object),
    ...identityErrors(kind, object),
    ...structuralErrors(kind.schema, object),
    ...duplicateKeys(kind.schema, object),
    ...metadataErrors(kind, object.metadata),
  ];
}

/**
 * The object without fields that its kind does not have: what lenient callers do before
 * {@link validate}, after asking {@link unknownFieldsOf} what they drop.
 */
export function pruned<T extends KubeObject>(kind: ResourceKind<T>, object: T): T {
  const metadata = prune(objectMetaSchema, object.metadata);
  const kept = prune(kind.schema, object);
  return metadata === object.metadata ? kept : { ...kept, metadata };
}

/** One error per field that the kind does not have, with the name that was probably meant. */
export function unknownFieldsOf(kind: ResourceKind, object: KubeObject): FieldError[] {
  return [
    ...unknownFields(objectMetaSchema, object.metadata, "metadata"),
    ...unknownFields(kind.schema, object),
  ];
}

function identityErrors(kind: ResourceKind, object: KubeObject): FieldError[] {
  const apiVersion = apiVersionOf(kind);
  const errors: FieldError[] = [];
  if (object.apiVersion !== apiVersion) {
    errors.push(invalid("apiVersion", object.apiVersion, `want ${apiVersion}`));
  }
  if (object.kind !== kind.kind) errors.push(invalid("kind", object.kind, `want ${kind.kind}`));
  return errors;
}
