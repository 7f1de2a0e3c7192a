/**
 * Aggregated discovery (apidiscovery.k8s.io/v2): all of `/api` or all of `/apis` in one answer,
 * which kubectl asks for since 1.26. The answer's media type must be {@link aggregatedMediaType}.
 */
import type { ResourceKind } from "@heddle/api";
import type { ServedKind } from "../core-kinds/served-kinds.ts";
import {
  type GroupVersion,
  groupVersions,
  kindsOf,
  resourceVerbs,
  statusVerbs,
} from "./resources.ts";

/** The versions of the aggregated format; both have the same shape. */
export type AggregatedVersion = "v2" | "v2beta1";

export function aggregatedMediaType(version: AggregatedVersion): string {
  return `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
}

/**
 * The best aggregated format that an Accept header allows; undefined when it wants the plain one.
 */
export function acceptedAggregation(accept: string): AggregatedVersion | undefined {
  for (const entry of accept.split(",")) {
    const [type, ...parameters] = entry.split(";").map((part) => part.trim());
    if (type !== "application/json") continue;
    if (parameters.length === 0 || parameters[0]?.startsWith("q=") === true) return undefined;
    const wants = (parameter: string): boolean => parameters.includes(parameter);
    if (!wants("g=apidiscovery.k8s.io") || !wants("as=APIGroupDiscoveryList")) continue;
    if (wants("v=v2")) return "v2";
    if (wants("v=v2beta1")) return "v2beta1";
  }
  return undefined;
}

/** `GET /api` (the core group) or `GET /apis` (all others). */
export function aggregatedDiscovery(path: "/api" | "/apis", version: AggregatedVersion): object {
  const wanted = groupVersions().filter(({ group }) => (group === "") === (path === "/api"));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: wanted.map(groupDiscovery),
  };
}

function groupDiscovery(version: GroupVersion): object {
  return {
    metadata: { name: version.group, creationTimestamp: null },
    versions: [
      {
        version: version.version,
        resources: kindsOf(version).map(resourceDiscovery),
        freshness: "Current",
      },
    ],
  };
}

function resourceDiscovery({ kind, scale }: ServedKind): object {
  const subresources = [
    ...(scale === undefined ? [] : [subresource("scale", "autoscaling", "v1", "Scale")]),
    ...(kind.hasStatus ? [subresource("status", kind.group, kind.version, kind.kind)] : []),
  ];
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: scopeOf(kind),
    singularResource: kind.singular,
    verbs: resourceVerbs,
    ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}

function scopeOf(kind: ResourceKind): string {
  return kind.namespaced ? "Namespaced" : "Cluster";
}

function subresource(name: string, group: string, version: string, kind: string): object {
  return { subresource: name, responseKind: { group, version, kind }, verbs: statusVerbs };
}
