import assert from "node:assert/strict";
import { test } from "node:test";
import { eventKind, type IPBlock, ipBlockKind, ipClaimKind, nodeKind, portKind } from "@heddle/api";
import { containsIp, parseInterfaceAddress, parsePrefix } from "@heddle/inet";
import type { HeddleNode } from "./heddle-node.ts";
import {
  addPod,
  addRequest,
  addressesOf,
  delRequest,
  gcRequest,
  newCluster,
  type TestCluster,
} from "./testing/test-cluster.ts";

/** Nothing is left of pods: no interface, no allocation, no address held, no Port. */
async function assertEmpty(cluster: TestCluster, name: string, node: HeddleNode): Promise<void> {
  await node.settled();
  assert.equal(cluster.kernel(name).pods.size, 0);
  assert.equal(node.state.allocations.size, 0);
  assert.deepEqual((await cluster.store.list(portKind)).items, []);
  await node.maintain();
  await node.settled();
  for (const block of await ownBlocks(cluster, name)) assert.equal(block.status?.allocated, 0);
}

async function ownBlocks(cluster: TestCluster, node: string): Promise<readonly IPBlock[]> {
  return (await cluster.store.list(ipBlockKind, { fieldSelector: `spec.node=${node}` })).items;
}

test("ADD gives one address of each family, announced before and recorded after", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  const result = await addPod(cluster, node, "node1", pod);
  assert.equal(result.ips?.length, 2);
  assert.match(addressesOf(result)[0] as string, /^10\.0\.\d+\.\d+\/32$/);
  assert.match(addressesOf(result)[1] as string, /^fd00:.*\/128$/);
  assert.deepEqual(
    result.ips?.map((ip) => ip.gateway),
    ["169.254.1.1", "fe80::1"],
  );
  assert.match(result.interfaces?.[0]?.name ?? "", /^hv[0-9a-f]{11}$/);
  assert.deepEqual(result.routes, [
    { dst: "0.0.0.0/0", gw: "169.254.1.1" },
    { dst: "::/0", gw: "fe80::1" },
  ]);
  const blocks = await ownBlocks(cluster, "node1");
  assert.deepEqual(
    cluster.routes.of("node1").toSorted(),
    blocks.map((b) => b.spec.cidr).toSorted(),
  );
  await node.settled();
  const [port] = (await cluster.store.list(portKind)).items;
  assert.equal(port?.status?.phase, "FabricReady");
  assert.deepEqual(port.spec.infrastructureAddresses, port.spec.addresses);
  assert.deepEqual(
    port.spec.addresses,
    addressesOf(result).map((a) => a.replace(/\/.*/, "")),
  );
  await node.network.del(delRequest("web"));
  await assertEmpty(cluster, "node1", node);
});

test("ADD twice gives the same result, DEL twice and DEL of the unknown succeed", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  const first = await addPod(cluster, node, "node1", pod);
  assert.deepEqual(await addPod(cluster, node, "node1", pod), first);
  const [a, b] = await Promise.all([
    node.network.add(addRequest(pod)),
    node.network.add(addRequest(pod)),
  ]);
  assert.deepEqual([a, b], [first, first]);
  await node.network.del(delRequest("web"));
  await node.network.del(delRequest("web"));
  await node.network.del(delRequest("never-seen"));
  await assertEmpty(cluster, "node1", node);
});

test("100 ADDs in sequence and 50 at once: none double, no leak", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pods = await Promise.all(
    Array.from({ length: 100 }, (_, i) => cluster.addPod("default", `web-${i}`)),
  );
  const seen: string[] = [];
  for (const pod of pods) seen.push(...addressesOf(await addPod(cluster, node, "node1", pod)));
  assert.equal(new Set(seen).size, 200);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
  for (const pod of pods) await node.network.del(delRequest(pod.metadata.name));
  await assertEmpty(cluster, "node1", node);
  const half = pods.slice(0, 50);
  const results = await Promise.all(half.map((pod) => addPod(cluster, node, "node1", pod)));
  assert.equal(new Set(results.flatMap(addressesOf)).size, 100);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
  await Promise.all(half.map((pod) => node.network.del(delRequest(pod.metadata.name))));
  await assertEmpty(cluster, "node1", node);
});

