/**
 * Which of several MAC/IP routes of one address counts (RFC 7432 15). An address is in one place,
 * which the decision process finds before it looks at policy: the sticky route, then the highest
 * sequence number, then the node with the lowest address. Only routes of one segment are right all
 * at once.
 */
import { selectBest } from "@heddle/bgp";
import type { PathOf } from "./import-path.ts";
import { isMultihomed } from "./segment-index.ts";

type HostPath = PathOf<"mac-ip">;

/** The routes of the place where the address is; `paths` in a fixed order. */
export function pathsOfPlace<P extends HostPath>(paths: readonly P[]): readonly P[] {
  const place = selectHost(paths);
  if (place === undefined || paths.length === 1) return paths;
  return paths.filter((path) => isSamePlace(path, place));
}

/** The best route of an address; undefined when there is none. */
export function selectHost<P extends HostPath>(paths: readonly P[]): P | undefined {
  if (paths.length < 2) return paths[0];
  return selectBest(paths.map((path) => ({ ...path.candidate, path })))?.path;
}

function isSamePlace(path: HostPath, place: HostPath): boolean {
  if (path.route.esi !== place.route.esi) return false;
  if (isMultihomed(path.route.esi)) return true;
  const isSameNode = path.attributes.endpoint === place.attributes.endpoint;
  return isSameNode && path.candidate.mobility === place.candidate.mobility;
}
