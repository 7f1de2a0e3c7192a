/**
 * Words to write a structural schema with. Each returns plain JSON Schema data; a kind's source
 * composes them. Every field carries a description, because `kubectl explain` and the reference
 * show nothing else.
 */
import type { JsonSchema } from "../kind.ts";

/** What a field may carry beside its type and description. */
export type Rules = Omit<JsonSchema, "type" | "description" | "properties" | "items">;

export function text(description: string, rules: Rules = {}): JsonSchema {
  return { type: "string", description, ...rules };
}

/** A string in one of the formats of `formats.ts`. */
export function formatted(format: string, description: string, rules: Rules = {}): JsonSchema {
  return { type: "string", description, format, ...rules };
}

/** The name of another object: an RFC 1123 subdomain. */
export function nameOf(kind: string, description: string, rules: Rules = {}): JsonSchema {
  const article = /^[AEIO]/.test(kind) ? "an" : "a";
  return text(`${description} (the name of ${article} ${kind}).`, {
    minLength: 1,
    maxLength: 253,
    ...rules,
  });
}

/** An integer; `range` is inclusive. Above 2^31-1 the OpenAPI format is int64. */
export function integer(
  description: string,
  range: readonly [min: number, max: number],
  rules: Rules = {},
): JsonSchema {
  const format = range[1] > 0x7fffffff ? "int64" : "int32";
  return {
    type: "integer",
    description,
    format,
    minimum: range[0],
    maximum: range[1],
    ...rules,
  };
}

/** An AS number in asplain (RFC 5396). */
export function asn(description: string, rules: Rules = {}): JsonSchema {
  return integer(description, [1, 0xffffffff], rules);
}

export function boolean(description: string, rules: Rules = {}): JsonSchema {
  return { type: "boolean", description, ...rules };
}

/** A closed set of words. */
export function oneOf(
  description: string,
  values: readonly string[],
  rules: Rules = {},
): JsonSchema {
  return { type: "string", description, enum: values, ...rules };
}

export function list(
  description: string,
  items: JsonSchema,
  maxItems: number,
  rules: Rules = {},
): JsonSchema {
  return { type: "array", description, items, maxItems, ...rules };
}

/** An array in which `key` is unique: patches and `kubectl apply` merge it element by element. */
export function listByKey(
  description: string,
  key: string,
  items: JsonSchema,
  maxItems: number,
  rules: Rules = {},
): JsonSchema {
  return list(description, items, maxItems, {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": [key],
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": key,
    ...rules,
  });
}

export function object(
  description: string,
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[] = [],
  rules: Rules = {},
): JsonSchema {
  const needed = required.length === 0 ? {} : { required };
  return { type: "object", description, ...needed, ...rules, properties };
}

/** Free keys, values of one schema. */
export function mapOf(description: string, value: JsonSchema, rules: Rules = {}): JsonSchema {
  return { type: "object", description, additionalProperties: value, ...rules };
}

/**
 * An object whose fields are kept as they are: the parts of built-in kinds that nothing here reads.
 */
export function opaque(description: string, rules: Rules = {}): JsonSchema {
  return { type: "object", description, "x-kubernetes-preserve-unknown-fields": true, ...rules };
}

/** A number or a string: a port by number or name, a count or a percentage. */
export function intOrString(description: string, rules: Rules = {}): JsonSchema {
  return { description, "x-kubernetes-int-or-string": true, ...rules };
}

/** An amount with an optional suffix (resource.Quantity): `250m`, `1Gi`, `2`. */
export function quantity(description: string): JsonSchema {
  return { description, format: "quantity" };
}

/** RFC 3339. */
export function time(description: string): JsonSchema {
  return text(description, { format: "date-time" });
}

/** An array whose elements patches merge by `key`, though the key need not be unique. */
export function mergedList(
  description: string,
  key: string,
  items: JsonSchema,
  maxItems: number,
  rules: Rules = {},
): JsonSchema {
  return list(description, items, maxItems, {
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": key,
    ...rules,
  });
}
