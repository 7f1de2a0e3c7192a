/** Routes that this speaker originates. */
import { toHex } from "@heddle/codec";
import type { Ip, Ip4 } from "@heddle/inet";
import type { PathAttributes } from "../packet/path-attributes.ts";

/**
 * Attributes of a locally originated route; absent ones take the defaults of RFC 4271 (ORIGIN IGP,
 * no MED). The next hop is by default an own address of the session.
 */
export type LocalAttributes = Partial<PathAttributes>;

/** Stands for "own address of the session" in the attributes of a local route. */
export const unspecifiedNextHop: Ip = 0 as Ip4;

export function localPathAttributes(local: LocalAttributes): PathAttributes {
  return {
    origin: 0,
    asPath: [],
    nextHop: unspecifiedNextHop,
    atomicAggregate: false,
    communities: [],
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
    ...local,
  };
}

/** The same bytes for the same attributes, given in the same order: what a block is interned by. */
export function localKeyBytes(local: LocalAttributes): Uint8Array {
  const text = JSON.stringify(local, (_key, value: unknown) => {
    if (typeof value === "bigint") return `${value}n`;
    return value instanceof Uint8Array ? toHex(value) : value;
  });
  return new TextEncoder().encode(text);
}
