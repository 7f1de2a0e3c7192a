import assert from "node:assert/strict";
import { test } from "node:test";
import { runVpn } from "./vpn.ts";

test("vpn: a host is reached over VXLAN, and no longer when it has moved here", () => {
  assert.deepEqual(runVpn(), [
    "the host is behind the second node",
    "MAC 02:00:00:00:00:0a: vxlan 192.0.2.2 vni 10070",
    "flood: vxlan 192.0.2.2 vni 10070",
    "neighbor 10.0.0.10: 02:00:00:00:00:0a",
    "route 10.0.0.10/32: vxlan 192.0.2.2 vni 10007 mac 02:00:00:00:ff:02",
    "it moves to the first",
    "announced with sequence number 1",
    "MAC 02:00:00:00:00:0a: gone",
    "neighbor 10.0.0.10: gone",
    "route 10.0.0.10/32: gone",
  ]);
});
