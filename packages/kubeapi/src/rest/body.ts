/** Bodies: JSON in UTF-8; for some objects protocol buffers. */
import { StatusError } from "@heddle/kube";
import { decodeObject, protobufMediaType } from "../protobuf/decode-object.ts";
import type { ApiRequest } from "./api-request.ts";
import { isJsonType } from "./media-type.ts";

const depthMax = 128;

/** Like {@link readJson}; built-in kinds may also come as protocol buffers. */
export async function readObject(request: ApiRequest): Promise<unknown> {
  const type = request.contentType?.split(";")[0]?.trim().toLowerCase();
  if (type !== protobufMediaType) return readJson(request);
  return decodeObject(await request.readBody());
}

/**
 * The JSON value of the body; undefined for none. @throws StatusError BadRequest,
 * UnsupportedMediaType
 */
export async function readJson(request: ApiRequest): Promise<unknown> {
  if (!isJsonType(request.contentType)) {
    const found = JSON.stringify(request.contentType?.slice(0, 100));
    throw new StatusError(
      "UnsupportedMediaType",
      `Cannot read body: its media type is ${found}, want application/json`,
    );
  }
  return parseJson(await request.readBody());
}

/** @throws StatusError BadRequest */
export function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : "not JSON";
    throw new StatusError("BadRequest", `Cannot read body: ${why}`, { cause: error });
  }
  checkShape(value, 0);
  return value;
}

/** A key that would change what an object inherits is no field of any kind. */
function checkShape(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === depthMax) {
    throw new StatusError("BadRequest", `Cannot read body: deeper than ${depthMax} levels`);
  }
  if (Object.hasOwn(value, "__proto__")) {
    throw new StatusError("BadRequest", "Cannot read body: found key __proto__, want none of it");
  }
  for (const field of Object.values(value)) checkShape(field, depth + 1);
}
