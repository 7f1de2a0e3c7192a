/**
 * The paths of the admin socket that are about BGP. Tables go out in pages, whose cursors stay
 * valid while routes come and go; nothing is kept between requests.
 */
import {
  type AddressFamily,
  addressFamilyNames,
  type ComparedPath,
  type Explanation,
  nlriCodecOf,
  type PageOptions,
  type PeerIndex,
} from "@heddle/bgp";
import { containsPrefix, formatIp, type Prefix } from "@heddle/inet";
import { Capture, type PeerName, type Speaker } from "@heddle/speaker";
import { must } from "@heddle/std";
import type { AdminRoute } from "../admin-server.ts";
import { AdminRequestError, AdminStream } from "../answer.ts";
import type { ExplanationView, PeerView, RoutePageView, RouteView } from "./bgp-api.ts";
import {
  asked,
  choiceIn,
  cursorIn,
  familyOf,
  formatCursor,
  indexIn,
  integerIn,
  peerIn,
  prefixIn,
  type RouteCursor,
  type RouteQuery,
  requiredPeer,
  routeIn,
} from "./bgp-query.ts";
import {
  adjRibViewOf,
  explanationViewOf,
  type PeerNames,
  pathViewOf,
  peerNameOf,
  peerViewOf,
  routeTextOf,
} from "./bgp-views.ts";

export interface BgpAdmin {
  /** Name of the process, for those who ask several. */
  readonly node: string;
  /** The speaker that runs now; undefined while there is none. */
  readonly speaker: () => Speaker | undefined;
}

const pageRouteCountMax = 5000;
const gracefulWaitSecondsMax = 3600;
const captureSecondsDefault = 10;
const captureSecondsMax = 3600;
const captureOctetsDefault = 64 * 1024 * 1024;
const captureOctetsMax = 1024 * 1024 * 1024;

/** For GET. */
export function bgpRoutes(admin: BgpAdmin): Readonly<Record<string, AdminRoute>> {
  return {
    "/v1/bgp/peers": (query) => peersOf(admin, query),
    "/v1/bgp/routes": (query) => routesOf(admin, query),
    "/v1/bgp/explain": (query) => explain(admin, query),
  };
}

/** For POST. */
export function bgpActions(admin: BgpAdmin): Readonly<Record<string, AdminRoute>> {
  return {
    "/v1/bgp/reset": (query) => reset(runningOf(admin), query),
    "/v1/bgp/capture": (query) => capture(runningOf(admin), query),
    "/v1/bgp/shutdown": (query) => shutdown(runningOf(admin), query),
    "/v1/bgp/enable": (query) => {
      const speaker = runningOf(admin);
      asked(() => speaker.enablePeer(knownPeer(speaker, query)));
      return {};
    },
  };
}

function runningOf({ speaker }: BgpAdmin): Speaker {
  const running = speaker();
  if (running === undefined) throw new AdminRequestError("no BGP speaker runs here", 409);
  return running;
}

function peersOf({ node, speaker }: BgpAdmin, query: URLSearchParams): PeerView[] {
  const running = speaker();
  const wanted = peerIn(query);
  const peers = running === undefined ? [] : running.peers();
  if (wanted === undefined) return peers.map((peer) => peerViewOf(node, peer));
  const found = peers.filter(
    ({ address, ifindex }) =>
      address === wanted.address && (wanted.ifindex === undefined || ifindex === wanted.ifindex),
  );
  if (found.length === 0) throw new AdminRequestError(`no BGP peer ${query.get("peer")}`, 404);
  return found.map((peer) => peerViewOf(node, peer));
}

