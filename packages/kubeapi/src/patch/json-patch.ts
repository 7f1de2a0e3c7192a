/** JSON patch (RFC 6902), with limits on what a small patch can make of a small object. */
import fastJsonPatch, { type Operation } from "fast-json-patch";
import { isJsonObject } from "./json-value.ts";
import { PatchError } from "./patch-error.ts";

/** The limit of kube-apiserver. */
const operationsMax = 10_000;
/** Sum of the sizes of all copied values, as JSON text: repeated copies double what they copy. */
const copiedLengthMax = 3 * 1024 * 1024;

const verbs: ReadonlySet<unknown> = new Set(["add", "remove", "replace", "move", "copy", "test"]);

/** The target with the patch applied; neither argument changes. @throws PatchError */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  const operations = parseOperations(patch);
  let document: unknown = fastJsonPatch.deepClone(target);
  let copied = 0;
  for (const [i, operation] of operations.entries()) {
    if (operation.op === "copy") {
      copied += lengthAt(document, operation.from);
      if (copied > copiedLengthMax) {
        throw refusal("too-large", `copies more than ${copiedLengthMax} characters`);
      }
    }
    document = applyOne(document, operation, i);
  }
  return document;
}

function parseOperations(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw refusal("malformed", "want an array of operations");
  if (patch.length > operationsMax) {
    throw refusal("too-large", `${patch.length} operations, want at most ${operationsMax}`);
  }
  for (const [i, operation] of patch.entries()) {
    if (!isOperation(operation)) {
      throw refusal("malformed", `operation ${i}, want op, path and what op needs (RFC 6902)`);
    }
  }
  return patch;
}

function isOperation(value: unknown): value is Operation {
  if (!isJsonObject(value) || !verbs.has(value["op"]) || !isPointer(value["path"])) return false;
  const op = value["op"];
  if (op === "move" || op === "copy") return isPointer(value["from"]);
  return op === "remove" || Object.hasOwn(value, "value");
}

/** RFC 6901: empty, or slashes before every token. */
function isPointer(value: unknown): boolean {
  return typeof value === "string" && (value === "" || value.startsWith("/"));
}

function lengthAt(document: unknown, pointer: string): number {
  const value: unknown = fastJsonPatch.getValueByPointer(document, pointer);
  return value === undefined ? 0 : JSON.stringify(value).length;
}

function applyOne(document: unknown, operation: Operation, index: number): unknown {
  try {
    return fastJsonPatch.applyOperation(document, operation, true, true, true, index).newDocument;
  } catch (error) {
    if (!(error instanceof fastJsonPatch.JsonPatchError) && !(error instanceof TypeError))
      throw error;
    const isTest = error.name === "TEST_OPERATION_FAILED";
    const what = `operation ${index} (${operation.op} ${operation.path})`;
    throw isTest
      ? refusal("test-failed", `${what}: the value differs`, error)
      : refusal("not-applicable", `${what}: ${reasonOf(error)}`, error);
  }
}

function reasonOf(error: Error): string {
  return (error.message.split("\n")[0] as string).slice(0, 200);
}

function refusal(
  code: "malformed" | "test-failed" | "not-applicable" | "too-large",
  why: string,
  cause?: unknown,
): PatchError {
  return new PatchError(code, "JSON", why, cause);
}
