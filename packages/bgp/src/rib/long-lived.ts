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