/** @throws AdminRequestError */
function routesOf(admin: BgpAdmin, query: URLSearchParams): RoutePageView {
  const speaker = admin.speaker();
  if (speaker === undefined) return { routes: [], next: null };
  const table = choiceIn(query, "table", ["loc-rib", "adj-rib-in", "adj-rib-out"]) ?? "loc-rib";
  const route = routeIn(query);
  const reader =
    table === "loc-rib" ? locRibReader(admin, speaker, query) : adjRibReader(admin, speaker, query);
  const exact = table === "loc-rib" && route !== undefined;
  if (exact) return { routes: exactRoutes(admin, speaker, query, route), next: null };
  const cursor = cursorIn(query) ?? { family: familyOf(query) ?? addressFamilyNames[0]!, at: 0 };
  const routeCountMax = integerIn(query, "limit", [1, pageRouteCountMax]) ?? 1000;
  if (!speaker.families.includes(cursor.family)) {
    return { routes: [], next: nextOf(speaker, query, cursor.family) };
  }
  const { routes, next } = reader(cursor.family, { cursor: cursor.at, routeCountMax });
  const following =
    next === undefined
      ? nextOf(speaker, query, cursor.family)
      : formatCursor({ family: cursor.family, at: next });
  return { routes, next: following };
}

/** The first page of the family after this one; null when that was the last, or the only one. */
function nextOf(speaker: Speaker, query: URLSearchParams, family: AddressFamily): string | null {
  if (familyOf(query) !== undefined) return null;
  const known = addressFamilyNames.filter((name) => speaker.families.includes(name));
  const all = addressFamilyNames.indexOf(family);
  const next = known.find((name) => addressFamilyNames.indexOf(name) > all);
  const cursor: RouteCursor | undefined = next === undefined ? undefined : { family: next, at: 0 };
  return cursor === undefined ? null : formatCursor(cursor);
}

type PageReader = (
  family: AddressFamily,
  options: PageOptions,
) => { readonly routes: readonly RouteView[]; readonly next: number | undefined };

function locRibReader({ node }: BgpAdmin, speaker: Speaker, query: URLSearchParams): PageReader {
  const name = peerIn(query);
  const within = prefixIn(query, "within");
  const filter = {
    ...(name === undefined ? {} : { peer: indexIn(speaker, name, query) }),
    ...(within === undefined ? {} : { within }),
    ...(query.get("best") === "true" ? { bestOnly: true } : {}),
  };
  const names = namesOf(speaker);
  return (family, options) => {
    const { routes, next } = speaker.rib.pathPage(family, filter, options);
    return { routes: routes.map((path) => pathViewOf(node, path, names)), next };
  };
}

/** What one peer has sent, or is sent. */
function adjRibReader({ node }: BgpAdmin, speaker: Speaker, query: URLSearchParams): PageReader {
  const peer = indexIn(speaker, requiredPeer(query), query);
  const name = namesOf(speaker)(peer);
  const isIn = query.get("table") === "adj-rib-in";
  const wants = wantedOf(query);
  return (family, options) => {
    const { rib } = speaker;
    const page = isIn
      ? rib.adjRibInPage(peer, family, options)
      : rib.adjRibOutPage(peer, family, options);
    const routes = page.routes.filter((route) =>
      wants(routeTextOf(route), "prefix" in route ? route.prefix : undefined),
    );
    return { routes: routes.map((route) => adjRibViewOf(node, route, name)), next: page.next };
  };
}

/** Whether a route is asked for, by its text and by its prefix if it is one. */
function wantedOf(query: URLSearchParams): (text: string, prefix: Prefix | undefined) => boolean {
  const within = prefixIn(query, "within");
  const route = routeIn(query);
  if (route?.kind === "prefix") return (_text, prefix) => prefix === route.prefix;
  if (route?.kind === "address") {
    throw new AdminRequestError(`route ${formatIp(route.address)}, want a prefix for this table`);
  }
  if (route?.kind === "key") {
    const codec = must(nlriCodecOf(route.family), "a family with keys has a codec");
    const key = codec.format(route.key);
    // Behind the key stands what is no part of it, such as a label.
    return (text) => text === key || text.startsWith(`${key} `);
  }
  if (within === undefined) return () => true;
  return (_text, prefix) => prefix?.family === within.family && containsPrefix(within, prefix);
}

function exactRoutes(
  { node }: BgpAdmin,
  speaker: Speaker,
  query: URLSearchParams,
  route: RouteQuery,
): RouteView[] {
  const name = peerIn(query);
  const peer = name === undefined ? undefined : indexIn(speaker, name, query);
  const names = namesOf(speaker);
  const paths = pathsOf(speaker, route).filter(
    (path) =>
      (peer === undefined || path.peer === peer) && (query.get("best") !== "true" || path.best),
  );
  return paths.map((path) => pathViewOf(node, path, names));
}

