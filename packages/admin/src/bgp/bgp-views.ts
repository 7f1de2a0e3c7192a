/** From the speaker's values to what the admin socket shows. Pure. */
import {
  type AdjRibRoute,
  type AttributeChange,
  type ComparedPath,
  type ExplainedExport,
  type Explanation,
  formatAsPath,
  formatExtendedCommunity,
  noNextHop,
  type Origin,
  type PathAttributes,
  type PeerIndex,
  type PolicyTrace,
  type RibRoute,
} from "@heddle/bgp";
import { toHex } from "@heddle/codec";
import { formatIp, formatPrefix } from "@heddle/inet";
import type { CapabilityStatus, PeerStatus } from "@heddle/speaker";
import type {
  AttributesView,
  DecisionView,
  ExplainedExportView,
  ExplanationView,
  PeerView,
  PolicyTraceView,
  RouteView,
} from "./bgp-api.ts";

/** The name of the peer with that number, for people. */
export type PeerNames = (peer: PeerIndex) => string;

export function peerNameOf({ address, ifindex }: Pick<PeerStatus, "address" | "ifindex">): string {
  return ifindex === undefined ? formatIp(address) : `${formatIp(address)}%${ifindex}`;
}

export function peerViewOf(node: string, peer: PeerStatus): PeerView {
  const sums = { received: 0, accepted: 0, advertised: 0, stale: 0 };
  for (const counts of peer.counts.values()) {
    sums.received += counts.received;
    sums.accepted += counts.accepted;
    sums.advertised += counts.advertised;
    sums.stale += counts.stale;
  }
  const isUp = peer.state === "Established";
  const { lastError, lastLoss, gracefulRestart, routerId } = peer;
  return {
    node,
    address: peerNameOf(peer),
    asn: peer.asn,
    kind: peer.kind,
    dynamic: peer.dynamic ?? null,
    certificateName: peer.certificateName ?? null,
    state: peer.state,
    reason: peer.reason ?? null,
    uptimeMs: Math.round(peer.uptimeMs),
    establishedCount: peer.establishedCount,
    flaps: peer.establishedCount - (isUp ? 1 : 0),
    families: peer.families,
    routerId: routerId === undefined ? null : formatIp(routerId),
    bfd: peer.bfd ?? null,
    holdTimeMs: peer.holdTimeMs,
    keepaliveMs: peer.keepaliveMs,
    ...sums,
    counts: Object.fromEntries(
      [...peer.counts].map(([family, { notUsed, ...counts }]) => [
        family,
        { ...counts, notUsed: Object.fromEntries(notUsed) },
      ]),
    ),
    discards: { ...peer.discards },
    unansweredRefreshes: peer.unansweredRefreshes.map(({ family, askedAtWallMs }) => ({
      family,
      askedAt: new Date(askedAtWallMs).toISOString(),
    })),
    prefixWarnings: peer.prefixWarnings,
    sendQueueOctets: peer.sendQueueLength,
    slowForMs: peer.slowForMs === undefined ? null : Math.round(peer.slowForMs),
    messages: {
      received: { ...peer.messages.received },
      sent: { ...peer.messages.sent },
    },
    connectRetryCounter: peer.connectRetryCounter,
    failureCount: peer.failureCount,
    gracefulRestart: gracefulRestart.negotiated,
    staleFamilies: gracefulRestart.staleFamilies,
    longLivedFamilies: gracefulRestart.longLivedFamilies,
    capabilities: peer.capabilities === undefined ? null : capabilitiesOf(peer.capabilities),
    lastError: lastError === undefined ? null : lastError.message,
    lastErrorAt: lastError === undefined ? null : new Date(lastError.atWallMs).toISOString(),
    lastLoss: lastLoss === undefined ? null : lastLoss.message,
    lastLossAt: lastLoss === undefined ? null : new Date(lastLoss.atWallMs).toISOString(),
  };
}

function capabilitiesOf({
  peerRole,
  peerHostname,
  ...rest
}: CapabilityStatus): NonNullable<PeerView["capabilities"]> {
  return { ...rest, peerRole: peerRole ?? null, peerHostname: peerHostname ?? null };
}

const originNames: Readonly<Record<Origin, string>> = { 0: "igp", 1: "egp", 2: "incomplete" };

export function attributesViewOf(attributes: PathAttributes): AttributesView {
  const { nextHop, linkLocalNextHop, localPref, med } = attributes;
  return {
    origin: originNames[attributes.origin],
    asPath: formatAsPath(attributes.asPath),
    nextHop: nextHop === noNextHop ? "-" : formatIp(nextHop),
    ...(linkLocalNextHop === undefined ? {} : { linkLocalNextHop: formatIp(linkLocalNextHop) }),
    localPref: localPref ?? null,
    med: med ?? null,
    communities: attributes.communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    extendedCommunities: attributes.extendedCommunities.map(formatExtendedCommunity),
    largeCommunities: attributes.largeCommunities.map((parts) => parts.join(":")),
    ...rareAttributesOf(attributes),
  };
}

