/** What the actions of policy terms make of path attributes. */
import { prependAsn } from "../packet/as-path.ts";
import { encodeExtendedCommunity, extendedCommunityTypes } from "../packet/extended-community.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import {
  changedCommunities,
  compareExtended,
  compareLarge,
  isCommunity,
  isExtendedCommunity,
  isLargeCommunity,
} from "./community-pattern.ts";
import type { ExtendedCommunityPattern, NextHopAction, PolicyActions } from "./policy.ts";

/** One term's actions, or those of several in the order in which they take effect. */
export type AppliedActions = PolicyActions | readonly PolicyActions[];

const uint32Max = 0xffffffff;

const securityTagPattern: ExtendedCommunityPattern = {
  value: BigInt(extendedCommunityTypes.securityTag) << 48n,
  mask: 0xffffn << 48n,
};

/** Attributes after the actions; the same object when there are none. */
export function applyActions(
  attributes: PathAttributes,
  actions: AppliedActions | undefined,
): PathAttributes {
  if (actions === undefined) return attributes;
  if (isList(actions)) return actions.reduce(applyOnce, attributes);
  return applyOnce(attributes, actions);
}

function isList(actions: AppliedActions): actions is readonly PolicyActions[] {
  return Array.isArray(actions);
}

function applyOnce(attributes: PathAttributes, actions: PolicyActions): PathAttributes {
  const { localPref, origin, prepend, nextHop } = actions;
  // A copy is changed where it has to be: leaving fields out by a rest pattern is slow, and
  // most actions leave none out.
  const changed = copyFor(attributes, actions);
  const med = medAfter(attributes.med, actions.med);
  if (med !== undefined) changed.med = med;
  if (localPref !== undefined) changed.localPref = localPref;
  if (origin !== undefined) changed.origin = origin;
  if (nextHop !== undefined && typeof nextHop !== "string") changed.nextHop = nextHop;
  changed.communities = communitiesAfter(attributes, actions);
  changed.extendedCommunities = extendedCommunitiesAfter(attributes, actions);
  changed.largeCommunities = largeCommunitiesAfter(attributes, actions);
  if (prepend !== undefined) {
    changed.asPath = prependAsn(attributes.asPath, prepend.asn, prepend.count);
  }
  return changed;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Without a MED that is removed, and the link-local address of a next hop that is replaced. */
function copyFor(attributes: PathAttributes, actions: PolicyActions): Mutable<PathAttributes> {
  const { nextHop } = actions;
  const isReplaced = nextHop !== undefined && typeof nextHop !== "string";
  const dropsLinkLocal = isReplaced && attributes.linkLocalNextHop !== undefined;
  const dropsMed = actions.med === "remove" && attributes.med !== undefined;
  if (!dropsLinkLocal && !dropsMed) return { ...attributes };
  const { med, linkLocalNextHop, ...rest } = attributes;
  return {
    ...rest,
    ...(dropsMed || med === undefined ? {} : { med }),
    ...(dropsLinkLocal || linkLocalNextHop === undefined ? {} : { linkLocalNextHop }),
  };
}

function medAfter(med: number | undefined, action: PolicyActions["med"]): number | undefined {
  if (action === undefined) return med;
  if (action === "remove") return undefined;
  if (typeof action === "number") return action;
  const before = med === undefined ? 0 : med;
  return "add" in action
    ? Math.min(before + action.add, uint32Max)
    : Math.max(before - action.subtract, 0);
}

function communitiesAfter(
  { communities }: PathAttributes,
  actions: PolicyActions,
): readonly number[] {
  return changedCommunities(communities, {
    set: actions.setCommunities,
    remove: actions.removeCommunities,
    add: actions.addCommunities,
    isOne: isCommunity,
    compare: (a, b) => a - b,
  });
}

function extendedCommunitiesAfter(
  { extendedCommunities }: PathAttributes,
  actions: PolicyActions,
): readonly bigint[] {
  const order = { isOne: isExtendedCommunity, compare: compareExtended };
  const changed = changedCommunities(extendedCommunities, {
    set: actions.setExtendedCommunities,
    remove: actions.removeExtendedCommunities,
    add: actions.addExtendedCommunities,
    ...order,
  });
  const { tag } = actions;
  if (tag === undefined) return changed;
  return changedCommunities(changed, {
    set: undefined,
    remove: [securityTagPattern],
    add: tag === "remove" ? undefined : [encodeExtendedCommunity({ kind: "security-tag", tag })],
    ...order,
  });
}

function largeCommunitiesAfter(
  { largeCommunities }: PathAttributes,
  actions: PolicyActions,
): PathAttributes["largeCommunities"] {
  return changedCommunities(largeCommunities, {
    set: actions.setLargeCommunities,
    remove: actions.removeLargeCommunities,
    add: actions.addLargeCommunities,
    isOne: isLargeCommunity,
    compare: compareLarge,
  });
}

/** What decides the next hop: the last of the actions that says something about it. */
export function nextHopActionOf(actions: readonly PolicyActions[]): NextHopAction | undefined {
  return actions.findLast((one) => one.nextHop !== undefined)?.nextHop;
}