test("ADD and DEL of many pods mixed at random leave nothing and give nothing twice", async () => {
  await using cluster = await newCluster("10.0.0.0/24", 28);
  const nodes = await Promise.all([cluster.startNode("node1"), cluster.startNode("node2")]);
  const work = Array.from({ length: 40 }, async (_, i) => {
    const [node, name] = [nodes[i % 2] as HeddleNode, `node${(i % 2) + 1}`];
    const pod = await cluster.addPod("default", `web-${i}`);
    for (let round = 0; round < 3; round += 1) {
      const add = addPod(cluster, node, name, pod);
      if (i % 3 === 0) await Promise.all([add, node.network.del(delRequest(pod.metadata.name))]);
      else await add;
      await node.network.del(delRequest(pod.metadata.name));
    }
  });
  await Promise.all(work);
  for (const name of ["node1", "node2"]) assert.deepEqual(cluster.kernel(name).doubles, []);
  await nodes[1]?.settled();
  await assertEmpty(cluster, "node1", nodes[0] as HeddleNode);
});

test("a used up pool refuses with reason, event and STATUS until a DEL", async () => {
  await using cluster = await newCluster("10.0.0.0/29", 29);
  const node = await cluster.startNode("node1");
  for (let i = 0; i < 6; i += 1) {
    await addPod(cluster, node, "node1", await cluster.addPod("default", `web-${i}`));
  }
  await node.network.status();
  const late = await cluster.addPod("default", "late");
  await assert.rejects(addPod(cluster, node, "node1", late), {
    code: "PoolExhausted",
    message: /subnet pods: pool pods4 \(10.0.0.0\/29\): all 1 blocks claimed, 6 of 6 addresses/,
  });
  await assert.rejects(addPod(cluster, node, "node1", late), { code: "PoolExhausted" });
  await assert.rejects(node.network.status(), { code: "NotAvailable", message: /pool pods4/ });
  await node.settled();
  const events = (await cluster.store.list(eventKind)).items;
  assert.deepEqual(
    events.map((e) => [e.reason, e.involvedObject.name]),
    [["AddressPoolExhausted", "late"]],
  );
  await node.network.del(delRequest("web-0"));
  await node.network.status();
  await addPod(cluster, node, "node1", late);
});

test("STATUS recovers by itself when the pool gets room, without an ADD to find out", async () => {
  await using cluster = await newCluster("10.0.0.0/28", 29);
  const [a, b] = [await cluster.startNode("a"), await cluster.startNode("b")];
  const c = await cluster.startNode("c");
  const pod = await cluster.addPod("default", "web");
  await assert.rejects(addPod(cluster, c, "c", pod), { code: "PoolExhausted" });
  await assert.rejects(c.network.status(), { code: "NotAvailable" });
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
  for (const block of (await cluster.store.list(ipBlockKind)).items) {
    await cluster.store.delete(ipBlockKind, { name: block.metadata.name });
  }
  await c.maintain();
  await c.network.status();
});

test("nodes claim different blocks, and a second node without a block is refused", async () => {
  await using cluster = await newCluster("10.0.0.0/28", 29);
  const nodes = await Promise.all(["a", "b", "c"].map((name) => cluster.startNode(name)));
  const owners = (await cluster.store.list(ipBlockKind)).items
    .filter((block) => block.spec.pool === "pods4")
    .map((block) => block.spec.node);
  assert.equal(owners.length, 2);
  assert.equal(new Set(owners).size, 2);
  const without = ["a", "b", "c"].findIndex((name) => !owners.includes(name));
  const pod = await cluster.addPod("default", "web");
  const node = nodes[without] as HeddleNode;
  await assert.rejects(addPod(cluster, node, "abc"[without] as string, pod), {
    code: "PoolExhausted",
  });
});

