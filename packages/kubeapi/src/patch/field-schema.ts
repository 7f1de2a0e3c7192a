/** The schema below a schema, for code that walks an object and its schema together. */
import type { JsonSchema } from "@heddle/api";

/** The schema of a field, named or free; undefined where the schema says nothing. */
export function fieldSchemaOf(
  schema: JsonSchema | undefined,
  name: string,
): JsonSchema | undefined {
  if (schema === undefined) return undefined;
  const { properties, additionalProperties } = schema;
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}
