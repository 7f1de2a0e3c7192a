/** Pods of VPCs that overlap each other and the native network: their addresses, and who knows. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ipBlockKind, portKind } from "@heddle/api";
import { formatIp, formatPrefix } from "@heddle/inet";
import type { HeddleNode } from "./heddle-node.ts";
import {
  addPod,
  addRequest,
  addressesOf,
  delRequest,
  gcRequest,
  newCluster,
  routeOf,
  type TestCluster,
} from "./testing/test-cluster.ts";

const native4 = "10.0.0.0/24";

/** Two VPCs with the prefixes of the native subnet; their namespaces are `red` and `blue`. */
async function newVpcCluster(blockLength = 26, poolCidr = native4): Promise<TestCluster> {
  const cluster = await newCluster(native4, blockLength);
  for (const [name, vrfId] of [
    ["red", 7],
    ["blue", 8],
  ] as const) {
    cluster.addVpc(name, vrfId);
    await cluster.addNamespace(name);
    const cidrs = [native4, "fd00::/48"];
    await cluster.addSubnet(`${name}-pods`, { vpc: name, cidrs, namespaces: [name] });
    await cluster.addPool(`${name}4`, { subnet: `${name}-pods`, cidr: poolCidr, blockLength });
    await cluster.addPool(`${name}6`, {
      subnet: `${name}-pods`,
      cidr: "fd00::/48",
      blockLength: 122,
    });
  }
  return cluster;
}

interface Attached {
  readonly result: Awaited<ReturnType<typeof addPod>>;
  /** What the runtime was told: the infrastructure addresses. */
  readonly told: readonly string[];
  /** What the pod's interface carries. */
  readonly own: readonly string[];
}

async function attach(
  cluster: TestCluster,
  node: HeddleNode,
  namespace: string,
  name: string,
  annotations = {},
): Promise<Attached> {
  const pod = await cluster.addPod(namespace, name, annotations);
  const result = await addPod(cluster, node, "node1", pod);
  const allocation = node.state.allocations.get(`${name}/eth0`);
  assert.ok(allocation !== undefined);
  const kernel = cluster.kernel("node1").pods.get(allocation.hostIfname);
  assert.deepEqual(kernel?.addresses, allocation.addresses);
  assert.deepEqual(kernel.infrastructureAddresses, allocation.infrastructureAddresses);
  assert.equal(kernel.vrf, allocation.vrf);
  return {
    result,
    told: addressesOf(result).map((text) => text.replace(/\/.*/, "")),
    own: allocation.addresses.map(formatIp),
  };
}

test("a pod of a VPC has addresses there, and infrastructure addresses for the runtime", async () => {
  await using cluster = await newVpcCluster();
  const node = await cluster.startNode("node1");
  const red = await attach(cluster, node, "red", "red-1");
  const blue = await attach(cluster, node, "blue", "blue-1");
  const native = await attach(cluster, node, "default", "web");
  const told = [...red.told, ...blue.told, ...native.told];
  assert.equal(new Set(told).size, 6, "what the cluster knows is unique");
  assert.deepEqual(native.told, native.own);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
  assert.equal(red.result.ips?.[0]?.interface, 1);
  assert.deepEqual(
    red.result.ips?.map((ip) => ip.gateway),
    ["169.254.1.1", "fe80::1"],
  );
  assert.deepEqual(red.result.routes, native.result.routes);
  await node.settled();
  const ports = (await cluster.store.list(portKind)).items;
  const port = ports.find(({ spec }) => spec.pod.name === "red-1");
  assert.deepEqual(port?.spec.addresses, red.own);
  assert.deepEqual(port.spec.infrastructureAddresses, red.told);
  assert.deepEqual([port.spec.vpc, port.status?.phase], ["red", "HostReady"]);
});

