/**
 * RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (rtnetlink(7)).
 *
 *     struct rtmsg {
 *       u8 family; u8 dst_len; u8 src_len; u8 tos;
 *       u8 table; u8 protocol; u8 scope; u8 type; u32 flags;
 *     }
 *
 * Source-specific routes (src_len) are decoded only as far as their raw attributes.
 */
import { Reader, type Writer } from "@heddle/codec";
import {
  defaultPrefix,
  type Family,
  formatPrefix,
  type Ip,
  type Prefix,
  prefixOf,
} from "@heddle/inet";
import { assert } from "@heddle/std";
import { Attributes, putIp, putNested, putRaw, putU32, type RawAttribute } from "./attributes.ts";
import { decoding, NetlinkError } from "./netlink-error.ts";
import { type Nexthop, putMultipath, putSingleNexthop, takeNexthops } from "./nexthop.ts";
import { afOf, type CreateMode, createFlags, type Request } from "./request.ts";
import {
  AF_INET,
  AF_INET6,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_COMPAT,
  RT_TABLE_MAIN,
  RTA_DST,
  RTA_METRICS,
  RTA_NH_ID,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_LOCAL,
  RTN_UNICAST,
} from "./uapi/rtnetlink.ts";

export interface Route {
  readonly prefix: Prefix;
  /** uint32, `RT_TABLE_*`. */
  readonly table: number;
  /** Who installed it, `RTPROT_*`. */
  readonly protocol: number;
  /** `RT_SCOPE_*`; IPv6 routes all say universe. */
  readonly scope: number;
  /** `RTN_*`. */
  readonly type: number;
  readonly tos: number;
  /** `RTNH_F_*` and `RTM_F_*` of the whole route. */
  readonly flags: number;
  /** RTA_PRIORITY: the lower one is preferred. The kernel makes an IPv6 metric of 0 into 1024. */
  readonly metric: number;
  /** The source address that the kernel chooses for this destination. */
  readonly preferredSource: Ip | undefined;
  /** Empty for blackhole and its kin. Of IPv4 and IPv6 alike, several for multipath. */
  readonly nexthops: readonly Nexthop[];
  /** The next hop object that it refers to, if any. */
  readonly nexthopId: number | undefined;
  /** RFC 4191 preference of an IPv6 route. */
  readonly preference: number | undefined;
  /** `RTAX_*`. */
  readonly metrics: readonly RawAttribute[];
  readonly attributes: readonly RawAttribute[];
}

export interface NewRoute {
  readonly prefix: Prefix;
  /** Default main. */
  readonly table?: number;
  readonly protocol: number;
  /** Default: universe with a gateway, link without one, host for local routes. */
  readonly scope?: number;
  /** Default unicast. */
  readonly type?: number;
  readonly metric?: number;
  readonly preferredSource?: Ip;
  /** None only for types that need none. Of several, each needs a gateway or an interface. */
  readonly nexthops: readonly Pick<Nexthop, "via" | "ifindex">[] | readonly Nexthop[];
  /** `RTAX_*`. */
  readonly metrics?: readonly RawAttribute[];
}

/** Selects the route to delete: absent fields match anything. */
export type RouteRef = Omit<NewRoute, "protocol" | "nexthops"> &
  Partial<Pick<NewRoute, "protocol" | "nexthops">>;

/**
 * `replace` swaps all next hops of the route with the same prefix, table, metric (and, for IPv4,
 * TOS) in one step: no packet sees the table without it.
 */
export function newRoute(route: NewRoute, mode: CreateMode = "create"): Request {
  return {
    type: RTM_NEWROUTE,
    flags: createFlags(mode),
    doing: `${mode === "create" ? "add" : "replace"} route ${formatPrefix(route.prefix)}`,
    encode: (w) => putRoute(w, route, scopeOf(route)),
  };
}

/** Fails with ESRCH when there is none. */
export function deleteRoute(route: RouteRef): Request {
  return {
    type: RTM_DELROUTE,
    flags: 0,
    doing: `delete route ${formatPrefix(route.prefix)}`,
    encode: (w) => putRoute(w, route, route.scope ?? RT_SCOPE_NOWHERE),
  };
}

