/**
 * What happens to the metadata of an object on each kind of write, as Kubernetes' registry
 * strategies do it: status is written apart from the rest, generation counts changes of the desired
 * state, uid and creation time never change, finalizers hold a deletion back. Pure: time and
 * identity arrive as arguments.
 */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject, ObjectMeta, ResourceKind } from "@heddle/api";
import { conflict, invalidField } from "./refusals.ts";

/** An object seen as a JSON record. */
export type ObjectRecord = KubeObject & Readonly<Record<string, unknown>>;

/** Identity and time of a write. */
export interface WriteStamp {
  readonly uid: string;
  /** RFC 3339, UTC, whole seconds. */
  readonly now: string;
}

export function recordOf(object: KubeObject): ObjectRecord {
  return object as ObjectRecord;
}

/** A new object as it is stored, but for its revision. */
export function objectToCreate(
  kind: ResourceKind,
  input: KubeObject,
  stamp: WriteStamp,
): ObjectRecord {
  const { status: _status, ...rest } = recordOf(input);
  const {
    resourceVersion: _rv,
    deletionTimestamp: _dt,
    deletionGracePeriodSeconds: _dg,
    selfLink: _sl,
    ...metadata
  } = input.metadata as ObjectMeta & { readonly selfLink?: string };
  return {
    ...(kind.hasStatus ? rest : recordOf(input)),
    apiVersion: input.apiVersion,
    kind: input.kind,
    metadata: { ...metadata, uid: stamp.uid, creationTimestamp: stamp.now, generation: 1 },
  };
}

/**
 * `next` as it replaces `previous`: everything but status. Undefined when nothing changes.
 * @throws StatusError Conflict for another object of the same name, Invalid for a forbidden change.
 */
export function objectToUpdate(
  kind: ResourceKind,
  next: KubeObject,
  previous: KubeObject,
): ObjectRecord | undefined {
  checkIdentity(kind, next, previous);
  checkFinalizers(kind, next, previous);
  const { status: nextStatus, ...rest } = recordOf(next);
  const status = kind.hasStatus ? recordOf(previous)["status"] : nextStatus;
  const merged: ObjectRecord = {
    ...rest,
    apiVersion: next.apiVersion,
    kind: next.kind,
    metadata: carryMetadata(next.metadata, previous.metadata),
    ...(status === undefined ? {} : { status }),
  };
  if (isDeepStrictEqual(merged, recordOf(previous))) return undefined;
  return sameDesiredState(merged, previous) ? merged : withNextGeneration(merged);
}

/**
 * `previous` with the status of `next`. Undefined when nothing changes. @throws StatusError
 * Conflict
 */
export function objectToUpdateStatus(
  kind: ResourceKind,
  next: KubeObject,
  previous: KubeObject,
): ObjectRecord | undefined {
  checkIdentity(kind, next, previous);
  const status = recordOf(next)["status"];
  if (isDeepStrictEqual(status, recordOf(previous)["status"])) return undefined;
  return { ...recordOf(previous), status: status === undefined ? {} : status };
}

/** `previous` marked as being deleted. Undefined when it is marked already. */
export function objectToMarkDeleted(previous: KubeObject, now: string): ObjectRecord | undefined {
  if (previous.metadata.deletionTimestamp !== undefined) return undefined;
  return withNextGeneration({
    ...recordOf(previous),
    metadata: { ...previous.metadata, deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
  });
}

/** True when a finalizer keeps the object although its deletion was asked for. */
export function isHeld(object: KubeObject): boolean {
  const { finalizers } = object.metadata;
  return finalizers !== undefined && finalizers.length > 0;
}

/** True when the write that led to `object` was the last thing its deletion waited for. */
export function isReadyToRemove(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined && !isHeld(object);
}

export function withRevision(object: ObjectRecord, revision: number): ObjectRecord {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}

function withNextGeneration(object: ObjectRecord): ObjectRecord {
  const generation = (object.metadata.generation ?? 0) + 1;
  return { ...object, metadata: { ...object.metadata, generation } };
}

/** Metadata that the server owns comes from the stored object, whatever the client sent. */
function carryMetadata(next: ObjectMeta, previous: ObjectMeta): ObjectMeta {
  const {
    uid: _uid,
    resourceVersion: _rv,
    generation: _generation,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    generateName: _generateName,
    ...own
  } = next;
  const carried: Record<string, unknown> = {};
  for (const field of [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
  ] as const) {
    if (previous[field] !== undefined) carried[field] = previous[field];
  }
  return { ...own, ...carried };
}

function sameDesiredState(a: ObjectRecord, b: KubeObject): boolean {
  const { metadata: _ma, status: _sa, ...restA } = a;
  const { metadata: _mb, status: _sb, ...restB } = recordOf(b);
  return isDeepStrictEqual(restA, restB);
}

function checkIdentity(kind: ResourceKind, next: KubeObject, previous: KubeObject): void {
  const { uid, resourceVersion, name } = next.metadata;
  if (uid !== undefined && uid !== "" && uid !== previous.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`;
    throw conflict(kind, name, why);
  }
  if (
    resourceVersion !== undefined &&
    resourceVersion !== "" &&
    resourceVersion !== previous.metadata.resourceVersion
  ) {
    throw conflict(kind, name);
  }
}

function checkFinalizers(kind: ResourceKind, next: KubeObject, previous: KubeObject): void {
  if (previous.metadata.deletionTimestamp === undefined) return;
  const known = new Set(previous.metadata.finalizers);
  const added = next.metadata.finalizers?.filter((finalizer) => !known.has(finalizer));
  if (added !== undefined && added.length > 0) {
    const why = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
    throw invalidField(kind, next.metadata.name, "metadata.finalizers", why, "FieldValueForbidden");
  }
}
