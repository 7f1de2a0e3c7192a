import assert from "node:assert/strict";
import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ipBlockKind, portKind } from "@heddle/api";
import type { Gate } from "../testing/fake-dataplane.ts";
import {
  addPod,
  addressesOf,
  delRequest,
  gcRequest,
  newCluster,
  type TestCluster,
} from "../testing/test-cluster.ts";

/** Lets `count` operations pass the point, then never returns: the process has died there. */
function dieAt(point: string): { gate: Gate; died: Promise<void> } {
  const { promise: died, resolve } = Promise.withResolvers<void>();
  const gate: Gate = async (at) => {
    if (at !== point) return;
    resolve();
    await new Promise(() => undefined);
  };
  return { gate, died };
}

const journalOf = (cluster: TestCluster): string =>
  join(cluster.directory, "node1", "allocations.journal");

test("a restarted node keeps its pods, addresses and routes, and writes nothing new", async () => {
  await using cluster = await newCluster();
  const first = await cluster.startNode("node1");
  const pods = await Promise.all([0, 1, 2].map((i) => cluster.addPod("default", `web-${i}`)));
  const before = await Promise.all(pods.map((pod) => addPod(cluster, first, "node1", pod)));
  await first.settled();
  const ports = (await cluster.store.list(portKind)).items;
  cluster.routes.byNode.get("node1")?.clear();
  const second = await cluster.startNode("node1");
  await second.settled();
  for (const [i, pod] of pods.entries()) {
    assert.deepEqual(await addPod(cluster, second, "node1", pod), before[i]);
  }
  assert.deepEqual((await cluster.store.list(portKind)).items, ports);
  const blocks = (await cluster.store.list(ipBlockKind)).items.map((block) => block.spec.cidr);
  assert.deepEqual(cluster.routes.of("node1").toSorted(), blocks.toSorted());
  const fresh = await addPod(cluster, second, "node1", await cluster.addPod("default", "new"));
  const used = before.flatMap(addressesOf);
  for (const address of addressesOf(fresh)) assert.equal(used.includes(address), false);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
});

test("a node restarts without the API server: pods stay, DEL works, ADD waits", async () => {
  await using cluster = await newCluster();
  const first = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  await addPod(cluster, first, "node1", pod);
  const routes = cluster.routes.of("node1");
  cluster.routes.byNode.get("node1")?.clear();
  cluster.synced = false;
  const second = await cluster.startNode("node1");
  assert.deepEqual(cluster.routes.of("node1").toSorted(), routes.toSorted());
  await second.network.del(delRequest("web"));
  assert.equal(cluster.kernel("node1").pods.size, 0);
  await assert.rejects(addPod(cluster, second, "node1", pod), { code: "TryAgainLater" });
});

for (const point of ["before attach", "after attach"]) {
  test(`a crash ${point} of an ADD leaves nothing once the runtime has cleaned up`, async () => {
    await using cluster = await newCluster("10.0.0.0/29", 29);
    const { gate, died } = dieAt(point);
    const first = await cluster.startNode("node1", { gate });
    const pod = await cluster.addPod("default", "web");
    void addPod(cluster, first, "node1", pod);
    await died;
    const second = await cluster.startNode("node1");
    await second.network.del(delRequest("web"));
    await assertReusable(cluster, second, 6);
  });
}

for (const point of ["before detach", "after detach"]) {
  test(`a crash ${point} of a DEL leaves nothing once the runtime has tried again`, async () => {
    await using cluster = await newCluster("10.0.0.0/29", 29);
    const { gate, died } = dieAt(point);
    const first = await cluster.startNode("node1", { gate });
    const pod = await cluster.addPod("default", "web");
    await addPod(cluster, first, "node1", pod);
    void first.network.del(delRequest("web"));
    await died;
    const second = await cluster.startNode("node1");
    await second.network.del(delRequest("web"));
    await assertReusable(cluster, second, 6);
  });
}

/** Every address of the pool can be given, once. */
async function assertReusable(
  cluster: TestCluster,
  node: Awaited<ReturnType<TestCluster["startNode"]>>,
  count: number,
): Promise<void> {
  assert.equal(cluster.kernel("node1").pods.size, 0);
  assert.equal(node.state.allocations.size, 0);
  const seen = new Set<string>();
  for (let i = 0; i < count; i += 1) {
    const pod = await cluster.addPod("default", `again-${i}`);
    seen.add(addressesOf(await addPod(cluster, node, "node1", pod))[0] as string);
  }
  assert.equal(seen.size, count);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
}

