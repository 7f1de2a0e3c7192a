import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Lease, leaseKind, type Node, nodeKind } from "@heddle/api";
import { MemoryStore } from "@heddle/kube";
import { VirtualClock } from "@heddle/std";
import { NodeLiveness } from "./node-liveness.ts";

const store = new MemoryStore();
after(() => store[Symbol.asyncDispose]());
const clock = new VirtualClock();
const liveness = new NodeLiveness({ self: "me", store, clock, routeGraceMs: 10_000 });

async function addNode(name: string, spec: Node["spec"] = {}): Promise<void> {
  await store.create(nodeKind, { apiVersion: "v1", kind: "Node", metadata: { name }, spec });
}

async function addLease(name: string, spec: NonNullable<Lease["spec"]>): Promise<void> {
  const metadata = { name, namespace: "kube-node-lease" };
  await store.create(leaseKind, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata,
    spec,
  });
}

const renewTime = new Date(0).toISOString();
const off: Node["spec"] = {
  taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }],
};

test("an absent node says nothing where nodes are not registered", async () => {
  assert.equal(await liveness.isGone("ghost"), false);
  clock.advance(1_000_000);
  assert.equal(await liveness.isGone("ghost"), false);
});

test("a deleted node is gone when its routes had time to go", async () => {
  await addNode("me");
  assert.equal(await liveness.isGone("deleted"), false);
  clock.advance(9_000);
  assert.equal(await liveness.isGone("deleted"), false);
  clock.advance(2_000);
  assert.equal(await liveness.isGone("deleted"), true);
});

test("a silent node is never gone, a node declared off is when its lease has run out", async () => {
  await addNode("silent");
  await addLease("silent", { renewTime, leaseDurationSeconds: 40 });
  assert.equal(await liveness.isGone("silent"), false);
  await addNode("off", off);
  await addLease("off", { renewTime, leaseDurationSeconds: 40 });
  assert.equal(await liveness.isGone("off"), true);
  await addNode("busy", off);
  const recent = new Date(clock.wallMs()).toISOString();
  await addLease("busy", { renewTime: recent, leaseDurationSeconds: 40 });
  assert.equal(await liveness.isGone("busy"), false);
  await addNode("odd", off);
  await addLease("odd", {});
  assert.equal(await liveness.isGone("odd"), false);
});