function rareAttributesOf(attributes: PathAttributes): Partial<AttributesView> {
  const { aggregator, originatorId, clusterList, onlyToCustomer, aigp } = attributes;
  const { pmsiTunnel, tunnels, unknown } = attributes;
  return {
    ...(attributes.atomicAggregate ? { atomicAggregate: true } : {}),
    ...(aggregator === undefined
      ? {}
      : { aggregator: `${aggregator.asn} ${formatIp(aggregator.address)}` }),
    ...(originatorId === undefined ? {} : { originatorId: formatIp(originatorId) }),
    ...(clusterList.length === 0 ? {} : { clusterList: clusterList.map(formatIp) }),
    ...(onlyToCustomer === undefined ? {} : { onlyToCustomer }),
    ...(aigp === undefined ? {} : { aigp: aigp.toString() }),
    ...(pmsiTunnel === undefined
      ? {}
      : { pmsiTunnel: `type ${pmsiTunnel.tunnelType} label ${pmsiTunnel.label}` }),
    ...(tunnels === undefined ? {} : { tunnels: tunnels.map(({ type }) => type) }),
    ...(unknown.length === 0
      ? {}
      : { unknown: unknown.map(({ type, value }) => ({ type, value: toHex(value) })) }),
  };
}

/** A route by its own name: the prefix, or the text of its family. */
export function routeTextOf(route: ComparedPath | AdjRibRoute): string {
  return "prefix" in route ? formatPrefix(route.prefix) : route.text;
}

export function pathViewOf(node: string, path: ComparedPath, names: PeerNames): RouteView {
  return {
    ...commonViewOf(node, path, routeTextOf(path), names),
    decision: decisionViewOf(path, path.lostBy, path.pathCount),
  };
}

/** `peer` is the name of the peer that sent the route, or is sent it. */
export function adjRibViewOf(node: string, route: AdjRibRoute, peer: string): RouteView {
  const { family, pathId, attributes, ineligible } = route;
  const about = { node, family, route: routeTextOf(route), peer, pathId };
  const why = ineligible === undefined ? {} : { ineligible };
  return { ...about, ...attributesViewOf(attributes), ...why };
}

function commonViewOf(
  node: string,
  { family, peer, pathId, attributes }: RibRoute,
  route: string,
  names: PeerNames,
): RouteView {
  const view = attributesViewOf(attributes);
  return peer === undefined
    ? { node, family, route, peer: "local", pathId, ...view, nextHop: "-" }
    : { node, family, route, peer: names(peer), pathId, ...view };
}

function decisionViewOf(
  path: RibRoute,
  lostBy: string | undefined,
  pathCount: number,
): DecisionView {
  const { best, multipath, stale, longLivedStale, ineligible } = path;
  return {
    ...{ best, multipath, stale, longLivedStale, pathCount },
    ineligible: ineligible ?? null,
    lostBy: lostBy ?? null,
  };
}

export function explanationViewOf(
  node: string,
  { family, route, paths, exports }: Explanation,
  names: PeerNames,
): ExplanationView {
  const text = typeof route === "string" ? route : formatPrefix(route);
  return {
    ...{ node, family, route: text },
    paths: paths.map(({ path, received, policy, lostBy }) => ({
      ...commonViewOf(node, path, text, names),
      decision: decisionViewOf(path, lostBy, paths.length),
      received: attributesViewOf(received),
      policy: policy === undefined ? null : traceViewOf(policy),
    })),
    exports: exports.map((each) => exportViewOf(each, names)),
  };
}

function exportViewOf(
  { peer, path, pathId, sent, notSent, policy }: ExplainedExport,
  names: PeerNames,
): ExplainedExportView {
  return {
    peer: names(peer),
    path: path ?? null,
    pathId: pathId ?? null,
    sent: sent === undefined ? null : attributesViewOf(sent),
    notSent: notSent ?? null,
    policy: policy === undefined ? null : traceViewOf(policy),
  };
}

function traceViewOf({ policy, verdict, decidedBy, terms, changes }: PolicyTrace): PolicyTraceView {
  const nameOf = (index: number): string =>
    terms.find((term) => term.index === index)?.name ?? `term ${index + 1}`;
  return {
    policy,
    verdict,
    decidedBy: decidedBy === "otherwise" ? "otherwise" : nameOf(decidedBy),
    terms: terms.map(({ index, verdict: each, failed }) => ({
      term: nameOf(index),
      verdict: each,
      failed:
        failed === undefined ? null : `${failed.field}: ${failed.found}, want ${failed.wanted}`,
    })),
    changes: changes.map(({ attribute, before, after }: AttributeChange) => ({
      ...{ attribute, before, after },
    })),
  };
}