test("blocks are claimed ahead of need and given back when empty, all but one", async () => {
  await using cluster = await newCluster("10.0.0.0/24", 29);
  const node = await cluster.startNode("node1", { blockRestMs: 0 });
  const blocks = async (): Promise<string[]> =>
    (await ownBlocks(cluster, "node1"))
      .filter((block) => block.spec.pool === "pods4")
      .map((block) => block.spec.cidr);
  assert.equal((await blocks()).length, 1);
  for (let i = 0; i < 7; i += 1) {
    await addPod(cluster, node, "node1", await cluster.addPod("default", `web-${i}`));
  }
  await node.maintain();
  assert.equal((await blocks()).length, 2);
  for (let i = 0; i < 7; i += 1) await node.network.del(delRequest(`web-${i}`));
  await node.maintain();
  const kept = await blocks();
  assert.equal(kept.length, 1);
  const announced = cluster.routes.of("node1").filter((prefix) => prefix.startsWith("10."));
  assert.deepEqual(announced, kept);
});

test("a block that another node was given is no longer used nor announced", async () => {
  await using cluster = await newCluster("10.0.0.0/24", 29);
  const node = await cluster.startNode("node1");
  const lost = (await ownBlocks(cluster, "node1")).find((b) => b.spec.pool === "pods4") as IPBlock;
  await cluster.store.update(ipBlockKind, { ...lost, spec: { ...lost.spec, node: "node2" } });
  await node.maintain();
  assert.equal(cluster.routes.of("node1").includes(lost.spec.cidr), false);
  const pod = await cluster.addPod("default", "web");
  const [address] = addressesOf(await addPod(cluster, node, "node1", pod));
  const prefix = parsePrefix(lost.spec.cidr);
  assert.equal(containsIp(prefix, parseInterfaceAddress(address as string).address), false);
});

test("the subnet follows annotation, list, selector and default, in this order", async () => {
  await using cluster = await newCluster();
  for (const [i, name] of ["listed", "selected"].entries()) {
    const cidr = `10.${i + 1}.0.0/24`;
    await cluster.addSubnet(name, {
      cidrs: [cidr],
      ...(name === "listed"
        ? { namespaces: ["prod"] }
        : { namespaceSelector: { matchLabels: { tier: "db" } } }),
    });
    await cluster.addPool(name, { subnet: name, cidr });
  }
  await cluster.addNamespace("prod", { tier: "db" });
  await cluster.addNamespace("test", { tier: "db" });
  const node = await cluster.startNode("node1");
  const place = async (namespace: string, name: string, annotations = {}): Promise<string> => {
    const pod = await cluster.addPod(namespace, name, annotations);
    return addressesOf(await addPod(cluster, node, "node1", pod))[0] as string;
  };
  assert.match(await place("prod", "a"), /^10\.1\./);
  assert.match(await place("test", "b"), /^10\.2\./);
  assert.match(await place("default", "c"), /^10\.0\./);
  assert.match(await place("prod", "d", { "heddle.io/subnet": "selected" }), /^10\.2\./);
});

test("unknown namespace, pod, subnet and missing arguments are clear errors", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  const add = async (args: object): Promise<unknown> =>
    await node.network.add({ ...addRequest(pod), args });
  await assert.rejects(add({ podNamespace: "nowhere", podName: "web" }), {
    code: "UnknownPod",
    message: "Cannot serve: there is no Namespace nowhere",
  });
  await assert.rejects(add({ podNamespace: "default", podName: "none" }), {
    code: "UnknownPod",
    message: "Cannot serve: there is no Pod default/none",
  });
  await assert.rejects(add({ podNamespace: "default", podName: "web", podUid: "other" }), {
    code: "UnknownPod",
    message: /the runtime wants other/,
  });
  await assert.rejects(add({}), { code: "InvalidEnvironment", message: /K8S_POD_NAMESPACE/ });
  const odd = await cluster.addPod("default", "odd", { "heddle.io/subnet": "none" });
  await assert.rejects(node.network.add(addRequest(odd)), {
    code: "UnknownSubnet",
    message: /annotation heddle.io\/subnet names "none", which does not exist/,
  });
  assert.equal(node.state.allocations.size, 0);
});

