import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp, parseMac, parsePrefix, parseVrfId } from "@heddle/inet";
import type { Allocation, OwnedBlock } from "../journal/allocation.ts";
import { allocationViewsOf, blockViewsOf } from "./views.ts";

const allocation: Allocation = {
  network: "heddle",
  containerId: "c1",
  ifname: "eth0",
  netnsPath: "/run/netns/c1",
  hostIfname: "hv0",
  namespace: "default",
  pod: "web-1",
  podUid: "u1",
  subnet: "pods",
  vpc: "default",
  vrf: parseVrfId(0),
  mac: parseMac("02:00:00:00:00:01"),
  mtu: 9000,
  addresses: [parseIp("10.244.0.5"), parseIp("fd00:10:244::5")],
  claim: undefined,
  sinceMs: 0,
};

const block: OwnedBlock = {
  prefix: parsePrefix("10.244.0.0/26"),
  pool: "pods-ipv4",
  subnet: "pods",
  claim: undefined,
};

const state = {
  allocations: new Map([["c1/eth0", allocation]]),
  blocks: new Map([[block.prefix, block]]),
  strangers: new Map(),
};

test("blockViewsOf() counts the addresses that pods have", () => {
  assert.deepEqual(blockViewsOf("node1", state), [
    { node: "node1", cidr: "10.244.0.0/26", pool: "pods-ipv4", subnet: "pods", size: 64, used: 1 },
  ]);
});

test("allocationViewsOf() has one row per address", () => {
  const rows = allocationViewsOf("node1", state);
  assert.deepEqual(
    rows.map(({ address, pod, since, claim }) => [address, pod, since, claim]),
    [
      ["10.244.0.5", "web-1", "1970-01-01T00:00:00.000Z", null],
      ["fd00:10:244::5", "web-1", "1970-01-01T00:00:00.000Z", null],
    ],
  );
});
