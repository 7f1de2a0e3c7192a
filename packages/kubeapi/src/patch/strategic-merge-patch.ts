/**
 * Strategic merge patch: a merge patch in which the schema says how arrays merge
 * (kubernetes/community sig-api-machinery/strategic-merge-patch.md). Directives: `$patch` (replace,
 * merge, delete), `$deleteFromPrimitiveList/F`, `$setElementOrder/F` and `$retainKeys`. Directives
 * are understood at any depth and never end up in the result.
 */
import type { JsonSchema } from "@heddle/api";
import { fieldSchemaOf } from "./field-schema.ts";
import { isJsonObject, type JsonObject, objectOf } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";

const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

/** The target with the patch applied; neither argument changes. @throws PatchError */
export function strategicMergePatch(
  schema: JsonSchema | undefined,
  target: JsonObject,
  patch: JsonObject,
): JsonObject {
  return mergeObject(schema, target, patch, "");
}

function mergeObject(
  schema: JsonSchema | undefined,
  target: JsonObject,
  patch: JsonObject,
  path: string,
): JsonObject {
  const directive = directiveOf(patch, path);
  if (directive === "delete") return {};
  const base = directive === "replace" ? {} : target;
  const fields = new Map(Object.entries(retained(base, patch, path)));
  deleteFromPrimitiveLists(fields, patch, path);
  for (const [name, value] of Object.entries(patch)) {
    if (name.startsWith("$")) continue;
    const at = path === "" ? name : `${path}.${name}`;
    if (value === null) {
      fields.delete(name);
      continue;
    }
    const order = patch[`${orderPrefix}${name}`];
    const next = mergeField(fieldSchemaOf(schema, name), fields.get(name), value, order, at);
    fields.set(name, next);
  }
  reorderUntouched(schema, fields, patch, path);
  return objectOf(fields);
}

function mergeField(
  schema: JsonSchema | undefined,
  target: unknown,
  value: unknown,
  order: unknown,
  path: string,
): unknown {
  if (isJsonObject(value)) {
    const isReplaced = schema?.["x-kubernetes-patch-strategy"] === "replace";
    const base = isJsonObject(target) && !isReplaced ? target : {};
    return mergeObject(schema, base, value, path);
  }
  if (!Array.isArray(value)) return value;
  const base: readonly unknown[] = Array.isArray(target) ? target : [];
  if (schema?.["x-kubernetes-patch-strategy"] !== "merge") {
    return value.map((item) => withoutDirectives(schema?.items, item, path));
  }
  const key = schema["x-kubernetes-patch-merge-key"];
  const merged =
    key === undefined
      ? [...base, ...value.filter((item) => !base.includes(item))]
      : mergeByKey(schema, base, value, key, path);
  return order === undefined ? merged : ordered(merged, base, orderOf(order, path), key);
}

/** Elements that no list merges still may hold directives of nested objects. */
function withoutDirectives(schema: JsonSchema | undefined, item: unknown, path: string): unknown {
  return isJsonObject(item) ? mergeObject(schema, {}, item, path) : item;
}

function mergeByKey(
  schema: JsonSchema,
  target: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  path: string,
): readonly unknown[] {
  const items = patch.map((item) => keyedItem(item, key, path));
  const replaces = items.some((item) => item["$patch"] === "replace");
  let result: readonly unknown[] = replaces ? [] : target;
  for (const item of items) {
    // An element with this directive speaks about the list and is none of its elements.
    if (item["$patch"] === "replace") continue;
    result = mergeItem(schema, result, item, key, path);
  }
  return result;
}

function keyedItem(item: unknown, key: string, path: string): JsonObject {
  if (!isJsonObject(item)) throw malformed(path, `an element is no object, want one with ${key}`);
  if (item[key] !== undefined || item["$patch"] === "replace") return item;
  throw malformed(path, `an element has no ${key}, which elements are merged by`);
}

