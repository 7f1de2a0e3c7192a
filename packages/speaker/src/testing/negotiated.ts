/** For tests: what two speakers with graceful restart have agreed on. */
import type { LongLivedTime, Negotiated } from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";

/** `forwarding`: the peer kept its forwarding state, for the families of `longLived`, too. */
export function negotiatedWith(
  restarting: boolean,
  forwarding = true,
  longLived: readonly LongLivedTime[] = [],
): Negotiated {
  const families = ["ipv4-unicast", "ipv6-unicast"] as const;
  return {
    peerAsn: parseAsn(65201),
    peerRouterId: parseIp4("10.0.0.1"),
    external: true,
    holdTimeMs: 9000,
    families,
    fourOctetAs: true,
    extendedMessage: false,
    routeRefresh: true,
    confederationExternal: false,
    enhancedRouteRefresh: false,
    addPathReceive: [],
    addPathSend: [],
    extendedNextHop: [],
    bfdStrict: false,
    peerGracefulRestart: {
      restarting,
      restartTimeMs: 120_000,
      notification: true,
      families,
      forwarding: forwarding ? families : [],
      longLived,
      longLivedForwarding: forwarding ? longLived.map(({ family }) => family) : [],
    },
  };
}
