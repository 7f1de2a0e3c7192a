/** The route targets of a VPC, which nodes announce and import, and route servers believe. Pure. */
import { type Asn, parseRouteTarget, type RouteTarget } from "@heddle/inet";
import type { Vpc } from "../gen/vpc.gen.ts";

export interface VpcRouteTargets {
  readonly imports: readonly RouteTarget[];
  readonly exports: readonly RouteTarget[];
}

/**
 * What the spec lists, and before it the VPC's own target, by which its nodes find each other:
 * `AS:vrfId` of type 0 (RFC 4360). Of an AS number of four octets the lower two stand there, as
 * those who derive targets commonly do where RFC 8365 5.1.2.1 asks for two. The native VPC, and one
 * without a VRF id, have no own target.
 */
export function routeTargetsOf({ spec, status }: Vpc, asn: Asn): VpcRouteTargets {
  const vrfId = status?.vrfId ?? 0;
  const own = vrfId === 0 ? [] : [parseRouteTarget(`${asn & 0xffff}:${vrfId}`)];
  const withOwn = (texts: readonly string[]): RouteTarget[] => [
    ...new Set([...own, ...texts.map(parseRouteTarget)]),
  ];
  return { imports: withOwn(spec.importRouteTargets), exports: withOwn(spec.exportRouteTargets) };
}
