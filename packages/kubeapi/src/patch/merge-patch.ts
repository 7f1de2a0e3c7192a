/** JSON merge patch (RFC 7386): null removes a field, objects merge, everything else replaces. */
import { isJsonObject, objectOf } from "./json-value.ts";

/** The target with the patch applied; neither argument changes. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const fields = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name);
    else fields.set(name, mergePatch(fields.get(name), value));
  }
  return objectOf(fields);
}
