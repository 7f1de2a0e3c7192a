/** What has to be done to a set of kernel routes; pure. */
import { compareIp, comparePrefix, type Prefix } from "@heddle/inet";
import { plan } from "@heddle/reconcile";
import type { FibNexthop, FibOperation, FibRoute } from "./route-kernel.ts";

/**
 * Operations that turn `actual` into `desired`, both complete for the prefixes they are about:
 * first what brings reachability, then what changes it, last what takes it away.
 */
export function planRoutes(
  desired: ReadonlyMap<Prefix, readonly FibNexthop[]>,
  actual: ReadonlyMap<Prefix, FibRoute>,
  metric: number,
): FibOperation[] {
  const made = plan(desired, actual, {
    isEqual: (nexthops, route) => sameNexthops(nexthops, route.nexthops),
    compare: comparePrefix,
  });
  const routeOf = (prefix: Prefix, nexthops: readonly FibNexthop[]): FibRoute => ({
    prefix,
    metric,
    nexthops: [...nexthops].sort(compareNexthops),
  });
  return [
    ...made.create.map((op): FibOperation => {
      return { kind: "create", route: routeOf(op.key, op.desired) };
    }),
    ...made.update.map((op): FibOperation => {
      return { kind: "replace", route: routeOf(op.key, op.desired) };
    }),
    ...made.delete.map((op): FibOperation => ({ kind: "delete", route: op.actual })),
  ];
}

/**
 * The same next hops in any order. A desired one without an interface takes whichever the kernel
 * chose.
 */
export function sameNexthops(
  desired: readonly FibNexthop[],
  actual: readonly FibNexthop[],
): boolean {
  if (desired.length !== actual.length) return false;
  const left = [...actual];
  // Those that name their interface first, so that the others do not take their match.
  const wanted = [...desired].sort(
    (a, b) => Number(a.ifindex === undefined) - Number(b.ifindex === undefined),
  );
  for (const want of wanted) {
    const at = left.findIndex(
      (have) =>
        have.via === want.via && (want.ifindex === undefined || want.ifindex === have.ifindex),
    );
    if (at < 0) return false;
    left.splice(at, 1);
  }
  return true;
}

function compareNexthops(a: FibNexthop, b: FibNexthop): number {
  return compareIp(a.via, b.via) || (a.ifindex ?? 0) - (b.ifindex ?? 0);
}
