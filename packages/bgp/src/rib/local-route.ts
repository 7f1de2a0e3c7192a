/** Routes that this speaker originates. */
import type { Ip, Ip4 } from "@heddle/inet";
import type { PathAttributes } from "../packet/path-attributes.ts";

/**
 * Attributes of a locally originated route; absent ones take the defaults of RFC 4271 (ORIGIN IGP,
 * no MED).
 */
export interface LocalAttributes {
  readonly origin?: PathAttributes["origin"];
  readonly med?: number;
  readonly localPref?: number;
  readonly communities?: readonly number[];
  readonly extendedCommunities?: readonly bigint[];
  readonly largeCommunities?: PathAttributes["largeCommunities"];
  /** Default: own address of the session. */
  readonly nextHop?: Ip;
}

/** Stands for "own address of the session" in the attributes of a local route. */
export const unspecifiedNextHop: Ip = 0 as Ip4;

export function localPathAttributes(local: LocalAttributes): PathAttributes {
  return {
    origin: local.origin ?? 0,
    asPath: [],
    nextHop: local.nextHop ?? unspecifiedNextHop,
    ...(local.med === undefined ? {} : { med: local.med }),
    ...(local.localPref === undefined ? {} : { localPref: local.localPref }),
    atomicAggregate: false,
    communities: local.communities ?? [],
    extendedCommunities: local.extendedCommunities ?? [],
    largeCommunities: local.largeCommunities ?? [],
    clusterList: [],
    unknown: [],
  };
}

/** The same bytes for the same attributes: what a local route is interned by. */
export function localKeyBytes(local: LocalAttributes): Uint8Array {
  const fields = [
    local.origin,
    local.med,
    local.localPref,
    local.communities,
    local.extendedCommunities?.map(String),
    local.largeCommunities,
    local.nextHop === undefined ? null : String(local.nextHop),
    typeof local.nextHop,
  ];
  return new TextEncoder().encode(JSON.stringify(fields));
}