test("blocks of VPCs are recorded by VPC, and announced in their VRFs", async () => {
  await using cluster = await newVpcCluster();
  const node = await cluster.startNode("node1");
  for (const name of ["red", "blue"]) await attach(cluster, node, name, `${name}-1`);
  const blocks = (await cluster.store.list(ipBlockKind)).items;
  const byName = new Map(blocks.map((block) => [block.metadata.name, block.spec]));
  for (const vpc of ["red", "blue"]) {
    const own = [...node.state.blocks.values()].filter((block) => block.vpc === vpc);
    assert.deepEqual(
      own.map((block) => block.prefix.family),
      [4, 6],
    );
    for (const { prefix } of own) {
      const name = `${formatPrefix(prefix).replaceAll(/[.:/]/g, "-")}.${vpc}`;
      assert.equal(byName.get(name)?.node, "node1", name);
    }
  }
  assert.ok(cluster.routes.of("node1").some((route) => route.endsWith(" vrf 7")));
  assert.deepEqual(
    cluster.routes.of("node1").toSorted(),
    [...node.state.blocks.values()].map(routeOf).toSorted(),
  );
});

test("DEL gives all of it back, and ADD again the same", async () => {
  await using cluster = await newVpcCluster();
  const node = await cluster.startNode("node1");
  const first = await attach(cluster, node, "red", "red-1");
  const pod = await cluster.addPod("red", "again");
  const request = { ...addRequest(pod, "red-1"), args: { podNamespace: "red", podName: "red-1" } };
  assert.deepEqual(await node.network.add(request), first.result);
  await node.network.del(delRequest("red-1"));
  await node.maintain();
  await node.settled();
  assert.equal(node.state.allocations.size, 0);
  assert.equal(cluster.kernel("node1").pods.size, 0);
  for (const block of (await cluster.store.list(ipBlockKind)).items) {
    assert.equal(block.status?.allocated, 0, block.metadata.name);
  }
});

test("CHECK compares the infrastructure addresses with what the runtime was told", async () => {
  await using cluster = await newVpcCluster();
  const node = await cluster.startNode("node1");
  const { result, told, own } = await attach(cluster, node, "red", "red-1");
  const request = addRequest(await cluster.addPod("red", "unused"), "red-1");
  const check = (addresses: readonly string[]): Promise<void> => {
    const prevResult = { ...result, ips: addresses.map((address) => ({ address })) };
    return node.network.check({
      ...request,
      command: "CHECK",
      config: { ...request.config, prevResult },
    });
  };
  await check(told);
  await assert.rejects(check(own), {
    code: "CheckFailed",
    message: `Cannot confirm the interface: prevResult lacks address ${told[0]}`,
  });
});

test("a Vpc without a VRF id is named, and its pods wait for it", async () => {
  await using cluster = await newVpcCluster();
  cluster.addVpc("red");
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("red", "red-1");
  await assert.rejects(addPod(cluster, node, "node1", pod), {
    code: "TryAgainLater",
    message: "Cannot use subnet red-pods: its Vpc red does not exist or has no VRF yet",
  });
  assert.equal(node.state.allocations.size, 0);
  cluster.addVpc("red", 9);
  await node.maintain();
  await addPod(cluster, node, "node1", pod);
  assert.equal(cluster.kernel("node1").pods.values().next().value?.vrf, 9);
});

test("infrastructure addresses have the families that the VPC and the native subnet share", async () => {
  await using cluster = await newVpcCluster();
  await cluster.addNamespace("four");
  const spec = { vpc: "red", cidrs: ["10.9.0.0/24"], namespaces: ["four"] };
  await cluster.addSubnet("red-four", spec);
  await cluster.addPool("red-four", { subnet: "red-four", cidr: "10.9.0.0/24" });
  const node = await cluster.startNode("node1");
  const { told, own } = await attach(cluster, node, "four", "four-1");
  assert.match(own.join(), /^10\.9\.0\.\d+$/);
  assert.match(told.join(), /^10\.0\.0\.\d+$/);
});

