import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp, parseMac, parsePrefix, parseVrfId } from "@heddle/inet";
import { type Allocation, blockKeyOf, type OwnedBlock } from "../journal/allocation.ts";
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
  infrastructureAddresses: [],
  claim: undefined,
  sinceMs: 0,
};

const block: OwnedBlock = {
  prefix: parsePrefix("10.244.0.0/26"),
  pool: "pods-ipv4",
  subnet: "pods",
  vpc: "default",
  vrf: parseVrfId(0),
  claim: undefined,
};

/** A pod of another VPC, whose block has the same prefix. */
const red: Allocation = {
  ...allocation,
  ...{ containerId: "c2", pod: "web-2", hostIfname: "hv1" },
  ...{ subnet: "red-pods", vpc: "red", vrf: parseVrfId(7) },
  addresses: [parseIp("10.244.0.5")],
  infrastructureAddresses: [parseIp("10.244.0.6")],
};

const redBlock: OwnedBlock = {
  ...block,
  ...{ pool: "red-ipv4", subnet: "red-pods", vpc: "red", vrf: parseVrfId(7) },
};

const state = {
  allocations: new Map([
    ["c1/eth0", allocation],
    ["c2/eth0", red],
  ]),
  blocks: new Map([redBlock, block].map((each) => [blockKeyOf(each), each])),
  strangers: new Map(),
};

test("blockViewsOf() counts the addresses that pods have, each in its VPC", () => {
  const common = { node: "node1", cidr: "10.244.0.0/26", size: 64 };
  assert.deepEqual(blockViewsOf("node1", state), [
    { ...common, pool: "pods-ipv4", subnet: "pods", vpc: "default", used: 2 },
    { ...common, pool: "red-ipv4", subnet: "red-pods", vpc: "red", used: 1 },
  ]);
});

test("allocationViewsOf() has one row per address", () => {
  const rows = allocationViewsOf("node1", state);
  assert.deepEqual(
    rows.map(({ address, vpc, pod, since, claim }) => [address, vpc, pod, since, claim]),
    [
      ["10.244.0.5", "default", "web-1", "1970-01-01T00:00:00.000Z", null],
      ["fd00:10:244::5", "default", "web-1", "1970-01-01T00:00:00.000Z", null],
      ["10.244.0.5", "red", "web-2", "1970-01-01T00:00:00.000Z", null],
      ["10.244.0.6", "default", "web-2", "1970-01-01T00:00:00.000Z", null],
    ],
  );
});
