/**
 * Defaulting by schema, as apiextensions does it: an absent field gets the default of its schema,
 * and what is there is defaulted inside. A null where the schema allows none counts as absent;
 * clients written in Go send such nulls (`creationTimestamp: null`).
 */
import type { JsonSchema } from "../kind.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { fieldSchema } from "./unknown-fields.ts";

/** `value` with defaults filled in; the same object when nothing was missing. */
export function withDefaults<T>(schema: JsonSchema, value: T): T;
export function withDefaults(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    const filled = value.map((item: unknown) => withDefaults(items, item));
    return filled.every((item, i) => item === value[i]) ? value : filled;
  }
  return isJsonObject(value) ? defaultObject(schema, value) : value;
}

function defaultObject(schema: JsonSchema, value: JsonObject): JsonObject {
  const result = new Map<string, unknown>();
  let changed = false;
  for (const [name, field] of Object.entries(value)) {
    const known = fieldSchema(schema, name);
    if (field === null && known !== undefined && known.nullable !== true) {
      changed = true;
      continue;
    }
    const next = known === undefined ? field : withDefaults(known, field);
    result.set(name, next);
    changed ||= next !== field;
  }
  for (const [name, field] of Object.entries(propertiesOf(schema))) {
    if (field.default === undefined || result.has(name)) continue;
    result.set(name, withDefaults(field, field.default));
    changed = true;
  }
  // fromEntries defines fields one by one: a field named __proto__ stays an ordinary field.
  return changed ? Object.fromEntries(result) : value;
}

function propertiesOf(schema: JsonSchema): Readonly<Record<string, JsonSchema>> {
  return schema.properties === undefined ? {} : schema.properties;
}