test("without a native default subnet there are no infrastructure addresses to give", async () => {
  await using cluster = await newVpcCluster();
  const [subnet] = cluster.objects.subnets.list();
  assert.ok(subnet !== undefined);
  (cluster.objects.subnets.list() as (typeof subnet)[]).shift();
  const node = await cluster.startNode("node1");
  const pod = await cluster.addPod("red", "red-1");
  await assert.rejects(addPod(cluster, node, "node1", pod), {
    code: "UnknownSubnet",
    message:
      "Cannot give pods of subnet red-pods infrastructure addresses: no Subnet of Vpc default is default",
  });
});

test("a used up native pool refuses pods of VPCs, and keeps nothing of theirs", async () => {
  await using cluster = await newVpcCluster(29, "10.0.0.0/29");
  const node = await cluster.startNode("node1");
  // The native /24 has 32 blocks of 8; two of the 256 addresses are reserved.
  let count = 0;
  const fill = async (): Promise<void> => {
    for (; ; count += 1) await attach(cluster, node, "default", `web-${count}`);
  };
  await assert.rejects(fill(), { code: "PoolExhausted" });
  assert.equal(count, 254);
  const pod = await cluster.addPod("red", "red-1");
  await assert.rejects(addPod(cluster, node, "node1", pod), {
    code: "PoolExhausted",
    message: /^Cannot allocate an IPv4 address in subnet pods: pool pods4/,
  });
  await node.network.del(delRequest("web-0"));
  // Seven usable addresses in the only block of the VPC: none was lost by the refusal.
  const all = [await addPod(cluster, node, "node1", pod)];
  for (let i = 2; i <= 7; i += 1) {
    await node.network.del(delRequest(`web-${i}`));
    all.push((await attach(cluster, node, "red", `red-${i}`)).result);
  }
  assert.equal(new Set(all.flatMap(addressesOf)).size, 14);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
});

test("a restarted node keeps both kinds of addresses, and announces as before", async () => {
  await using cluster = await newVpcCluster();
  const first = await cluster.startNode("node1");
  const before = await attach(cluster, first, "red", "red-1");
  const routes = cluster.routes.of("node1");
  cluster.routes.byNode.get("node1")?.clear();
  cluster.synced = false;
  const second = await cluster.startNode("node1");
  assert.deepEqual(cluster.routes.of("node1").toSorted(), routes.toSorted());
  cluster.synced = true;
  await second.maintain();
  const own = new Set(before.own);
  const told = new Set(before.told);
  for (let i = 0; i < 70; i += 1) {
    const red = await attach(cluster, second, "red", `new-${i}`);
    for (const address of red.own) assert.equal(own.has(address), false);
    for (const address of red.told) assert.equal(told.has(address), false);
    for (const address of red.own) own.add(address);
    for (const address of red.told) told.add(address);
  }
  assert.deepEqual(cluster.kernel("node1").doubles, []);
});

test("a lost journal gives away neither kind of address of a living pod", async () => {
  await using cluster = await newVpcCluster(29, "10.0.0.0/29");
  const first = await cluster.startNode("node1");
  const before = await attach(cluster, first, "red", "red-1");
  await first[Symbol.asyncDispose]();
  await rm(join(cluster.directory, "node1", "allocations.journal"));
  const second = await cluster.startNode("node1");
  assert.equal(second.state.strangers.size, 1);
  for (let i = 2; i <= 7; i += 1) {
    const { own, told } = await attach(cluster, second, "red", `red-${i}`);
    for (const address of own) assert.equal(before.own.includes(address), false);
    for (const address of told) assert.equal(before.told.includes(address), false);
  }
  const late = await cluster.addPod("red", "late");
  await assert.rejects(addPod(cluster, second, "node1", late), { code: "PoolExhausted" });
  const known = ["red-2", "red-3", "red-4", "red-5", "red-6", "red-7"];
  await second.network.gc(gcRequest(known));
  assert.equal(second.state.strangers.size, 0);
  await addPod(cluster, second, "node1", late);
  assert.deepEqual(cluster.kernel("node1").doubles, []);
});

