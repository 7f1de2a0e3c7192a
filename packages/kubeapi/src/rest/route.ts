/** From the path of a request to the resource that it means. */
import { type ObjectRef, StatusError } from "@heddle/kube";
import { type ServedKind, servedKindOf } from "../core-kinds/served-kinds.ts";

export type Subresource = "status" | "scale";

/** A path below `/api/v1` or `/apis/<group>/<version>` that is a resource. */
export interface ResourceRoute {
  readonly served: ServedKind;
  /** Absent for cluster-scoped kinds, and for all namespaces. */
  readonly namespace: string | undefined;
  /** Absent for the collection. */
  readonly name: string | undefined;
  readonly subresource: Subresource | undefined;
}

/**
 * The resource behind a path; undefined for paths that are none (discovery, health).
 * @throws StatusError NotFound for a resource that is not served
 */
export function parseRoute(path: string): ResourceRoute | undefined {
  const [root, ...steps] = path.split("/").slice(1).map(decodeStep);
  if (root === "api") return belowVersion("", steps[0], steps.slice(1));
  if (root === "apis") return belowVersion(steps[0], steps[1], steps.slice(2));
  return undefined;
}

/** The object that a path names. @throws StatusError MethodNotAllowed for a collection */
export function refOf({ name, namespace }: ResourceRoute): ObjectRef {
  if (name === undefined) throw methodNotAllowed();
  return namespace === undefined ? { name } : { name, namespace };
}

export function methodNotAllowed(): StatusError {
  const message = "the server does not allow this method on the requested resource";
  return new StatusError("MethodNotAllowed", message);
}

function belowVersion(
  group: string | undefined,
  version: string | undefined,
  steps: readonly string[],
): ResourceRoute | undefined {
  if (group === undefined || version === undefined || steps.length === 0) return undefined;
  const [first, namespace, plural, ...rest] = steps;
  const isScoped = first === "namespaces" && plural !== undefined && !isPartOfNamespace(plural);
  if (isScoped) return resourceRoute(group, version, namespace, [plural, ...rest]);
  return resourceRoute(group, version, undefined, steps);
}

/** `namespaces/x/status` is the status of a namespace, not a resource in it. */
function isPartOfNamespace(plural: string): boolean {
  return plural === "status" || plural === "finalize";
}

function resourceRoute(
  group: string,
  version: string,
  namespace: string | undefined,
  [plural, name, part, ...rest]: readonly string[],
): ResourceRoute {
  const served = plural === undefined ? undefined : servedKindOf(group, version, plural);
  if (served === undefined || rest.length > 0) throw noSuchPath();
  if (name === "" || namespace === "") throw noSuchPath();
  if (
    served.kind.namespaced ? name !== undefined && namespace === undefined : namespace !== undefined
  ) {
    throw noSuchPath();
  }
  return { served, namespace, name, subresource: subresourceOf(served, part) };
}

function subresourceOf(served: ServedKind, part: string | undefined): Subresource | undefined {
  if (part === undefined) return undefined;
  if (part === "status" && served.kind.hasStatus) return part;
  if (part === "scale" && served.scale !== undefined) return part;
  throw noSuchPath();
}

function noSuchPath(): StatusError {
  return new StatusError("NotFound", "the server could not find the requested resource");
}

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch (error) {
    throw new StatusError("BadRequest", `Cannot read path: ${step.slice(0, 100)} is not UTF-8`, {
      cause: error,
    });
  }
}
