/**
 * The difference between what a node should originate and what it does, as operations. A new or
 * changed route is announced before another is withdrawn, so that a host which only changes its
 * route (a new address, a new label) is reachable throughout.
 */
import type { OriginatedRoutes } from "./originate.ts";
import { equalOriginated, formatOriginated, type OriginatedRoute } from "./originated-route.ts";

export interface OriginateOp {
  readonly op: "announce" | "withdraw";
  readonly route: OriginatedRoute;
}

/** What makes `actual` equal to `desired`; sorted, so the same for the same input. */
export function plan(desired: OriginatedRoutes, actual: OriginatedRoutes): OriginateOp[] {
  const announced: OriginatedRoute[] = [];
  const withdrawn: OriginatedRoute[] = [];
  for (const [id, route] of desired) {
    const current = actual.get(id);
    if (current === undefined || !equalOriginated(route, current)) announced.push(route);
  }
  for (const [id, route] of actual) if (!desired.has(id)) withdrawn.push(route);
  return [...opsOf("announce", announced), ...opsOf("withdraw", withdrawn)];
}

function opsOf(op: OriginateOp["op"], routes: readonly OriginatedRoute[]): OriginateOp[] {
  const keyed = routes.map((route) => ({ route, text: formatOriginated(route) }));
  keyed.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return keyed.map(({ route }) => ({ op, route }));
}

export function formatOp({ op, route }: OriginateOp): string {
  return `${op} ${formatOriginated(route)}`;
}
