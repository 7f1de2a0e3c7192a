/**
 * What routes look like outside: the rules of RFC 4271 9.2 and 5.1, reflection (RFC 4456),
 * confederations (RFC 5065), route servers (RFC 7947), AIGP (RFC 7311), well-known communities
 * (RFC 1997, RFC 9494, RFC 8326), Only to Customer (RFC 9234) and export policy. Pure functions of
 * one route and one class of receivers.
 */
import type { Asn, Ip, Ip4, Ip6 } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { prependAsn, prependConfederationAsn, withoutConfederation } from "../packet/as-path.ts";
import { wellKnownCommunities } from "../packet/iana.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import {
  announceHead4,
  announceHeadMp,
  type KeepBytes,
  type UpdateHead,
} from "../packet/update-builder.ts";
import { applyActions } from "../policy/actions.ts";
import type { CompiledPolicy, Verdict } from "../policy/evaluate.ts";
import { defaultLocalPref } from "./import.ts";
import { unspecifiedNextHop } from "./local-route.ts";
import { forPartialDeployment, isMarkedLongLived, withLongLivedStale } from "./long-lived.ts";
import { type OnlyToCustomerExport, sentOnlyToCustomer } from "./only-to-customer.ts";
import type { PeerType } from "./peer.ts";

/** Everything on the receiving side that changes what is sent. */
export interface ExportClass {
  readonly family: AddressFamily;
  readonly to: Exclude<PeerType, "local">;
  readonly policy: CompiledPolicy;
  /** Our member AS in a confederation. */
  readonly localAsn: Asn;
  /** What external peers know us by: the confederation's identifier, else `localAsn`. */
  readonly externalAsn: Asn;
  readonly routerId: Ip4;
  readonly clusterId: Ip4;
  /**
   * Own address of the session for this family; undefined: nothing can be announced as
   * next-hop-self.
   */
  readonly nextHop: Ip | undefined;
  readonly nextHopSelf: boolean;
  /** RFC 8950: IPv4 routes may have an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** RFC 7947. */
  readonly routeServerClient: boolean;
  /** The receiver knows long-lived graceful restart for the family (RFC 9494 4.3). */
  readonly longLived: boolean;
  /** See `RibConfig.longLivedPartial`. */
  readonly longLivedPartial: boolean;
  /** AIGP is enabled on the session (RFC 7311 3.3). */
  readonly aigp: boolean;
  /** What an own next hop adds to it (RFC 7311 3.4.3); at least 1. */
  readonly aigpMetric: number;
  readonly onlyToCustomer: OnlyToCustomerExport | undefined;
  readonly fourOctetAs: boolean;
  readonly messageLengthMax: number;
  /** Paths per key for receivers with add-path (RFC 7911); 0: the best one, without identifier. */
  readonly addPathCount: number;
  /** Receivers get what their route target memberships ask for (RFC 4684). */
  readonly constrained: boolean;
}

/** Where a route comes from, as far as it decides where it goes. */
export interface RouteOrigin {
  readonly type: PeerType;
  readonly routerId: Ip4;
  /** The route is long-lived stale (RFC 9494). */
  readonly longLived: boolean;
}

/** Why a route is not sent to the peers of a class. */
export type NotExported =
  | "policy"
  | "split-horizon"
  | "not-reflected"
  | "community"
  | "long-lived-stale"
  | "only-to-customer"
  | "next-hop"
  | "message-length"
  | "route-target";

/** What is sent, or why nothing is. */
export function exportRoute(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict,
): PathAttributes | NotExported {
  const forbidden = forbiddenBy(attributes, origin, cls);
  if (forbidden !== undefined) return forbidden;
  if (verdict.verdict === "reject") return "policy";
  const marked = sentOnlyToCustomer(attributes, cls.onlyToCustomer);
  if (marked === undefined) return "only-to-customer";
  const nextHop = nextHopOf(marked, origin, cls, verdict);
  if (nextHop === undefined) return "next-hop";
  const isSame = nextHop === marked.nextHop;
  const given = isSame ? marked : { ...withoutLinkLocal(marked), nextHop };
  const adds = !isSame && origin.type !== "local";
  const sent = accumulate(attributesFor(given, origin, cls, verdict), cls, adds);
  return isStale(attributes, origin) ? staleAttributes(sent, cls) : sent;
}

/** The route is long-lived stale, here or at another router. */
function isStale(attributes: PathAttributes, { longLived }: RouteOrigin): boolean {
  return longLived || isMarkedLongLived(attributes);
}

