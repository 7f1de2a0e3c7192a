/**
 * The difference of two data plane states as operations. Order: what is referred to comes before
 * what refers to it, and goes after it, so every state in between forwards each packet as the one
 * before or the one after does, or drops it.
 */
import { formatPrefix, type Ifindex, type Prefix } from "@heddle/inet";
import { unreachable } from "@heddle/std";
import {
  type DataplaneState,
  equalTargets,
  equalVifs,
  formatRoute,
  formatVif,
  type RouteEntry,
  type VifEntry,
} from "./dataplane-state.ts";

export type Op =
  | { readonly op: "put-unreachable"; readonly prefix: Prefix }
  | { readonly op: "put-vif"; readonly vif: VifEntry }
  | { readonly op: "put-route"; readonly route: RouteEntry }
  | { readonly op: "delete-route"; readonly route: RouteEntry }
  | { readonly op: "delete-vif"; readonly ifindex: Ifindex }
  | { readonly op: "delete-unreachable"; readonly prefix: Prefix };

/** The kinds of operation in the order in which they are applied. */
const order: readonly Op["op"][] = [
  "put-unreachable",
  "put-vif",
  "put-route",
  "delete-route",
  "delete-vif",
  "delete-unreachable",
];

/**
 * Sorts in place: by kind, then by text, so that a plan does not depend on the order of its inputs.
 */
export function sortOps(ops: Op[]): Op[] {
  const keyed = ops.map((op) => ({ op, rank: order.indexOf(op.op), text: formatOp(op) }));
  keyed.sort((a, b) => a.rank - b.rank || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return keyed.map(({ op }) => op);
}

/** What makes `actual` equal to `desired`. */
export function plan(desired: DataplaneState, actual: DataplaneState): Op[] {
  const ops: Op[] = [];
  for (const vif of desired.vifs.values()) {
    const current = actual.vifs.get(vif.ifindex);
    if (current === undefined || !equalVifs(vif, current)) ops.push({ op: "put-vif", vif });
  }
  for (const ifindex of actual.vifs.keys()) {
    if (!desired.vifs.has(ifindex)) ops.push({ op: "delete-vif", ifindex });
  }
  for (const [key, route] of desired.routes) {
    const current = actual.routes.get(key);
    const same = current !== undefined && equalTargets(route.target, current.target);
    if (!same) ops.push({ op: "put-route", route });
  }
  for (const [key, route] of actual.routes) {
    if (!desired.routes.has(key)) ops.push({ op: "delete-route", route });
  }
  for (const prefix of desired.unreachable) {
    if (!actual.unreachable.has(prefix)) ops.push({ op: "put-unreachable", prefix });
  }
  for (const prefix of actual.unreachable) {
    if (!desired.unreachable.has(prefix)) ops.push({ op: "delete-unreachable", prefix });
  }
  return sortOps(ops);
}

export function formatOp(op: Op): string {
  switch (op.op) {
    case "put-unreachable":
    case "delete-unreachable":
      return `${op.op} ${formatPrefix(op.prefix)}`;
    case "put-vif":
      return `${op.op} ${formatVif(op.vif)}`;
    case "delete-vif":
      return `${op.op} ${op.ifindex}`;
    case "put-route":
    case "delete-route":
      return `${op.op} ${formatRoute(op.route)}`;
    default:
      return unreachable(op);
  }
}
