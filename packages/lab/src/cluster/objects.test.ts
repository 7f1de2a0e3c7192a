import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { type BGPPeer, type Node, nodeKind } from "@heddle/api";
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
    ...{ BGPPeer: topology.management.routeServers.length },
    ...{ Subnet: 1, IPPool: 4, Node: nodeCount },
  });
});

test("nodes dial each route server over TLS, by the name that its certificate bears", () => {
  const peers = clusterObjects(topology).filter(({ kind }) => kind.kind === "BGPPeer");
  assert.deepEqual(
    peers.map(({ object }) => (object as BGPPeer).spec).map(({ exportPolicy, ...spec }) => spec),
    ["rs1", "rs2"].map((name, i) => ({
      ...{ kind: "reflector", peerAddress: `198.18.0.${2 + i}`, port: 1790, peerAsn: 65203 },
      tls: { serverName: `${name}.route-servers.heddle` },
    })),
  );
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