function scopeOf({ scope, type, nexthops, prefix }: NewRoute): number {
  if (scope !== undefined) return scope;
  if (type === RTN_LOCAL) return RT_SCOPE_HOST;
  const isOnLink = nexthops.length > 0 && nexthops.every(({ via }) => via === undefined);
  return isOnLink && prefix.family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

function completeNexthop(nexthop: Pick<Nexthop, "via" | "ifindex"> | Nexthop): Nexthop {
  return { weight: 1, flags: 0, ...nexthop };
}

function putRoute(w: Writer, route: RouteRef, scope: number): void {
  const { prefix, table = RT_TABLE_MAIN, metrics = [], nexthops: given = [] } = route;
  const nexthops = given.map(completeNexthop);
  assert(
    nexthops.every(({ weight }) => weight >= 1 && weight <= 256),
    "the weight of a next hop is 1 to 256",
  );
  const single = nexthops.length === 1 ? nexthops[0] : undefined;
  w.u8(afOf(prefix.family)).u8(prefix.length).u8(0).u8(0);
  w.u8(table < 256 ? table : RT_TABLE_COMPAT).u8(route.protocol ?? 0);
  w.u8(scope).u8(route.type ?? (route.protocol === undefined ? 0 : RTN_UNICAST));
  w.u32Le(single?.flags ?? 0);
  if (prefix.length > 0) putIp(w, RTA_DST, prefix.address);
  putU32(w, RTA_TABLE, table);
  if (route.metric !== undefined) putU32(w, RTA_PRIORITY, route.metric);
  if (route.preferredSource !== undefined) putIp(w, RTA_PREFSRC, route.preferredSource);
  if (single !== undefined) putSingleNexthop(w, prefix.family, single);
  if (nexthops.length > 1) putMultipath(w, prefix.family, nexthops);
  if (metrics.length > 0) putNested(w, RTA_METRICS, () => putRaw(w, metrics));
}

/** What a dump of routes is narrowed to, by the kernel. */
export interface RouteFilter {
  readonly family: Family;
  readonly table?: number;
  readonly protocol?: number;
  readonly type?: number;
}

/** The header of a dump request. */
export function putRouteFilter(w: Writer, filter: RouteFilter): void {
  const { table = 0 } = filter;
  w.u8(afOf(filter.family)).zeros(3);
  w.u8(table < 256 ? table : RT_TABLE_COMPAT).u8(filter.protocol ?? 0);
  w.u8(0)
    .u8(filter.type ?? 0)
    .u32Le(0);
  if (table > 0) putU32(w, RTA_TABLE, table);
}

/** @throws NetlinkError MALFORMED */
export function decodeRoute(payload: Uint8Array): Route {
  return decoding("route", () => {
    const reader = new Reader(payload);
    const family = decodeFamily(reader.u8());
    const length = reader.u8();
    reader.skip(1);
    const tos = reader.u8();
    const headerTable = reader.u8();
    const [protocol, scope, type] = [reader.u8(), reader.u8(), reader.u8()];
    const flags = reader.u32Le();
    const all = Attributes.decode(reader.rest());
    const metrics = all.nested(RTA_METRICS);
    return {
      prefix: prefixOf(all.ip(RTA_DST) ?? defaultPrefix(family).address, length),
      table: all.u32(RTA_TABLE) ?? headerTable,
      protocol,
      scope,
      type,
      tos,
      flags,
      metric: all.u32(RTA_PRIORITY) ?? 0,
      preferredSource: all.ip(RTA_PREFSRC),
      nexthops: takeNexthops(all, flags),
      nexthopId: all.u32(RTA_NH_ID),
      preference: all.u8(RTA_PREF),
      metrics: metrics === undefined ? [] : metrics.rest(),
      attributes: all.rest(),
    };
  });
}

/** @throws NetlinkError MALFORMED for a family that is not IP: a multicast or MPLS route. */
export function decodeFamily(af: number): Family {
  if (af === AF_INET) return 4;
  if (af === AF_INET6) return 6;
  throw new NetlinkError(`Cannot decode address family: ${af}, want IPv4 or IPv6`, "MALFORMED");
}
