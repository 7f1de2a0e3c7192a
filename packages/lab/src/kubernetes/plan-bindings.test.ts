import assert from "node:assert/strict";
import { test } from "node:test";
import { planBindings } from "./plan-bindings.ts";
import { node, pod } from "./testing/objects.ts";

function plan(...args: Parameters<typeof planBindings>): string[] {
  return planBindings(...args).map((it) => `${it.pod.metadata.name} ${it.nodeName}`);
}

test("planBindings() spreads pods over the least loaded nodes", () => {
  const nodes = [node("node2"), node("node1"), node("node3")];
  const pods = [pod("old", { nodeName: "node1" }), pod("a"), pod("b"), pod("c")];
  assert.deepEqual(plan(pods, nodes), ["a node2", "b node3", "c node1"]);
});

test("planBindings() does not count pods that ended, nor bind those that are going", () => {
  const ended = pod("ended", { nodeName: "node1" }, { phase: "Succeeded" });
  const going = pod("going");
  const metadata = { ...going.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
  const nodes = [node("node1"), node("node2")];
  assert.deepEqual(plan([ended, { ...going, metadata }, pod("a")], nodes), ["a node1"]);
});

test("planBindings() respects nodeSelector, unschedulable and Ready", () => {
  const nodes = [
    node("node1", { zone: "a" }),
    node("node2", { zone: "b" }),
    { ...node("node3", { zone: "b" }), spec: { unschedulable: true } },
    node("node4", { zone: "b" }, "False"),
  ];
  const pods = [
    pod("a", { nodeSelector: { zone: "b" } }),
    pod("b", { nodeSelector: { zone: "c" } }),
  ];
  assert.deepEqual(plan(pods, nodes), ["a node2", "b undefined"]);
});
