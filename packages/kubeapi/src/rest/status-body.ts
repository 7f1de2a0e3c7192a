/** metav1.Status: what a refusal, and a deletion, looks like on the wire. */
import type { KubeObject, ResourceKind } from "@heddle/api";
import { StatusError, type StatusSubject } from "@heddle/kube";
import { PatchError } from "../patch/patch-error.ts";

/** Causes beyond these are counted, not shown. */
const causesMax = 50;

/** @param route what the request was about, where the error does not say */
export function failureStatus(error: StatusError, route?: Partial<StatusSubject>): object {
  const { causes, subject = route } = error;
  const shown = causes.slice(0, causesMax);
  const details = {
    ...(subject?.name === undefined ? {} : { name: subject.name }),
    ...(subject?.kind === undefined
      ? {}
      : {
          group: subject.kind.group,
          // An invalid object is told of by its kind, everything else by its resource.
          kind: error.reason === "Invalid" ? subject.kind.kind : subject.kind.plural,
        }),
    ...(shown.length === 0 ? {} : { causes: shown }),
    ...(error.reason === "TooManyRequests" ? { retryAfterSeconds: 1 } : {}),
  };
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: error.message,
    reason: error.reason,
    details,
    code: error.status,
  };
}

export function deletedStatus(kind: ResourceKind, object: KubeObject): object {
  const { name, uid } = object.metadata;
  const details = { name, group: kind.group, kind: kind.plural, uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

/** Errors of a request as refusals; undefined for what is a fault of the server. */
export function refusalOf(error: unknown): StatusError | undefined {
  if (error instanceof StatusError) return error;
  if (!(error instanceof PatchError)) return undefined;
  const reason = { malformed: "BadRequest", "too-large": "RequestEntityTooLarge" } as const;
  const known = error.code === "malformed" || error.code === "too-large";
  return new StatusError(known ? reason[error.code] : "Invalid", error.message, { cause: error });
}
