/** Routes of families that are not plain unicast, as text. */
import {
  type AddressFamily,
  type EvpnRoute,
  encodeEvpnRoute,
  encodeFlowSpec,
  encodeRouteTargetConstraint,
  encodeVpnRoute,
  type LocalAttributes,
  parseExtendedCommunity,
  parseFlowSpec,
  parseRouteTargetConstraint,
  parseVpnRoute,
} from "@heddle/bgp";
import type { Speaker } from "@heddle/speaker";
import type { Path } from "../daemon.ts";
import { pathOf } from "./our-speaker.ts";

type KeyedFamily = Parameters<Speaker["announceRoute"]>[0];
type Encoded = ReturnType<typeof encodeVpnRoute>;

const routeEncoders: Readonly<Partial<Record<AddressFamily, (text: string) => Encoded>>> = {
  "ipv4-vpn": (text) => encodeVpnRoute(parseVpnRoute(text)),
  "ipv6-vpn": (text) => encodeVpnRoute(parseVpnRoute(text)),
  "route-target": (text) => encodeRouteTargetConstraint(parseRouteTargetConstraint(text)),
  "ipv4-flowspec": (text) => encodeFlowSpec(parseFlowSpec(4, text)),
  "ipv6-flowspec": (text) => encodeFlowSpec(parseFlowSpec(6, text)),
};

/** `extended` are extended communities as text. */
export function announceKeyed(
  speaker: Speaker,
  family: KeyedFamily,
  route: string | EvpnRoute,
  extended: readonly string[],
  more: LocalAttributes = {},
): void {
  const encode = typeof route === "string" ? routeEncoders[family] : undefined;
  const encoded = typeof route === "string" ? encode?.(route) : encodeEvpnRoute(route);
  if (encoded === undefined) throw new Error(`no text for ${family}`);
  const extendedCommunities = extended.map(parseExtendedCommunity);
  speaker.announceRoute(family, encoded.key, encoded.payload, { extendedCommunities, ...more });
}

export type KeyedPath = Path & { readonly text: string };

/** What our RIB has of a family from peers, by the text of the route. */
export function keyedPaths(speaker: Speaker, family: KeyedFamily): Map<string, KeyedPath> {
  const paths = new Map<string, KeyedPath>();
  for (const route of speaker.rib.keyedRoutes({ family })) {
    if (route.peer === undefined) continue;
    paths.set(route.text, { text: route.text, ...pathOf(route.attributes, route.stale) });
  }
  return paths;
}

/** Fails unless the RIB has the route; the error names those that it has. */
export function requireKeyed(speaker: Speaker, family: KeyedFamily, text: string): KeyedPath {
  const paths = keyedPaths(speaker, family);
  const found = paths.get(text);
  if (found === undefined) {
    throw new Error(`no ${text}; there is ${[...paths.keys()].join(" | ") || "nothing"}`);
  }
  return found;
}
