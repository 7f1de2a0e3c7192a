import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node } from "@heddle/api";
import { formatIp, parseIp } from "@heddle/inet";
import { chooseNodeAddresses } from "./node-addresses.ts";

function nodeWith(...internal: readonly string[]): Node {
  const addresses = [
    { type: "Hostname", address: "node1" },
    ...internal.map((address) => ({ type: "InternalIP", address })),
  ];
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    spec: {},
    status: { addresses },
  };
}

const own = [
  ["eth9", "198.51.100.9"],
  ["up1", "172.16.1.0"],
  ["up1", "fd00:16:1::"],
  ["lo", "192.0.2.1"],
  ["mgmt", "198.18.0.11"],
].map(([ifname = "", address = ""]) => ({ ifname, address: parseIp(address) }));

test("chooseNodeAddresses() prefers an InternalIP that the node has, then lo, then uplinks", () => {
  const choose = (node: Node, uplinks = ["up1"], addresses = own): string[] =>
    chooseNodeAddresses(node, uplinks, addresses).map(formatIp);
  assert.deepEqual(choose(nodeWith("198.18.0.11")), ["198.18.0.11", "fd00:16:1::"]);
  assert.deepEqual(choose(nodeWith("203.0.113.5", "nonsense")), ["192.0.2.1", "fd00:16:1::"]);
  assert.deepEqual(choose(nodeWith(), []), ["192.0.2.1"]);
  const withoutLo = own.filter(({ ifname }) => ifname !== "lo");
  assert.deepEqual(choose(nodeWith(), ["up1"], withoutLo), ["172.16.1.0", "fd00:16:1::"]);
  assert.deepEqual(choose({ ...nodeWith(), status: {} }, [], []), []);
});
