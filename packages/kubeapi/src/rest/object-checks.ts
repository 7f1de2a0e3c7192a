/**
 * From what a client sent to an object of a kind: the identity must fit the path, unknown fields
 * are refused, told of or dropped as the client wishes, and defaults are filled in.
 */
import {
  apiVersionOf,
  defaulted,
  type FieldError,
  formatFieldDetail,
  formatFieldError,
  type KubeObject,
  pruned,
  type ResourceKind,
  unknownFieldsOf,
} from "@heddle/api";
import { StatusError } from "@heddle/kube";
import { prepare } from "../core-kinds/prepare.ts";
import { isJsonObject } from "../patch/json-value.ts";

export const fieldValidations = ["Ignore", "Warn", "Strict"] as const;
export type FieldValidation = (typeof fieldValidations)[number];

/** Fields that are told of in one answer. */
const toldMax = 10;

/** What the request says about the object before its body does. */
export interface ExpectedIdentity {
  readonly kind: ResourceKind;
  readonly namespace: string | undefined;
  /** Absent when the object is created. */
  readonly name: string | undefined;
}

/** @throws StatusError BadRequest */
export function objectFromBody(body: unknown, expected: ExpectedIdentity): KubeObject {
  const { kind, namespace, name } = expected;
  if (!isJsonObject(body)) throw badRequest("Cannot read body: want a JSON object");
  const apiVersion = apiVersionOf(kind);
  checkWord("apiVersion", body["apiVersion"], apiVersion);
  checkWord("kind", body["kind"], kind.kind);
  const metadata = body["metadata"] === undefined ? {} : body["metadata"];
  if (!isJsonObject(metadata)) throw badRequest("Cannot read body: metadata is no object");
  const checked = { ...metadata, ...namespaceOf(kind, metadata["namespace"], namespace) };
  const object = {
    ...body,
    apiVersion,
    kind: kind.kind,
    metadata: { name: nameOf(metadata), ...checked },
  };
  if (name !== undefined && object.metadata.name !== name) {
    const found = `the name of the object (${object.metadata.name})`;
    throw badRequest(`${found} does not match the name on the URL (${name})`);
  }
  return object;
}

function checkWord(field: string, found: unknown, want: string): void {
  if (found === undefined) throw badRequest(`Object '${field}' is missing, want ${want}`);
  if (found === want) return;
  const shown = JSON.stringify(found).slice(0, 100);
  throw badRequest(
    `the ${field} in the data (${shown}) does not match the expected ${field} (${want})`,
  );
}

function nameOf(metadata: Readonly<Record<string, unknown>>): string {
  const { name } = metadata;
  if (name === undefined || name === null) return "";
  if (typeof name === "string") return name;
  throw badRequest("Cannot read body: metadata.name is no string");
}

function namespaceOf(
  kind: ResourceKind,
  found: unknown,
  want: string | undefined,
): { readonly namespace?: string } {
  if (found !== undefined && typeof found !== "string") {
    throw badRequest("Cannot read body: metadata.namespace is no string");
  }
  if (!kind.namespaced) return {};
  if (found === undefined || found === "") return want === undefined ? {} : { namespace: want };
  if (found === want) return { namespace: found };
  throw badRequest(
    "the namespace of the provided object does not match the namespace sent on the request",
  );
}

/**
 * The object without the fields that its kind does not have.
 * @param warn is told of each when the mode is Warn
 * @throws StatusError BadRequest when the mode is Strict
 */
export function withoutUnknownFields(
  kind: ResourceKind,
  object: KubeObject,
  mode: FieldValidation,
  warn: (text: string) => void,
): KubeObject {
  const unknown = mode === "Ignore" ? [] : unknownFieldsOf(kind, object);
  if (unknown.length > 0) {
    const told = unknown
      .slice(0, toldMax)
      .map(
        ({ path, message }) =>
          `unknown field ${JSON.stringify(path)}${message === "" ? "" : `: ${message}`}`,
      );
    if (unknown.length > toldMax) told.push(`${unknown.length - toldMax} more`);
    if (mode === "Strict") {
      const what = `${kind.kind} in version ${JSON.stringify(kind.version)}`;
      throw badRequest(
        `${what} cannot be handled as a ${kind.kind}: strict decoding error: ${told.join(", ")}`,
      );
    }
    for (const text of told) warn(text);
  }
  return pruned(kind, object);
}

/** The object with the defaults of its schema and the values that follow from others. */
export function completed(kind: ResourceKind, object: KubeObject): KubeObject {
  return prepare(kind, defaulted(kind, object));
}

/**
 * `Subnet.heddle.io "a" is invalid: spec.cidrs[0]: Invalid value: …` with a cause for each field.
 */
export function invalidObject(
  kind: ResourceKind,
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const subject = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const shown = errors.slice(0, toldMax).map(formatFieldError);
  if (errors.length > toldMax) shown.push(`${errors.length - toldMax} more`);
  const detail = shown.length === 1 ? shown[0] : `[${shown.join(", ")}]`;
  return new StatusError("Invalid", `${subject} ${JSON.stringify(name)} is invalid: ${detail}`, {
    subject: { kind, name },
    causes: errors.map((error) => ({
      reason: `FieldValue${error.reason}`,
      message: formatFieldDetail(error),
      field: error.path,
    })),
  });
}

function badRequest(message: string): StatusError {
  return new StatusError("BadRequest", message);
}
