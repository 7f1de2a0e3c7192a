/** Discovery documents, version by version (metav1.APIResourceList and its parents). */
import { apiVersionOf, type ResourceKind } from "@heddle/api";
import { type ServedKind, servedKinds } from "../core-kinds/served-kinds.ts";

/** What can be done with a kind; the order is that of kube-apiserver. */
export const resourceVerbs = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
] as const;

export const statusVerbs = ["get", "patch", "update"] as const;

export interface GroupVersion {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
}

/** metav1.APIResource. */
export interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly group?: string;
  readonly version?: string;
}

/** Every group with its version, the core group first; each group has one version. */
export function groupVersions(served: readonly ServedKind[] = servedKinds): GroupVersion[] {
  const seen = new Map(served.map(({ kind }) => [apiVersionOf(kind), kind]));
  return [...seen.values()].map(({ group, version }) => ({ group, version }));
}

/** The kinds of one version, by the name of their resource. */
export function kindsOf(
  { group, version }: GroupVersion,
  served: readonly ServedKind[] = servedKinds,
): ServedKind[] {
  return served
    .filter(({ kind }) => kind.group === group && kind.version === version)
    .sort((a, b) => (a.kind.plural < b.kind.plural ? -1 : 1));
}

/** `GET /api`. `serverAddress` is what this server is reached at. */
export function apiVersions(serverAddress: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** `GET /apis`. */
export function apiGroupList(): object {
  const groups = groupVersions().filter(({ group }) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupEntry) };
}

/** `GET /apis/<group>`; undefined when there is no such group. */
export function apiGroup(name: string): object | undefined {
  const found = groupVersions().find(({ group }) => group === name && group !== "");
  return found === undefined
    ? undefined
    : { kind: "APIGroup", apiVersion: "v1", ...groupEntry(found) };
}

function groupEntry({ group, version }: GroupVersion): object {
  const entry = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [entry], preferredVersion: entry };
}

/** `GET /api/v1` and `GET /apis/<group>/<version>`; undefined when there is no such version. */
export function apiResourceList(version: GroupVersion): object | undefined {
  const served = kindsOf(version);
  if (served.length === 0) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf(version),
    resources: served.flatMap(resourcesOf),
  };
}

function resourcesOf({ kind, scale }: ServedKind): ApiResource[] {
  const { namespaced } = kind;
  const part = { singularName: "", namespaced };
  const status: ApiResource[] = kind.hasStatus
    ? [{ name: `${kind.plural}/status`, ...part, kind: kind.kind, verbs: statusVerbs }]
    : [];
  const scaled: ApiResource[] =
    scale === undefined
      ? []
      : [
          {
            name: `${kind.plural}/scale`,
            ...part,
            group: "autoscaling",
            version: "v1",
            kind: "Scale",
            verbs: statusVerbs,
          },
        ];
  return [resourceOf(kind), ...scaled, ...status];
}

function resourceOf(kind: ResourceKind): ApiResource {
  return {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: resourceVerbs,
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
  };
}