test("a crash after the journal and before the plumbing keeps the address until DEL", async () => {
  await using cluster = await newCluster("10.0.0.0/30", 30);
  const { gate, died } = dieAt("before attach");
  const first = await cluster.startNode("node1", { gate });
  void addPod(cluster, first, "node1", await cluster.addPod("default", "a"));
  await died;
  while (first.state.allocations.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await cluster.startNode("node1");
  const b = await cluster.addPod("default", "b");
  await addPod(cluster, second, "node1", b);
  await assert.rejects(addPod(cluster, second, "node1", await cluster.addPod("default", "c")), {
    code: "PoolExhausted",
  });
  await second.network.gc(gcRequest(["b"]));
  await addPod(cluster, second, "node1", await cluster.addPod("default", "d"));
  assert.deepEqual(cluster.kernel("node1").doubles, []);
});

test("an interface whose ADD was never answered is removed", async () => {
  await using cluster = await newCluster();
  const first = await cluster.startNode("node1");
  await addPod(cluster, first, "node1", await cluster.addPod("default", "a"));
  const kernel = cluster.kernel("node1");
  const [known] = kernel.pods.values();
  assert.ok(known !== undefined);
  kernel.attach({ ...known, hostIfname: "hv00000000bad", addresses: [] });
  await cluster.startNode("node1");
  assert.deepEqual([...kernel.pods.keys()], [known.hostIfname]);
});

test("a lost journal gives away no address of a living pod, over two restarts", async () => {
  await using cluster = await newCluster("10.0.0.0/29", 29);
  const first = await cluster.startNode("node1");
  const a = await cluster.addPod("default", "a");
  const used = addressesOf(await addPod(cluster, first, "node1", a));
  await first[Symbol.asyncDispose]();
  await rm(journalOf(cluster));
  await cluster.startNode("node1");
  const third = await cluster.startNode("node1");
  assert.equal(cluster.kernel("node1").pods.size, 1, "the living pod keeps its interface");
  for (let i = 0; i < 5; i += 1) {
    const pod = await cluster.addPod("default", `new-${i}`);
    const got = addressesOf(await addPod(cluster, third, "node1", pod));
    for (const address of got) assert.equal(used.includes(address), false);
  }
  const late = await cluster.addPod("default", "late");
  await assert.rejects(addPod(cluster, third, "node1", late), { code: "PoolExhausted" });
  await third.network.del(delRequest("a"));
  assert.equal(addressesOf(await addPod(cluster, third, "node1", late))[0], used[0]);
});

test("a damaged journal quarantines what it cannot explain, and GC settles it", async () => {
  await using cluster = await newCluster();
  const first = await cluster.startNode("node1");
  const result = await addPod(cluster, first, "node1", await cluster.addPod("default", "a"));
  await appendFile(journalOf(cluster), "garbage\nmore garbage\n");
  const second = await cluster.startNode("node1");
  assert.equal(second.state.allocations.size, 1, "what could be read goes on");
  const kernel = cluster.kernel("node1");
  const [known] = kernel.pods.values();
  assert.ok(known !== undefined);
  kernel.attach({ ...known, hostIfname: "hv00000000bad", addresses: [] });
  await second.network.gc(gcRequest(["a"]));
  assert.deepEqual([...kernel.pods.keys()], [result.interfaces?.[0]?.name]);
});

test("a reboot frees what is gone: no interface, no namespace", async () => {
  await using cluster = await newCluster("10.0.0.0/29", 29);
  const first = await cluster.startNode("node1");
  for (let i = 0; i < 3; i += 1) {
    await addPod(cluster, first, "node1", await cluster.addPod("default", `web-${i}`));
  }
  await first.settled();
  for (const path of [...cluster.kernel("node1").namespaces]) {
    cluster.kernel("node1").removeNamespace(path);
  }
  const second = await cluster.startNode("node1");
  await second.settled();
  assert.deepEqual((await cluster.store.list(portKind)).items, []);
  await assertReusable(cluster, second, 6);
});

test("a restarted node keeps announcing fixed addresses and gives forgotten ones up", async () => {
  await using cluster = await newCluster("10.0.0.0/17");
  await cluster.addPool("fixed", { subnet: "pods", cidr: "10.0.200.0/24", allocation: "Fixed" });
  const first = await cluster.startNode("node1");
  const annotations = { "heddle.io/ip": "10.0.200.7" };
  const pod = await cluster.addPod("default", "db", annotations);
  await addPod(cluster, first, "node1", pod, "c1");
  await first.settled();
  cluster.routes.byNode.get("node1")?.clear();
  cluster.synced = false;
  const second = await cluster.startNode("node1");
  assert.ok(cluster.routes.of("node1").includes("10.0.200.7/32"));
  cluster.synced = true;
  await second.maintain();
  cluster.kernel("node1").removeNamespace("/run/netns/c1");
  const third = await cluster.startNode("node1");
  await third.settled();
  const block = await cluster.store.get(ipBlockKind, { name: "10-0-200-7-32" });
  assert.equal(block.spec.node, undefined);
  const node2 = await cluster.startNode("node2");
  assert.equal(addressesOf(await addPod(cluster, node2, "node2", pod, "c2"))[0], "10.0.200.7/32");
});