/** RFC 9494 4.3, 4.6. */
function staleAttributes(attributes: PathAttributes, cls: ExportClass): PathAttributes {
  const stale = withLongLivedStale(attributes);
  if (!cls.longLivedPartial || cls.to === "external") return stale;
  return cls.longLived ? { ...stale, localPref: 0 } : forPartialDeployment(stale);
}

const aigpMax = 2n ** 64n - 1n;

/**
 * RFC 7311 3.3, 3.4.3: AIGP goes to sessions that have it, as it is with the next hop as it is, and
 * increased with another one (`adds`).
 */
function accumulate(sent: PathAttributes, cls: ExportClass, adds: boolean): PathAttributes {
  const { aigp } = sent;
  if (aigp === undefined || (cls.aigp && !adds)) return sent;
  if (!cls.aigp) {
    const { aigp: _, aigpUnknownTlvs: _unknown, ...rest } = sent;
    return rest;
  }
  const sum = aigp + BigInt(cls.aigpMetric);
  return { ...sent, aigp: sum > aigpMax ? aigpMax : sum };
}

/** RFC 4271 9.2, RFC 4456 6, RFC 1997, RFC 9494 4.3. */
function forbiddenBy(
  attributes: PathAttributes,
  origin: RouteOrigin,
  { to, longLived, longLivedPartial }: ExportClass,
): NotExported | undefined {
  const { communities } = attributes;
  if (origin.type === "internal" && to === "internal") return "not-reflected";
  if (communities.includes(wellKnownCommunities.noAdvertise)) return "community";
  const mayBeStale = longLived || (longLivedPartial && to !== "external");
  if (!mayBeStale && isStale(attributes, origin)) return "long-lived-stale";
  if (to !== "external" && to !== "confederation") return undefined;
  if (communities.includes(wellKnownCommunities.noExportSubconfed)) return "community";
  if (to === "confederation") return undefined;
  return communities.includes(wellKnownCommunities.noExport) ? "community" : undefined;
}

/**
 * RFC 4271 5.1.3: own address towards external peers and for own routes, unchanged inside the AS
 * and inside a confederation (RFC 5065 5). Labels and VNIs mean something to the router that the
 * next hop names, so that routes which carry them keep it everywhere.
 */
function nextHopOf(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): Ip | undefined {
  const given = attributes.nextHop;
  if (typeof verdict.nextHop === "number" || typeof verdict.nextHop === "bigint") {
    return verdict.nextHop;
  }
  if (verdict.nextHop === "self") return cls.nextHop;
  const isOwn = given === unspecifiedNextHop;
  if (cls.family === "ipv4-flowspec" || cls.family === "ipv6-flowspec") return given;
  if (isOwn) return cls.nextHop;
  if (origin.type === "local" || verdict.nextHop === "unchanged") return given;
  // RFC 4684 3.2 i: towards clients, which the route may have come from. Nothing is sent to it, so
  // the router id will do where the session has no configured address.
  if (cls.family === "route-target" && cls.to === "client") return cls.nextHop ?? cls.routerId;
  if (carriesLabels(cls.family) || cls.routeServerClient) return given;
  const isSelf = cls.to === "external" || (cls.nextHopSelf && origin.type === "external");
  return isSelf ? cls.nextHop : given;
}

function carriesLabels(family: AddressFamily): boolean {
  return family === "ipv4-vpn" || family === "ipv6-vpn" || family === "evpn";
}

function withoutLinkLocal(attributes: PathAttributes): PathAttributes {
  if (attributes.linkLocalNextHop === undefined) return attributes;
  const { linkLocalNextHop: _, ...rest } = attributes;
  return rest;
}

function attributesFor(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  switch (cls.to) {
    case "external":
      return externalAttributes(attributes, origin, cls, verdict);
    case "confederation":
      return confederationAttributes(attributes, cls, verdict);
    default:
      return internalAttributes(attributes, origin, cls, verdict);
  }
}

/**
 * RFC 4271 5.1.2, 5.1.4, 5.1.5: own AS in front, no LOCAL_PREF, MED only when it is this speaker's
 * own; reflection attributes and confederation segments (RFC 5065 5.1) stay inside. A route server
 * is not in the path, and hands MED on (RFC 7947 2.2).
 */
