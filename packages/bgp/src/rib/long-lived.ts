/** Long-lived graceful restart (RFC 9494): the communities that go with it. */
import { wellKnownCommunities } from "../packet/iana.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";

/** Another router says that the route is long-lived stale. */
export function isMarkedLongLived({ communities }: PathAttributes): boolean {
  return communities.includes(wellKnownCommunities.longLivedStale);
}

/** The route must not be kept beyond the restart time. */
export function forbidsLongLived({ communities }: PathAttributes): boolean {
  return communities.includes(wellKnownCommunities.noLongLived);
}

/** `changed` with the mark that `attributes` may have: policy cannot take it away (RFC 9494 4.3). */
export function staysLongLived(
  attributes: PathAttributes,
  changed: PathAttributes,
): PathAttributes {
  return isMarkedLongLived(attributes) ? withLongLivedStale(changed) : changed;
}

export function withLongLivedStale(attributes: PathAttributes): PathAttributes {
  return withCommunity(attributes, wellKnownCommunities.longLivedStale);
}

/** RFC 9494 4.6: how a stale route goes to a router that does not know what it is. */
export function forPartialDeployment(attributes: PathAttributes): PathAttributes {
  return { ...withCommunity(attributes, wellKnownCommunities.noExport), localPref: 0 };
}

function withCommunity(attributes: PathAttributes, community: number): PathAttributes {
  const { communities } = attributes;
  if (communities.includes(community)) return attributes;
  return { ...attributes, communities: [...communities, community].sort((a, b) => a - b) };
}