function pathsOf({ rib, families }: Speaker, route: RouteQuery): readonly ComparedPath[] {
  if (route.kind === "key") {
    return families.includes(route.family) ? rib.comparedRoutes(route.family, route.key) : [];
  }
  const prefix = prefixOfQuery(rib, families, route);
  return prefix === undefined ? [] : rib.comparedPaths(prefix);
}

/** Undefined when there is none, or no table for it. */
function prefixOfQuery(
  rib: Speaker["rib"],
  families: readonly AddressFamily[],
  route: Exclude<RouteQuery, { readonly kind: "key" }>,
): Prefix | undefined {
  const address = route.kind === "prefix" ? route.prefix.address : route.address;
  const family = typeof address === "number" ? "ipv4-unicast" : "ipv6-unicast";
  if (!families.includes(family)) return undefined;
  return route.kind === "prefix" ? route.prefix : rib.longestMatch(address)[0]?.prefix;
}

function namesOf(speaker: Speaker): PeerNames {
  return (peer: PeerIndex) => {
    const found = speaker.nameOf(peer);
    return found === undefined ? `#${peer}` : peerNameOf({ ifindex: undefined, ...found });
  };
}

/** @throws AdminRequestError 404 when there is no such route */
function explain(admin: BgpAdmin, query: URLSearchParams): ExplanationView {
  const speaker = runningOf(admin);
  const route = routeIn(query);
  if (route === undefined) throw new AdminRequestError("no route, want a prefix or an address");
  const found = explanationOf(speaker, route);
  if (found === undefined) throw new AdminRequestError(`no route ${query.get("route")} here`, 404);
  return explanationViewOf(admin.node, found, namesOf(speaker));
}

function explanationOf({ rib, families }: Speaker, route: RouteQuery): Explanation | undefined {
  if (route.kind === "key") {
    return families.includes(route.family) ? rib.explain(route) : undefined;
  }
  const prefix = prefixOfQuery(rib, families, route);
  return prefix === undefined ? undefined : rib.explain(prefix);
}

function knownPeer(speaker: Speaker, query: URLSearchParams): PeerName {
  const name = requiredPeer(query);
  indexIn(speaker, name, query);
  return name;
}

function reset(speaker: Speaker, query: URLSearchParams): object {
  const peer = knownPeer(speaker, query);
  const soft = choiceIn(query, "soft", ["in", "out"]);
  const family = familyOf(query);
  asked(() => {
    if (soft === "in") speaker.softResetIn(peer, family);
    else if (soft === "out") speaker.softResetOut(peer, family);
    else speaker.resetPeer(peer, textIn(query));
  });
  return {};
}

function shutdown(speaker: Speaker, query: URLSearchParams): object {
  const peer = knownPeer(speaker, query);
  const text = textIn(query);
  const waitSeconds = integerIn(query, "graceful", [1, gracefulWaitSecondsMax]);
  asked(() => {
    if (waitSeconds === undefined) speaker.shutdownPeer(peer, text);
    else speaker.gracefulShutdownPeer(peer, waitSeconds * 1000, text);
  });
  return {};
}

/** The file comes while it grows. */
function capture(speaker: Speaker, query: URLSearchParams): AdminStream {
  const name = peerIn(query);
  if (name !== undefined) indexIn(speaker, name, query);
  const seconds = integerIn(query, "seconds", [1, captureSecondsMax]) ?? captureSecondsDefault;
  const octets = integerIn(query, "octets", [1000, captureOctetsMax]) ?? captureOctetsDefault;
  const recording = new Capture(speaker, {
    ...(name === undefined ? {} : { peer: name }),
    ...{ durationMs: seconds * 1000, octetsMax: octets },
  });
  return new AdminStream("application/vnd.tcpdump.pcap", recording.chunks());
}

/** RFC 9003 2: at most 255 octets. @throws AdminRequestError */
function textIn(query: URLSearchParams): string {
  const text = query.get("text") ?? "";
  const { length } = new TextEncoder().encode(text);
  if (length > 255) throw new AdminRequestError(`text of ${length} octets, want at most 255`);
  return text;
}
