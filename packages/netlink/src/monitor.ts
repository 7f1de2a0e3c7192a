/**
 * Changes of links, addresses, routes and so on as typed events, on the event loop of the calling
 * thread.
 */
import {
  type Fd,
  type NetlinkMessage,
  NetlinkMonitor,
  type SystemError,
  splitMessages,
} from "@heddle/native";
import { type Address, decodeAddress } from "./address.ts";
import { decodeLink, type Link } from "./link.ts";
import { decodeNeighbor, type Neighbor } from "./neighbor.ts";
import { decoding, NetlinkError } from "./netlink-error.ts";
import { decodeRoute, type Route } from "./route.ts";
import { decodeRule, type Rule } from "./rule.ts";
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "./uapi/rtnetlink.ts";

/** `new` also means changed. */
export type Change = "new" | "delete";

export type RtnetlinkEvent =
  | { readonly object: "link"; readonly change: Change; readonly link: Link }
  | { readonly object: "address"; readonly change: Change; readonly address: Address }
  | { readonly object: "route"; readonly change: Change; readonly route: Route }
  | { readonly object: "rule"; readonly change: Change; readonly rule: Rule }
  | { readonly object: "neighbor"; readonly change: Change; readonly neighbor: Neighbor };

export type MonitoredObject = RtnetlinkEvent["object"];

const groupsOf: Readonly<Record<MonitoredObject, readonly number[]>> = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
  neighbor: [RTNLGRP_NEIGH],
};

export interface MonitorEvents {
  /** The changes of one wake-up, in order; never empty. */
  readonly changes: (events: readonly RtnetlinkEvent[]) => void;
  /** Changes were lost: dump again. */
  readonly overrun: () => void;
  /** The socket is broken and the monitor closed. */
  readonly failed: (error: SystemError) => void;
  /** A message could not be decoded and was left out. */
  readonly undecodable: (error: NetlinkError) => void;
}

/**
 * Subscribes in `netns` (borrowed for the call; by default the calling thread's). Active when it
 * returns, so a dump made after it misses nothing. The caller disposes of it.
 * @throws SystemError
 */
export function monitor(
  objects: readonly MonitoredObject[],
  events: MonitorEvents,
  netns?: Fd,
): NetlinkMonitor {
  const groups = objects.flatMap((object) => groupsOf[object]);
  const data = (bytes: Uint8Array): void => {
    const decoded = decodeAll(bytes, events.undecodable);
    if (decoded.length > 0) events.changes(decoded);
  };
  const { overrun, failed } = events;
  return new NetlinkMonitor(groups, { data, overrun, failed }, { netns });
}

function decodeAll(
  bytes: Uint8Array,
  undecodable: (error: NetlinkError) => void,
): RtnetlinkEvent[] {
  const decoded: RtnetlinkEvent[] = [];
  for (const message of splitAll(bytes, undecodable)) {
    try {
      const event = decodeEvent(message);
      if (event !== undefined) decoded.push(event);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      undecodable(error);
    }
  }
  return decoded;
}

/** After wrong framing nothing of the rest can be found. */
function splitAll(
  bytes: Uint8Array,
  undecodable: (error: NetlinkError) => void,
): readonly NetlinkMessage[] {
  try {
    return decoding("netlink message", () => [...splitMessages(bytes)]);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    undecodable(error);
    return [];
  }
}

/** Undefined for a message of another type. @throws NetlinkError MALFORMED */
export function decodeEvent({ type, payload }: NetlinkMessage): RtnetlinkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return { object: "link", change: changeOf(type, RTM_NEWLINK), link: decodeLink(payload) };
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return {
        object: "address",
        change: changeOf(type, RTM_NEWADDR),
        address: decodeAddress(payload),
      };
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return { object: "route", change: changeOf(type, RTM_NEWROUTE), route: decodeRoute(payload) };
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return { object: "rule", change: changeOf(type, RTM_NEWRULE), rule: decodeRule(payload) };
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return {
        object: "neighbor",
        change: changeOf(type, RTM_NEWNEIGH),
        neighbor: decodeNeighbor(payload),
      };
    default:
      return undefined;
  }
}

function changeOf(type: number, newType: number): Change {
  return type === newType ? "new" : "delete";
}
