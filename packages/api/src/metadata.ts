/** Rules of `metadata` (Kubernetes' ValidateObjectMeta): names, labels, annotations, finalizers. */
import { forbidden, invalid, required } from "./field-error.ts";
import type { FieldError, ResourceKind } from "./kind.ts";
import type { ObjectMeta } from "./meta.ts";
import { isJsonObject } from "./schema/json.ts";
import { objectMetaSchema } from "./schema/object-meta.ts";
import { structuralErrors } from "./schema/structure.ts";

/** Sum of the sizes of all keys and values, as Kubernetes limits it. */
const annotationBytesMax = 256 * 1024;

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedPart = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

/**
 * What is wrong with an RFC 1123 subdomain, such as the name of most objects; undefined when
 * nothing is.
 */
export function subdomainProblem(text: string): string | undefined {
  return text.length <= 253 && subdomain.test(text)
    ? undefined
    : "want an RFC 1123 subdomain: at most 253 of a-z, 0-9, '-' and '.', alphanumeric at both ends";
}

/**
 * What is wrong with an RFC 1123 label, such as the name of a Namespace; undefined when nothing is.
 */
export function labelProblem(text: string): string | undefined {
  return text.length <= 63 && label.test(text)
    ? undefined
    : "want an RFC 1123 label: at most 63 of a-z, 0-9 and '-', alphanumeric at both ends";
}

/** What is wrong with a label key: a name of at most 63 characters, with an optional DNS prefix. */
export function labelKeyProblem(text: string): string | undefined {
  const slash = text.indexOf("/");
  const name = text.slice(slash + 1);
  const prefixOk = slash < 0 || subdomainProblem(text.slice(0, slash)) === undefined;
  return prefixOk && name.length <= 63 && qualifiedPart.test(name)
    ? undefined
    : "want name or prefix/name, at most 63 of A-Z, a-z, 0-9, '-', '_' and '.' in the name";
}

/** What is wrong with a label value; undefined when nothing is. */
export function labelValueProblem(text: string): string | undefined {
  return text === "" || (text.length <= 63 && qualifiedPart.test(text))
    ? undefined
    : "want at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', alphanumeric at both ends";
}

export function metadataErrors(kind: ResourceKind, metadata: ObjectMeta): FieldError[] {
  if (!isJsonObject(metadata)) return [required("metadata", "is missing")];
  const structure = structuralErrors(objectMetaSchema, metadata).map((error) => ({
    ...error,
    path: `metadata.${error.path}`,
  }));
  if (structure.length > 0) return structure;
  return [
    ...nameErrors(metadata),
    ...namespaceErrors(kind, metadata),
    ...labelErrors(metadata),
    ...annotationErrors(metadata),
    ...finalizerErrors(metadata),
  ];
}

/** Identity never changes; finalizers are not added to an object that is being deleted. */
export function metadataUpdateErrors(next: ObjectMeta, previous: ObjectMeta): FieldError[] {
  const fixed = ["name", "namespace", "uid", "creationTimestamp"] as const;
  const changed = fixed
    .filter((field) => next[field] !== undefined && next[field] !== previous[field])
    .map((field) => invalid(`metadata.${field}`, next[field], "field is immutable"));
  if (previous.deletionTimestamp === undefined || next.finalizers === undefined) return changed;
  const added = next.finalizers.filter((name) => previous.finalizers?.includes(name) !== true);
  return added.length === 0
    ? changed
    : [
        ...changed,
        forbidden(
          "metadata.finalizers",
          `no finalizer may be added while deleting: ${added.join(", ")}`,
        ),
      ];
}

function nameErrors({ name, generateName }: ObjectMeta): FieldError[] {
  if (name === undefined || name === "") {
    return generateName === undefined || generateName === ""
      ? [required("metadata.name", "name or generateName is required")]
      : [];
  }
  return problem("metadata.name", name, subdomainProblem(name));
}

function namespaceErrors(kind: ResourceKind, { namespace }: ObjectMeta): FieldError[] {
  const given = namespace !== undefined && namespace !== "";
  if (!kind.namespaced) {
    return given ? [forbidden("metadata.namespace", `${kind.kind} has no namespace`)] : [];
  }
  if (!given) return [required("metadata.namespace", `${kind.kind} needs a namespace`)];
  return problem("metadata.namespace", namespace, labelProblem(namespace));
}

function labelErrors({ labels }: ObjectMeta): FieldError[] {
  if (labels === undefined) return [];
  return Object.entries(labels).flatMap(([key, value]) => [
    ...problem("metadata.labels", key, labelKeyProblem(key)),
    ...problem(`metadata.labels[${key}]`, value, labelValueProblem(value)),
  ]);
}

function annotationErrors({ annotations }: ObjectMeta): FieldError[] {
  if (annotations === undefined) return [];
  const entries = Object.entries(annotations);
  const bytes = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  const errors = entries.flatMap(([key]) =>
    problem("metadata.annotations", key, labelKeyProblem(key.toLowerCase())),
  );
  if (bytes <= annotationBytesMax) return errors;
  const message = `${bytes} bytes, want at most ${annotationBytesMax}`;
  return [...errors, { path: "metadata.annotations", reason: "TooMany", message }];
}

function finalizerErrors({ finalizers }: ObjectMeta): FieldError[] {
  if (finalizers === undefined) return [];
  return finalizers.flatMap((name, i) =>
    problem(`metadata.finalizers[${i}]`, name, labelKeyProblem(name)),
  );
}

function problem(path: string, found: string, message: string | undefined): FieldError[] {
  return message === undefined ? [] : [invalid(path, found, message)];
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
