/**
 * What a decoded attribute block holds (RFC 4271 4.3, RFC 7606), and how a route of it gets its
 * next hop.
 */
import type { Ip, Ip4, Ip6 } from "@heddle/inet";
import type { ErrorAction } from "../errors.ts";
import type { AddressFamily } from "./address-family.ts";
import { attributeTypes } from "./iana.ts";
import type { PathAttributes } from "./path-attributes.ts";
import type { TypeSet } from "./type-set.ts";

/** The attributes that all routes of a block share. */
export type SharedAttributes = Omit<PathAttributes, "nextHop" | "linkLocalNextHop">;

/** Something wrong with one attribute, and what RFC 7606 makes of it. */
export interface AttributeProblem {
  /** Attribute type code; 0 when the block itself is malformed. */
  readonly type: number;
  /** Never `reset`: that is thrown. */
  readonly action: Exclude<ErrorAction, "reset">;
  readonly message: string;
}

/** MP_REACH_NLRI (RFC 4760 3). */
export interface MpReach {
  readonly family: AddressFamily;
  readonly nextHop: Ip4 | Ip6;
  /** RFC 2545 3. */
  readonly linkLocalNextHop?: Ip6;
  /** Offsets of the prefixes in the decoded block. */
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

/** MP_UNREACH_NLRI (RFC 4760 4). */
export interface MpUnreach {
  readonly family: AddressFamily;
  /** Offsets of the prefixes in the decoded block. */
  readonly nlriStart: number;
  readonly nlriEnd: number;
}

export interface DecodedAttributes {
  /**
   * `withdraw`: all routes that the message announces are to be treated as withdrawn (RFC 7606 2);
   * `problems` says why.
   */
  readonly action: "accept" | "withdraw";
  /** Attributes that were absent or dropped have the value that means absent. Owned. */
  readonly attributes: SharedAttributes;
  /** Types present and not dropped: presence of mandatory attributes depends on the prefixes. */
  readonly present: Pick<TypeSet, "has">;
  /** NEXT_HOP, for the NLRI field of the message. */
  readonly nextHop?: Ip4;
  /** Absent also when the family is not one of the context's. */
  readonly mpReach?: MpReach;
  readonly mpUnreach?: MpUnreach;
  readonly problems: readonly AttributeProblem[];
}

/** Which prefixes of a message are meant: the NLRI field, or those of MP_REACH_NLRI. */
export type RouteSource = "nlri" | "mp-reach";

/**
 * The attributes of the routes of `source`, or the problem for which these routes are to be treated
 * as withdrawn: a missing mandatory attribute (RFC 7606 3 d), or what made the block's action
 * `withdraw`.
 */
export function routeAttributesOf(
  decoded: DecodedAttributes,
  source: RouteSource,
): PathAttributes | AttributeProblem {
  if (decoded.action === "withdraw") return withdrawProblemOf(decoded);
  const missing = missingAttribute(decoded, source);
  if (missing !== undefined) {
    const message = `Cannot accept routes: mandatory attribute ${missing} is missing`;
    return { type: missing, action: "withdraw", message };
  }
  if (source === "nlri") return withNextHop(decoded.attributes, decoded.nextHop as Ip4);
  const reach = decoded.mpReach as MpReach;
  return withNextHop(decoded.attributes, reach.nextHop, reach.linkLocalNextHop);
}

/** Tells the two results of {@link routeAttributesOf} apart. */
export function isProblem(value: PathAttributes | AttributeProblem): value is AttributeProblem {
  return "action" in value;
}

function withdrawProblemOf(decoded: DecodedAttributes): AttributeProblem {
  const problem = decoded.problems.find((p) => p.action === "withdraw");
  if (problem !== undefined) return problem;
  return { type: 0, action: "withdraw", message: "Cannot accept routes: malformed attributes" };
}

function missingAttribute(decoded: DecodedAttributes, source: RouteSource): number | undefined {
  if (!decoded.present.has(attributeTypes.origin)) return attributeTypes.origin;
  if (!decoded.present.has(attributeTypes.asPath)) return attributeTypes.asPath;
  if (source === "nlri" && decoded.nextHop === undefined) return attributeTypes.nextHop;
  if (source === "mp-reach" && decoded.mpReach === undefined) return attributeTypes.mpReachNlri;
  return undefined;
}

function withNextHop(shared: SharedAttributes, nextHop: Ip, linkLocal?: Ip6): PathAttributes {
  return linkLocal === undefined
    ? { ...shared, nextHop }
    : { ...shared, nextHop, linkLocalNextHop: linkLocal };
}