test("without the API server new pods wait and DEL works", async () => {
  await using cluster = await newCluster();
  cluster.synced = false;
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  await assert.rejects(addPod(cluster, node, "node1", pod), { code: "TryAgainLater" });
  await assert.rejects(node.network.status(), { code: "NotAvailable" });
  await node.network.del(delRequest("web"));
  cluster.synced = true;
  await node.maintain();
  await addPod(cluster, node, "node1", pod);
});

test("a failed attachment is undone", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  // No namespace was made: the kernel refuses.
  await assert.rejects(node.network.add(addRequest(pod)), {
    code: "DataplaneFailed",
    message: "Cannot plumb eth0 of default/web: Cannot open /run/netns/web: ENOENT",
  });
  await assertEmpty(cluster, "node1", node);
});

test("an attachment that cannot be undone keeps its address until DEL", async () => {
  await using cluster = await newCluster("10.0.0.0/30", 30);
  let isBroken = true;
  const node = await cluster.startNode("node1", {
    gate: async (point) => {
      if (isBroken && (point === "after attach" || point === "before detach")) {
        throw new Error("the kernel is busy");
      }
    },
  });
  await assert.rejects(addPod(cluster, node, "node1", await cluster.addPod("default", "a")), {
    code: "DataplaneFailed",
  });
  assert.equal(cluster.kernel("node1").pods.size, 1);
  await assert.rejects(node.network.del(delRequest("a")), { code: "DataplaneFailed" });
  isBroken = false;
  const b = await addPod(cluster, node, "node1", await cluster.addPod("default", "b"));
  assert.deepEqual(cluster.kernel("node1").doubles, []);
  assert.equal(addressesOf(b)[0], "10.0.0.2/32");
  await node.network.del(delRequest("a"));
  await node.network.del(delRequest("b"));
  await assertEmpty(cluster, "node1", node);
});

test("CHECK confirms, and names what is missing", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("default", "web");
  const result = await addPod(cluster, node, "node1", pod);
  const request = addRequest(pod);
  const config = { ...request.config, prevResult: result };
  await node.network.check({ ...request, command: "CHECK", config });
  const wrong = { ...config, prevResult: { ips: [] } };
  await assert.rejects(node.network.check({ ...request, command: "CHECK", config: wrong }), {
    code: "CheckFailed",
    message: /prevResult lacks address 10\.0\./,
  });
  cluster.kernel("node1").pods.clear();
  await assert.rejects(node.network.check({ ...request, command: "CHECK", config }), {
    code: "CheckFailed",
    message: /interface hv[0-9a-f]+ is missing/,
  });
  await node.network.del(delRequest("web"));
  await assert.rejects(node.network.check({ ...request, command: "CHECK", config }), {
    code: "UnknownContainer",
  });
});

test("GC removes what the runtime does not list, and nothing else", async () => {
  await using cluster = await newCluster();
  const node = await cluster.startNode("node1");
  for (const name of ["a", "b", "c"]) {
    await addPod(cluster, node, "node1", await cluster.addPod("default", name));
  }
  await node.network.gc(gcRequest(["a", "c"]));
  assert.deepEqual([...node.state.allocations.keys()], ["a/eth0", "c/eth0"]);
  assert.equal(cluster.kernel("node1").pods.size, 2);
  await node.network.gc({ ...gcRequest([]), config: { ...gcRequest([]).config, name: "other" } });
  assert.equal(node.state.allocations.size, 2, "another network's attachments stay");
  await node.network.gc(gcRequest([]));
  await assertEmpty(cluster, "node1", node);
});

async function withFixedPool(): Promise<TestCluster> {
  const cluster = await newCluster("10.0.0.0/17");
  await cluster.addPool("fixed", { subnet: "pods", cidr: "10.0.200.0/24", allocation: "Fixed" });
  return cluster;
}