function externalAttributes(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  const keepsMed = origin.type === "local" || cls.routeServerClient;
  const base = transitiveOf(attributes);
  if (keepsMed && attributes.med !== undefined) base.med = attributes.med;
  base.asPath = withoutConfederation(base.asPath);
  const sent = withoutLocalPref(applyActions(base, verdict.actions));
  const isTransparent = cls.routeServerClient && origin.type !== "local";
  if (!isTransparent) sent.asPath = prependAsn(sent.asPath, cls.externalAsn);
  return sent;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * A copy without what stays inside the AS: MED, LOCAL_PREF, ORIGINATOR_ID and CLUSTER_LIST. Written
 * out, as copying with a rest pattern is slow.
 */
function transitiveOf(a: PathAttributes): Mutable<PathAttributes> {
  const copy: Mutable<PathAttributes> = {
    origin: a.origin,
    asPath: a.asPath,
    nextHop: a.nextHop,
    atomicAggregate: a.atomicAggregate,
    communities: a.communities,
    extendedCommunities: a.extendedCommunities,
    largeCommunities: a.largeCommunities,
    clusterList: noRouters,
    unknown: a.unknown,
  };
  if (a.linkLocalNextHop !== undefined) copy.linkLocalNextHop = a.linkLocalNextHop;
  if (a.aggregator !== undefined) copy.aggregator = a.aggregator;
  if (a.onlyToCustomer !== undefined) copy.onlyToCustomer = a.onlyToCustomer;
  if (a.pmsiTunnel !== undefined) copy.pmsiTunnel = a.pmsiTunnel;
  if (a.tunnels !== undefined) copy.tunnels = a.tunnels;
  if (a.ipv6ExtendedCommunities !== undefined) {
    copy.ipv6ExtendedCommunities = a.ipv6ExtendedCommunities;
  }
  if (a.aigp !== undefined) copy.aigp = a.aigp;
  if (a.aigpUnknownTlvs !== undefined) copy.aigpUnknownTlvs = a.aigpUnknownTlvs;
  if (a.partial !== undefined) copy.partial = a.partial;
  return copy;
}

const noRouters: PathAttributes["clusterList"] = [];

/** Of attributes that are this export's own. */
function withoutLocalPref(attributes: PathAttributes): Mutable<PathAttributes> {
  if (attributes.localPref === undefined) return attributes;
  const { localPref: _, ...rest } = attributes;
  return rest;
}

/** RFC 5065 4, 5: the member AS in front; LOCAL_PREF, MED and the next hop stay as inside. */
function confederationAttributes(
  attributes: PathAttributes,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  const { originatorId: _, ...rest } = attributes;
  const localPref = attributes.localPref ?? defaultLocalPref;
  const sent = applyActions({ ...rest, localPref, clusterList: [] }, verdict.actions);
  return { ...sent, asPath: prependConfederationAsn(sent.asPath, cls.localAsn) };
}

/** RFC 4271 5.1.5: LOCAL_PREF always; RFC 4456 8 when the route is reflected. */
function internalAttributes(
  attributes: PathAttributes,
  origin: RouteOrigin,
  cls: ExportClass,
  verdict: Verdict & { verdict: "accept" },
): PathAttributes {
  const base = { ...attributes, localPref: attributes.localPref ?? defaultLocalPref };
  const sent = applyActions(base, verdict.actions);
  const isReflected = origin.type === "internal" || origin.type === "client";
  if (cls.family === "route-target" && cls.to === "client") {
    // RFC 4684 3.2 i: a client takes a membership back that it sent itself.
    const clusterList = isReflected ? [cls.clusterId, ...sent.clusterList] : sent.clusterList;
    return { ...sent, originatorId: cls.routerId, clusterList };
  }
  if (!isReflected) return sent;
  return {
    ...sent,
    originatorId: sent.originatorId ?? origin.routerId,
    clusterList: [cls.clusterId, ...sent.clusterList],
  };
}

/**
 * What precedes the routes in an UPDATE, with bytes that `keep` gave; undefined when the next hop
 * does not fit the session.
 */
export function headOf(
  attributes: PathAttributes,
  cls: ExportClass,
  keep: KeepBytes,
): UpdateHead | undefined {
  const { nextHop, linkLocalNextHop } = attributes;
  const { family } = cls;
  if (family === "ipv4-unicast" && typeof nextHop === "number") {
    return announceHead4(attributes, cls, keep);
  }
  const isIpv4 = family === "ipv4-unicast" || family === "ipv4-vpn";
  if (isIpv4 && typeof nextHop === "bigint" && !cls.extendedNextHop) return undefined;
  // VPN routes of IPv6 map it instead (RFC 4659 3.2.1.2).
  if (family === "ipv6-unicast" && typeof nextHop === "number") return undefined;
  const linkLocal = linkLocalNextHop as Ip6 | undefined;
  return announceHeadMp(family, attributes, nextHop, linkLocal, cls, keep);
}
