/**
 * rtnetlink: the kernel's links, addresses, routes, rules, neighbors, qdiscs and filters as values;
 * requests as data; errors with the kernel's own explanation.
 * @module
 */
export type { Address, NewAddress } from "./address.ts";
export { decodeAddress, deleteAddress, newAddress } from "./address.ts";
export type { RawAttribute } from "./attributes.ts";
export type { BpfFilter, Filter, FilterHook, NewBpfFilter } from "./filter.ts";
export { decodeFilter, deleteBpfFilter, newBpfFilter } from "./filter.ts";
export type { Link, LinkKind, LinkRef, LinkSettings, NewLink, VethPeer } from "./link.ts";
export { decodeLink, deleteLink, getLink, newLink, setLink } from "./link.ts";
export type { Change, MonitorEvents, MonitoredObject, RtnetlinkEvent } from "./monitor.ts";
export { decodeEvent, monitor } from "./monitor.ts";
export type { Neighbor, NeighborFilter, NewNeighbor } from "./neighbor.ts";
export { decodeNeighbor, deleteNeighbor, newNeighbor } from "./neighbor.ts";
export type { ExtendedAck, RequestPosition } from "./netlink-error.ts";
export { NetlinkError } from "./netlink-error.ts";
export type { Nexthop } from "./nexthop.ts";
export type { Qdisc, SharedBlocks } from "./qdisc.ts";
export { decodeQdisc, deleteClsact, newClsact } from "./qdisc.ts";
export type { CreateMode, Request } from "./request.ts";
export type { NewRoute, Route, RouteFilter, RouteRef } from "./route.ts";
export { decodeRoute, deleteRoute, newRoute } from "./route.ts";
export type { Outcome } from "./rtnetlink.ts";
export { isAbsent, Rtnetlink } from "./rtnetlink.ts";
export type { NewRule, Rule } from "./rule.ts";
export { decodeRule, deleteRule, newRule } from "./rule.ts";
export * from "./uapi/fib-rules.ts";
export * from "./uapi/if-link.ts";
export * from "./uapi/neighbour.ts";
export * from "./uapi/pkt-sched.ts";
export * from "./uapi/rtnetlink.ts";
