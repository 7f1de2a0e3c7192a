/**
 * Unreachable routes for the node's own blocks in the kernel's main table: a packet to an address
 * that no pod has gets an ICMP error instead of following the default route back to the fabric.
 * Their metric is the worst, so that a pod's host route wins over a block of one address.
 */
import type { Prefix } from "@heddle/inet";
import {
  deleteRoute,
  isAbsent,
  newRoute,
  type Route,
  RT_TABLE_MAIN,
  RTN_UNREACHABLE,
  type Rtnetlink,
} from "@heddle/netlink";
import { protoHeddle } from "./links/pod-mark.ts";

/** Greater than that of any route that is meant to carry packets. */
const metric = 0xfffffff0;

const families = [4, 6] as const;

/** The prefixes that have such a route. @throws NetlinkError */
export function observeUnreachable(rtnetlink: Rtnetlink): Set<Prefix> {
  const routes = families.flatMap((family) =>
    rtnetlink.routes({ family, table: RT_TABLE_MAIN, protocol: protoHeddle }),
  );
  return new Set(routes.filter(isOurs).map(({ prefix }) => prefix));
}

function isOurs(route: Route): boolean {
  return route.type === RTN_UNREACHABLE && route.metric === metric;
}

/** Idempotent. @throws NetlinkError */
export function putUnreachable(rtnetlink: Rtnetlink, prefix: Prefix): void {
  const route = { prefix, protocol: protoHeddle, type: RTN_UNREACHABLE, metric, nexthops: [] };
  rtnetlink.execute([newRoute(route, "replace")]);
}

/** Idempotent. @throws NetlinkError */
export function deleteUnreachable(rtnetlink: Rtnetlink, prefix: Prefix): void {
  const route = { prefix, protocol: protoHeddle, type: RTN_UNREACHABLE, metric };
  const [failure] = rtnetlink.submit([deleteRoute(route)]);
  if (failure !== undefined && !isAbsent(failure)) throw failure;
}
