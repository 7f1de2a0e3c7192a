import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { type Node, nodeKind } from "@heddle/api";
import { parseIp } from "@heddle/inet";
import { MemoryStore } from "@heddle/kube";
import { parseLabDefinition } from "../definition/parse.ts";
import { deriveTopology } from "../topology/topology.ts";
import { clusterObjects, nodeStatus } from "./objects.ts";

const example = path.resolve(import.meta.dirname, "../../../../examples/lab.yaml");
const topology = deriveTopology(parseLabDefinition(readFileSync(example, "utf8")));

test("the lab's objects are valid, and can be created in their order", async () => {
  await using store = new MemoryStore();
  const objects = clusterObjects(topology);
  for (const { kind, object } of objects) {
    assert.deepEqual(kind.validate(object), [], `${kind.kind} ${object.metadata.name}`);
    await store.create(kind, object);
  }
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind.kind, (counts.get(kind.kind) ?? 0) + 1);
  const nodeCount = topology.devices.filter(({ role }) => role === "node").length;
  const { switches, links } = topology.objects;
  assert.deepEqual(Object.fromEntries(counts), {
    ...{ Fabric: 1, Switch: switches.length, Link: links.length, BGPConfiguration: 1 },
    ...{ Subnet: 1, IPPool: 4, Node: nodeCount },
  });
});

test("nodeStatus() reports a ready node that is valid", () => {
  const node = clusterObjects(topology).find(({ kind }) => kind.kind === "Node")?.object as Node;
  const ready = nodeStatus(node, parseIp("198.18.0.11"), "2026-01-01T00:00:00Z");
  assert.deepEqual(nodeKind.validate(ready), []);
  assert.deepEqual(ready.status?.addresses, [
    { type: "Hostname", address: node.metadata.name },
    { type: "InternalIP", address: "198.18.0.11" },
  ]);
});