function mergeItem(
  schema: JsonSchema,
  list: readonly unknown[],
  item: JsonObject,
  key: string,
  path: string,
): readonly unknown[] {
  const isSame = (other: unknown): boolean => isJsonObject(other) && other[key] === item[key];
  const at = list.findIndex(isSame);
  if (directiveOf(item, path) === "delete") return list.filter((other) => !isSame(other));
  const previous = list[at];
  const base = isJsonObject(previous) ? previous : {};
  const merged = mergeObject(schema.items, base, item, path);
  return at < 0 ? [...list, merged] : list.with(at, merged);
}

/**
 * Elements that the order names stand in that order; the others keep their places among those that
 * both lists know, as kubectl computed them.
 */
function ordered(
  merged: readonly unknown[],
  original: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const idOf = (item: unknown): unknown =>
    key !== undefined && isJsonObject(item) ? item[key] : item;
  const wanted = order.map(idOf);
  const originalIds = original.map(idOf);
  const named = merged
    .filter((item) => wanted.includes(idOf(item)))
    .sort((a, b) => wanted.indexOf(idOf(a)) - wanted.indexOf(idOf(b)));
  const others = merged.filter((item) => !wanted.includes(idOf(item)));
  const result: unknown[] = [];
  while (named.length > 0 && others.length > 0) {
    const other = originalIds.indexOf(idOf(others[0]));
    const next = originalIds.indexOf(idOf(named[0]));
    const takeOther = other >= 0 && next >= 0 && other < next;
    result.push(takeOther ? others.shift() : named.shift());
  }
  return [...result, ...others, ...named];
}

function orderOf(order: unknown, path: string): readonly unknown[] {
  if (Array.isArray(order)) return order;
  throw malformed(path, "$setElementOrder, want an array");
}

/** An order may stand alone, for a list whose elements the patch does not touch. */
function reorderUntouched(
  schema: JsonSchema | undefined,
  fields: Map<string, unknown>,
  patch: JsonObject,
  path: string,
): void {
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(orderPrefix)) continue;
    const field = name.slice(orderPrefix.length);
    const list = fields.get(field);
    if (patch[field] !== undefined || !Array.isArray(list)) continue;
    const key = fieldSchemaOf(schema, field)?.["x-kubernetes-patch-merge-key"];
    fields.set(field, ordered(list, list, orderOf(order, path), key));
  }
}

function deleteFromPrimitiveLists(
  fields: Map<string, unknown>,
  patch: JsonObject,
  path: string,
): void {
  for (const [name, values] of Object.entries(patch)) {
    if (!name.startsWith(deletePrefix)) continue;
    if (!Array.isArray(values)) throw malformed(path, `${name}, want an array`);
    const field = name.slice(deletePrefix.length);
    const list = fields.get(field);
    if (!Array.isArray(list)) continue;
    fields.set(
      field,
      list.filter((item) => !values.includes(item)),
    );
  }
}

/** `$retainKeys` drops the fields of a union that the patch does not name. */
function retained(target: JsonObject, patch: JsonObject, path: string): JsonObject {
  const keys = patch["$retainKeys"];
  if (keys === undefined) return target;
  if (!Array.isArray(keys)) throw malformed(path, "$retainKeys, want an array");
  return objectOf(Object.entries(target).filter(([name]) => keys.includes(name)));
}

function directiveOf(patch: JsonObject, path: string): "replace" | "merge" | "delete" {
  const directive = patch["$patch"];
  switch (directive) {
    case undefined:
      return "merge";
    case "replace":
    case "merge":
    case "delete":
      return directive;
    default:
      throw malformed(path, `$patch ${JSON.stringify(directive)}, want replace, merge or delete`);
  }
}

function malformed(path: string, why: string): PatchError {
  return new PatchError("malformed", "strategic merge", `${path === "" ? "" : `${path}: `}${why}`);
}