test("one fixed address serves a claim in each VPC at the same time, announced in both", async () => {
  await using cluster = await newVpcCluster(26, "10.0.0.0/25");
  for (const name of ["red", "blue"]) {
    const spec = { subnet: `${name}-pods`, cidr: "10.0.0.128/28", allocation: "Fixed" as const };
    await cluster.addPool(`${name}-fixed`, spec);
  }
  const node = await cluster.startNode("node1");
  const annotations = { "heddle.io/ip": "10.0.0.130" };
  const red = await attach(cluster, node, "red", "red-db", annotations);
  const blue = await attach(cluster, node, "blue", "blue-db", annotations);
  assert.deepEqual([red.own[0], blue.own[0]], ["10.0.0.130", "10.0.0.130"]);
  assert.notEqual(red.told[0], blue.told[0]);
  const announced = (): string[] =>
    cluster.routes.of("node1").filter((route) => route.startsWith("10.0.0.130/32"));
  assert.deepEqual(announced(), ["10.0.0.130/32 vrf 7", "10.0.0.130/32 vrf 8"]);
  const second = await cluster.startNode("node1");
  await second.network.del(delRequest("red-db"));
  await second.settled();
  for (const [vpc, holder] of [
    ["red", undefined],
    ["blue", "node1"],
  ] as const) {
    const name = `10-0-0-130-32.${vpc}`;
    let block = await cluster.store.get(ipBlockKind, { name });
    for (let i = 0; i < 100 && block.spec.node !== holder; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      block = await cluster.store.get(ipBlockKind, { name });
    }
    assert.equal(block.spec.node, holder, name);
  }
  assert.deepEqual(announced(), ["10.0.0.130/32 vrf 8"]);
  await attach(cluster, second, "red", "red-db2", annotations).then(
    () => assert.fail("the claim belongs to pod red-db"),
    (error: unknown) => assert.equal((error as { code: string }).code, "AddressConflict"),
  );
});

test("a block of a VPC that is given back takes no native route with it", async () => {
  await using cluster = await newVpcCluster(29);
  const node = await cluster.startNode("node1", { blockRestMs: 0 });
  const names = Array.from({ length: 20 }, (_, i) => `red-${i}`);
  for (const name of names) await attach(cluster, node, "red", name);
  for (let i = 0; i < 200; i += 1) await attach(cluster, node, "default", `web-${i}`);
  const native = new Set(
    [...node.state.blocks.values()].filter(({ vrf }) => vrf === 0).map(({ prefix }) => prefix),
  );
  const redBlocks = () =>
    [...node.state.blocks.values()].filter(({ vrf, prefix }) => vrf === 7 && prefix.family === 4);
  const before = redBlocks();
  assert.ok(
    before.some(({ prefix }) => native.has(prefix)),
    "the VPC's blocks overlap native ones",
  );
  for (const name of names) await node.network.del(delRequest(name));
  await node.maintain();
  assert.ok(redBlocks().length < before.length);
  assert.deepEqual(
    cluster.routes.of("node1").toSorted(),
    [...node.state.blocks.values()].map(routeOf).toSorted(),
  );
});

test("a node whose last pod of a VPC is gone leaves it, and comes back with the next", async () => {
  await using cluster = await newVpcCluster();
  const node = await cluster.startNode("node1", { blockRestMs: 0 });
  for (const name of ["default", "red", "blue"]) await attach(cluster, node, name, `${name}-1`);
  const vrfs = (): Set<string> =>
    new Set(cluster.routes.of("node1").map((route) => route.split(" vrf ")[1] ?? "native"));
  assert.deepEqual([...vrfs()].toSorted(), ["7", "8", "native"]);
  await node.network.del(delRequest("red-1"));
  await node.network.del(delRequest("default-1"));
  await node.maintain();
  assert.deepEqual([...vrfs()].toSorted(), ["8", "native"]);
  await attach(cluster, node, "red", "red-2");
  assert.deepEqual([...vrfs()].toSorted(), ["7", "8", "native"]);
});
