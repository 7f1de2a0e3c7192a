import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "./rehearsal.ts";

test("rehearse() passes a table on, in each round and family", () => {
  const families = ["ipv4-unicast", "ipv4-vpn", "evpn", "ipv6-unicast"] as const;
  const counts = families.map((family) => rehearse([family, "route-target"]));
  assert.deepEqual(counts, [3 * 8192, 3 * 2048, 3 * 2048, 3 * 8192]);
  assert.equal(rehearse(["route-target"]), 0);
});
