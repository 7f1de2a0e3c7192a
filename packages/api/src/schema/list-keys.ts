/** Uniqueness of the keys of arrays that are maps (`x-kubernetes-list-type: map`). */
import { duplicate } from "../field-error.ts";
import type { FieldError, JsonSchema } from "../kind.ts";
import { isJsonObject } from "./json.ts";
import { fieldSchema } from "./unknown-fields.ts";

/** One error per element whose keys an earlier element of the same array has. */
export function duplicateKeys(schema: JsonSchema, value: unknown, path = ""): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return [];
    const inner = value.flatMap((item, i) => duplicateKeys(items, item, `${path}[${i}]`));
    return [...repeatedKeys(schema, value, path), ...inner];
  }
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, field]) => {
    const known = fieldSchema(schema, name);
    if (known === undefined) return [];
    return duplicateKeys(known, field, path === "" ? name : `${path}.${name}`);
  });
}

function repeatedKeys(schema: JsonSchema, items: readonly unknown[], path: string): FieldError[] {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] !== "map" || keys === undefined) return [];
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    if (!isJsonObject(item)) return [];
    const key = Object.fromEntries(keys.map((name) => [name, item[name]]));
    const shown = JSON.stringify(key);
    if (!seen.has(shown)) {
      seen.add(shown);
      return [];
    }
    return [duplicate(`${path}[${i}]`, key)];
  });
}
