/** JSON values as patches see them. */

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object from fields; `__proto__` becomes an ordinary field. */
export function objectOf(fields: Iterable<readonly [string, unknown]>): JsonObject {
  return Object.fromEntries(fields);
}
