/**
 * Patches of the REST API by media type. Server-side apply is another thing: it needs managed
 * fields.
 */
import { type KubeObject, objectMetaSchema, type ResourceKind } from "@heddle/api";
import { jsonPatch } from "./json-patch.ts";
import { isJsonObject, type JsonObject } from "./json-value.ts";
import { mergePatch } from "./merge-patch.ts";
import { PatchError } from "./patch-error.ts";
import { strategicMergePatch } from "./strategic-merge-patch.ts";

export const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
] as const;

export type PatchType = (typeof patchTypes)[number];

/** The media type without parameters when it is a patch type. */
export function parsePatchType(contentType: string): PatchType | undefined {
  const name = contentType.split(";")[0]?.trim().toLowerCase();
  return patchTypes.find((type) => type === name);
}

/**
 * The object with the patch applied. The result is still to be defaulted and validated; only that
 * it is an object with metadata is certain.
 * @throws PatchError
 */
export function applyPatch(
  type: PatchType,
  kind: ResourceKind,
  object: KubeObject,
  patch: unknown,
): KubeObject {
  const result = patched(type, kind, object, patch);
  if (isKubeObject(result)) return result;
  throw new PatchError("not-applicable", "the", "the result has no apiVersion, kind and metadata");
}

function patched(type: PatchType, kind: ResourceKind, object: KubeObject, patch: unknown): unknown {
  if (type === "application/json-patch+json") return jsonPatch(object, patch);
  if (!isJsonObject(patch)) throw new PatchError("malformed", "merge", "want a JSON object");
  if (type === "application/merge-patch+json") return mergePatch(object, patch);
  return strategicMergePatch(schemaWithMetadata(kind), { ...object }, patch);
}

function schemaWithMetadata({ schema }: ResourceKind): ResourceKind["schema"] {
  return { ...schema, properties: { ...schema.properties, metadata: objectMetaSchema } };
}

function isKubeObject(value: unknown): value is JsonObject & KubeObject {
  return (
    isJsonObject(value) &&
    typeof value["apiVersion"] === "string" &&
    typeof value["kind"] === "string" &&
    isJsonObject(value["metadata"])
  );
}