test("a fixed address moves only after the old holder has withdrawn it", async () => {
  await using cluster = await withFixedPool();
  const [node1, node2] = [await cluster.startNode("node1"), await cluster.startNode("node2")];
  const pod = await cluster.addPod("default", "db-0", { "heddle.io/ip": "10.0.200.5" });
  const first = await addPod(cluster, node1, "node1", pod, "c1");
  assert.equal(addressesOf(first)[0], "10.0.200.5/32");
  assert.ok(cluster.routes.of("node1").includes("10.0.200.5/32"));
  const moving = addPod(cluster, node2, "node2", pod, "c2");
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(cluster.routes.of("node2").includes("10.0.200.5/32"), false);
  await node1.network.del(delRequest("c1"));
  const second = await moving;
  assert.equal(addressesOf(second)[0], "10.0.200.5/32");
  assert.equal(second.interfaces?.[1]?.mac, first.interfaces?.[1]?.mac);
  const log = cluster.routes.log.filter((line) => line.endsWith("10.0.200.5/32"));
  assert.deepEqual(log, [
    "node1 + 10.0.200.5/32",
    "node1 - 10.0.200.5/32",
    "node2 + 10.0.200.5/32",
  ]);
  await node2.settled();
  const claim = await cluster.store.get(ipClaimKind, { namespace: "default", name: "db-0" });
  assert.equal(claim.status?.phase, "Bound");
  assert.equal(claim.status.holder?.node, "node2");
  await node2.network.del(delRequest("c2"));
  await node2.settled();
  const released = await cluster.store.get(ipClaimKind, { namespace: "default", name: "db-0" });
  assert.equal(released.status?.phase, "Released");
});

test("a holder that stays is waited for, then the runtime is told to try again", async () => {
  await using cluster = await withFixedPool();
  await cluster.store.create(nodeKind, {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    spec: {},
  });
  const node1 = await cluster.startNode("node1");
  const node2 = await cluster.startNode("node2", { handOverTimeoutMs: 120 });
  const pod = await cluster.addPod("default", "db-0", { "heddle.io/ip": "10.0.200.5" });
  await addPod(cluster, node1, "node1", pod, "c1");
  await assert.rejects(addPod(cluster, node2, "node2", pod, "c2"), {
    code: "TryAgainLater",
    message: "Cannot get 10.0.200.5 within 120 ms: node node1 holds it",
  });
  assert.deepEqual(node2.state.allocations.size, 0);
  await assert.rejects(addPod(cluster, node1, "node1", pod, "c3"), {
    code: "TryAgainLater",
    message: /container c1\/eth0 of this node still has it/,
  });
});

test("claims by name and by stable key keep their address; wrong ones are refused", async () => {
  await using cluster = await withFixedPool();
  await cluster.addClaim("default", "any", {});
  await cluster.addClaim("default", "for-web", { pod: "web", addresses: ["10.0.200.9"] });
  const node = await cluster.startNode("node1");
  const named = await cluster.addPod("default", "x", { "heddle.io/ip-claim": "any" });
  const [address] = addressesOf(await addPod(cluster, node, "node1", named));
  assert.match(address as string, /^10\.0\.200\./);
  const web = await cluster.addPod("default", "web");
  assert.equal(addressesOf(await addPod(cluster, node, "node1", web))[0], "10.0.200.9/32");
  const refusals: [Record<string, string>, string, RegExp][] = [
    [{ "heddle.io/ip": "10.0.200.9" }, "AddressConflict", /in use by claim default\/for-web/],
    [
      { "heddle.io/ip": "10.0.5.5" },
      "AddressConflict",
      /in no IPPool of subnet pods with allocation/,
    ],
    [
      { "heddle.io/ip": "10.0.200" },
      "InvalidConfig",
      /annotation heddle.io\/ip: Cannot parse IPv4/,
    ],
    [{ "heddle.io/ip-claim": "none" }, "UnknownPod", /there is no IPClaim default\/none/],
  ];
  for (const [i, [annotations, code, message]] of refusals.entries()) {
    const pod = await cluster.addPod("default", `bad-${i}`, annotations);
    await assert.rejects(addPod(cluster, node, "node1", pod), { code, message });
  }
  assert.equal(node.state.allocations.size, 2);
});
