import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatIp,
  formatPrefix,
  type Ifindex,
  type Prefix,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import fc from "fast-check";
import { planRoutes, sameNexthops } from "./fib-plan.ts";
import type { FibNexthop, FibOperation, FibRoute } from "./route-kernel.ts";

/** `192.0.2.1` or `fe80::1%2`. */
function hop(text: string): FibNexthop {
  const [via, ifindex] = text.split("%");
  return {
    via: parseIp(via!),
    ifindex: ifindex === undefined ? undefined : (Number(ifindex) as Ifindex),
  };
}

function desired(routes: Record<string, string[]>): Map<Prefix, FibNexthop[]> {
  return new Map(Object.entries(routes).map(([p, hops]) => [parsePrefix(p), hops.map(hop)]));
}

function actual(routes: Record<string, string[]>): Map<Prefix, FibRoute> {
  const made = [...desired(routes)].map(([prefix, nexthops]): [Prefix, FibRoute] => {
    return [prefix, { prefix, metric: 20, nexthops }];
  });
  return new Map(made);
}

function text({ kind, route }: FibOperation): string {
  const hops = route.nexthops.map((h) => formatIp(h.via) + (h.ifindex ? `%${h.ifindex}` : ""));
  return `${kind} ${formatPrefix(route.prefix)} metric ${route.metric} via ${hops.join(" ")}`;
}

test("planRoutes() creates, replaces, deletes, in the order of the prefixes", () => {
  const plan = planRoutes(
    desired({
      "10.2.0.0/16": ["192.0.2.1"],
      "10.1.0.0/16": ["192.0.2.2", "192.0.2.1"],
      "::/0": ["fe80::1%2", "fe80::1%3"],
      "0.0.0.0/0": ["192.0.2.1", "192.0.2.3"],
      "10.3.0.0/16": ["192.0.2.9", "192.0.2.1"],
    }),
    actual({
      "::/0": ["fe80::1%3", "fe80::1%2"],
      "0.0.0.0/0": ["192.0.2.1%5"],
      "10.3.0.0/16": ["192.0.2.1%5", "192.0.2.9%6"],
      "10.9.0.0/16": ["192.0.2.1%5"],
    }),
    20,
  );
  assert.deepEqual(plan.map(text), [
    "create 10.1.0.0/16 metric 20 via 192.0.2.1 192.0.2.2",
    "create 10.2.0.0/16 metric 20 via 192.0.2.1",
    "replace 0.0.0.0/0 metric 20 via 192.0.2.1 192.0.2.3",
    "delete 10.9.0.0/16 metric 20 via 192.0.2.1%5",
  ]);
});

test("sameNexthops() compares as multisets, and interfaces only where one is asked for", () => {
  const same = (a: string[], b: string[]): boolean => sameNexthops(a.map(hop), b.map(hop));
  assert.ok(same(["192.0.2.1", "192.0.2.2"], ["192.0.2.2%7", "192.0.2.1%6"]));
  assert.ok(!same(["fe80::1%2", "fe80::1%3"], ["fe80::1%2", "fe80::1%2"]));
  assert.ok(same(["fe80::1", "fe80::1%3"], ["fe80::1%3", "fe80::1%2"]));
  assert.ok(!same(["192.0.2.1"], ["192.0.2.1%1", "192.0.2.2%1"]));
  assert.ok(!same(["192.0.2.1%2"], ["192.0.2.1%1"]));
});

test("planRoutes() leaves nothing to do once it was applied", () => {
  const prefixes = ["0.0.0.0/0", "10.0.0.0/8", "::/0", "2001:db8::/32"].map(parsePrefix);
  const hops = fc.subarray(["192.0.2.1", "192.0.2.2", "fe80::1%2", "fe80::1%3"], { minLength: 1 });
  const table = fc.array(fc.tuple(fc.constantFrom(...prefixes), hops), { maxLength: 4 });
  fc.assert(
    fc.property(table, table, (want, have) => {
      const wanted = new Map(want.map(([p, h]) => [p, h.map(hop)]));
      const held = new Map<Prefix, FibRoute>();
      for (const [prefix, h] of have)
        held.set(prefix, { prefix, metric: 20, nexthops: h.map(hop) });
      for (const { kind, route } of planRoutes(wanted, held, 20)) {
        assert.equal(held.has(route.prefix), kind !== "create");
        if (kind === "delete") held.delete(route.prefix);
        else held.set(route.prefix, route);
      }
      assert.deepEqual(planRoutes(wanted, held, 20), []);
      assert.equal(held.size, wanted.size);
    }),
  );
});
