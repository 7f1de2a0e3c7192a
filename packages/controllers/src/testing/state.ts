import type { KubeObject } from "@heddle/api";
import { ClusterState } from "../cluster-state.ts";
import { localNameOf, type ModelKind, type ObjectKey, type ObjectsByKind } from "../model.ts";

/** Puts an object of a kind that only its own field tells. */
export function put(state: ClusterState, object: KubeObject): Iterable<ObjectKey> {
  return set(state, object.kind as ModelKind, localNameOf(object), object);
}

/** Removes an object. */
export function drop(state: ClusterState, object: KubeObject): Iterable<ObjectKey> {
  return set(state, object.kind as ModelKind, localNameOf(object), undefined);
}

export function stateOf(...objects: readonly KubeObject[]): ClusterState {
  const state = new ClusterState();
  for (const object of objects) put(state, object);
  return state;
}

function set<K extends ModelKind>(
  state: ClusterState,
  kind: K,
  name: string,
  object: KubeObject | undefined,
): Iterable<ObjectKey> {
  return state.set(kind, name, object as ObjectsByKind[K] | undefined);
}
