/**
 * The answers of a store that says no, in the sentences Kubernetes uses (clients match on them).
 */
import type { ResourceKind } from "@heddle/api";
import { StatusError } from "./status-error.ts";

/**
 * `ports.heddle.io`, or `pods` for the core group: the name of a resource in messages and in
 * storage.
 */
export function resourceNameOf(kind: Pick<ResourceKind, "group" | "plural">): string {
  return kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
}

export function notFound(kind: ResourceKind, name: string): StatusError {
  const message = `${resourceNameOf(kind)} ${JSON.stringify(name)} not found`;
  return new StatusError("NotFound", message, { subject: { kind, name } });
}

export function alreadyExists(kind: ResourceKind, name: string): StatusError {
  const message = `${resourceNameOf(kind)} ${JSON.stringify(name)} already exists`;
  return new StatusError("AlreadyExists", message, { subject: { kind, name } });
}

export function conflict(kind: ResourceKind, name: string, why?: string): StatusError {
  const modified =
    "the object has been modified; please apply your changes to the latest version and try again";
  return new StatusError(
    "Conflict",
    `Operation cannot be fulfilled on ${resourceNameOf(kind)} ${JSON.stringify(name)}: ${why ?? modified}`,
    { subject: { kind, name } },
  );
}

export function expired(wantedRevision: number, compactedRevision: number): StatusError {
  return new StatusError(
    "Expired",
    `too old resource version: ${wantedRevision} (${compactedRevision + 1})`,
  );
}

/** A revision that this store has not given out. */
export function neverReached(wantedRevision: number, committedRevision: number): StatusError {
  return new StatusError(
    "Expired",
    `too large resource version: ${wantedRevision}, current: ${committedRevision}`,
  );
}

/** An object that breaks a rule of one field. */
export function invalidField(
  kind: ResourceKind,
  name: string,
  field: string,
  message: string,
  reason: "FieldValueInvalid" | "FieldValueRequired" | "FieldValueForbidden" = "FieldValueInvalid",
): StatusError {
  const causes = [{ reason, message, field }];
  const subject = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new StatusError(
    "Invalid",
    `${subject} ${JSON.stringify(name)} is invalid: ${field}: ${message}`,
    {
      causes,
    },
  );
}
