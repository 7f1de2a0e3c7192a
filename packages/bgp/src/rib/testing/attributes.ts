/** For tests: the attributes of a route. */
import { type Asn, parseIp4 } from "@heddle/inet";
import type { PathAttributes } from "../../packet/path-attributes.ts";

/** One AS_SEQUENCE, or an empty path. */
export function attributes(
  asns: readonly number[],
  more: Partial<PathAttributes> = {},
): PathAttributes {
  return {
    origin: 0,
    asPath: asns.length === 0 ? [] : [{ type: "sequence", asns: asns as readonly Asn[] }],
    nextHop: parseIp4("192.0.2.77"),
    atomicAggregate: false,
    communities: [],
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
    ...more,
  };
}
