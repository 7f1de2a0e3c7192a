import assert from "node:assert/strict";
import { test } from "node:test";
import { rehearse } from "./rehearsal.ts";

test("rehearse() passes a table on, in each round and plain family", () => {
  assert.equal(rehearse(["ipv4-unicast", "evpn", "ipv6-unicast"]), 2 * 3 * 8192);
  assert.equal(rehearse(["evpn"]), 0);
});
