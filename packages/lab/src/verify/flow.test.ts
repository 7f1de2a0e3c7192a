import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIp } from "@heddle/inet";
import {
  type Flow,
  type FlowEndpoint,
  judgeFlow,
  type PodEndpoint,
  planFlows,
  podLeftOut,
} from "./flow.ts";

function endpoint(name: string, ...addresses: string[]): FlowEndpoint {
  const own = addresses.map(parseIp);
  return { name, device: name, pid: 1, addresses: own, ownAddresses: own };
}

function pod(name: string, node: string, rack: string, last: number): PodEndpoint {
  const { addresses } = endpoint(name, `10.244.0.${last}`, `fd00:10:244::${last}`);
  return { name, device: node, pid: 1, addresses, ownAddresses: addresses, node, rack };
}

const inventory = {
  pods: [
    pod("a", "node1", "A", 1),
    pod("b", "node1", "A", 2),
    pod("c", "node2", "A", 3),
    pod("d", "node3", "B", 4),
  ],
  nodes: [endpoint("node1", "172.16.0.1"), endpoint("node2", "172.16.0.5")],
  bareMetal: [endpoint("bm1", "192.168.50.10", "fd00:192:168:50::10")],
  external: [endpoint("ext1", "203.0.113.10", "2001:db8:113::10")],
};

test("planFlows() names every kind of flow once, in both families and three protocols", () => {
  const { flows, missing } = planFlows(inventory);
  assert.deepEqual(missing, []);
  const kinds = [...new Set(flows.map((f) => `${f.flow}: ${f.from.name} ${f.to.name}`))];
  assert.deepEqual(kinds, [
    "pod-pod same node: a b",
    "pod-pod same rack: a c",
    "pod-pod across racks: a d",
    "pod-bare metal: a bm1",
    "bare metal-pod: bm1 a",
    "pod-external: a ext1",
    "external-pod: ext1 a",
    "node-pod own node: node1 a",
    "node-pod other node: node2 a",
  ]);
  assert.equal(flows.length, 7 * 6 + 2 * 3);
});

test("planFlows() says what it cannot verify", () => {
  const { missing } = planFlows({ ...inventory, pods: inventory.pods.slice(0, 2), external: [] });
  assert.deepEqual(
    missing.map((m) => m.flow),
    ["pod-pod same rack", "pod-pod across racks", "pod-external", "external-pod"],
  );
});

test("judgeFlow() fails an answer that saw a translated source", () => {
  const flow = planFlows(inventory).flows[0] as Flow;
  const answer = { ok: true, latencyMs: 0.1, seenSource: "10.244.0.1", reason: "" };
  assert.equal(judgeFlow(flow, answer).verdict, "pass");
  const translated = judgeFlow(flow, { ...answer, seenSource: "172.16.0.1" });
  assert.equal(translated.reason, "the receiver saw 172.16.0.1, want 10.244.0.1");
  assert.equal(judgeFlow(flow, undefined).verdict, "fail");
});

test("podLeftOut() names a pod whose interface has other addresses than the cluster knows", () => {
  const [known, own] = [[parseIp("10.244.0.5")], [parseIp("10.0.0.5"), parseIp("fd00::5")]];
  assert.equal(podLeftOut("default/a", known, [...own, ...known]), undefined);
  assert.deepEqual(podLeftOut("default/a", known, own), {
    ...{ flow: "pod of a VPC", from: "default/a", to: "-", family: null, protocol: null },
    ...{ verdict: "skip", latencyMs: null },
    reason: "left out: its interface has 10.0.0.5, fd00::5, the cluster knows it as 10.244.0.5",
  });
});
