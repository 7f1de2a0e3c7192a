/** How objects are named in a store. */
import type { KubeObject, ResourceKind } from "@heddle/api";
import { StatusError } from "./status-error.ts";
import type { ObjectRef } from "./store.ts";

/** A revision in decimal. @throws StatusError BadRequest */
export function parseRevision(text: string): number {
  const revision = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(revision)) return revision;
  throw new StatusError(
    "BadRequest",
    `Invalid value: ${JSON.stringify(text)}: not a resource version`,
  );
}

export function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return namespace === undefined ? { name } : { name, namespace };
}

/** `namespace/name`. @throws StatusError BadRequest when the namespace does not fit the kind. */
export function keyOf(kind: ResourceKind, { name, namespace = "" }: ObjectRef): string {
  if (name === undefined || name === "") {
    throw new StatusError("BadRequest", `Cannot find ${kind.kind}: no name, want metadata.name`);
  }
  if (kind.namespaced === (namespace === "")) {
    const want = kind.namespaced ? "a namespace" : "none, it belongs to the cluster";
    const found = namespace === "" ? "no namespace" : `namespace ${JSON.stringify(namespace)}`;
    throw new StatusError(
      "BadRequest",
      `Cannot find ${kind.kind} ${JSON.stringify(name)}: ${found}, want ${want}`,
    );
  }
  return `${namespace}/${name}`;
}
