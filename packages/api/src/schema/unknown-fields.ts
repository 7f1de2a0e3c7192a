/** Fields that a schema does not know: found for strict validation, dropped for lenient one. */
import type { FieldError, JsonSchema } from "../kind.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { nearest } from "./nearest.ts";

/**
 * One Forbidden error per unknown field, in document order. Values of the wrong type are skipped.
 */
export function unknownFields(schema: JsonSchema, value: unknown, path = ""): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    return value.flatMap((item, i) => unknownFields(items, item, `${path}[${i}]`));
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const known = fieldSchema(schema, name);
    if (known !== undefined) return unknownFields(known, field, at);
    return isOpen(schema) ? [] : [unknownField(schema, at, name)];
  });
}

/** `value` without unknown fields; the same object when there are none. */
export function prune<T>(schema: JsonSchema, value: T): T;
export function prune(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    const kept = value.map((item: unknown) => prune(items, item));
    return kept.every((item, i) => item === value[i]) ? value : kept;
  }
  return isJsonObject(value) ? pruneObject(schema, value) : value;
}

function pruneObject(schema: JsonSchema, value: JsonObject): JsonObject {
  const entries = Object.entries(value);
  const kept = entries.flatMap(([name, field]): [string, unknown][] => {
    const known = fieldSchema(schema, name);
    if (known !== undefined) return [[name, prune(known, field)]];
    return isOpen(schema) ? [[name, field]] : [];
  });
  const same =
    kept.length === entries.length && kept.every(([name, field]) => field === value[name]);
  return same ? value : Object.fromEntries(kept);
}

/** The schema of a field of an object, named or free. */
export function fieldSchema(schema: JsonSchema, name: string): JsonSchema | undefined {
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

/** Objects without any description of their fields are opaque (metadata); marked ones stay open. */
function isOpen(schema: JsonSchema): boolean {
  return (
    schema["x-kubernetes-preserve-unknown-fields"] === true ||
    schema.additionalProperties === true ||
    schema.properties === undefined
  );
}

function unknownField(schema: JsonSchema, path: string, name: string): FieldError {
  const names = schema.properties === undefined ? [] : Object.keys(schema.properties);
  const guess = nearest(name, names);
  const hint = guess === undefined ? "" : `, did you mean ${JSON.stringify(guess)}`;
  return { path, reason: "Forbidden", message: `unknown field ${JSON.stringify(name)}${hint}` };
}
