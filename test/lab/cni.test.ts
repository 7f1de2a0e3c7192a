/**
 * The CNI executable against a real agent: many attachments leave nothing behind and never share an
 * address; CHECK, GC, STATUS, VERSION and chaining; where addresses come from. One boot for all
 * tests; they run in order.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  addressesOf,
  type CniAnswer,
  CniCaller,
  environmentOf,
  inertPod,
  networkConfig,
  type Sandbox,
} from "./cni-call.ts";
import { echoPod, eventually, LabFixture } from "./lab-fixture.ts";
import { type NodeTraces, nodeTraces } from "./node-leftovers.ts";

const podCount = 50;
let fixture: LabFixture;
let cni: CniCaller;

before(async () => {
  fixture = await LabFixture.boot();
  cni = new CniCaller(fixture, "node1");
  const pods = Array.from({ length: podCount }, (_, i) => inertPod(`cni-${i}`, "node1"));
  await fixture.kubectl("create", "-f", await fixture.manifest(...pods));
});

after(async () => {
  await fixture[Symbol.asyncDispose]();
});

function sandboxOf(round: string, i: number): Sandbox {
  const containerId = `${round}-${i}`;
  return { containerId, netns: `x-${containerId}`, namespace: "default", pod: `cni-${i}` };
}

function sandboxesOf(round: string): Sandbox[] {
  return Array.from({ length: podCount }, (_, i) => sandboxOf(round, i));
}

/** A sandbox with its namespace, which the caller removes with {@link discard}. */
async function freshSandbox(name: string, pod = "cni-0", namespace = "default"): Promise<Sandbox> {
  const sandbox = { containerId: name, netns: `x-${name}`, namespace, pod };
  await cni.makeNetns([sandbox.netns]);
  return sandbox;
}

async function discard(...sandboxes: readonly Sandbox[]): Promise<void> {
  for (const sandbox of sandboxes) await cni.succeed("DEL", sandbox);
  await cni.removeNetns(sandboxes.map(({ netns }) => netns));
}

/** Ports follow the attachment; everything else is gone when DEL has answered. */
async function assertTraces(wanted: NodeTraces): Promise<void> {
  const { ports: _, ...now } = await nodeTraces(fixture, "node1");
  const { ports, ...rest } = wanted;
  assert.deepEqual(now, rest);
  const found = await eventually("as many Ports as before", 10_000, async () => {
    const now = (await nodeTraces(fixture, "node1")).ports;
    return now.length === ports.length ? now : undefined;
  });
  assert.deepEqual(found, ports);
}

function assertDistinct(answers: readonly CniAnswer[], others: NodeTraces): void {
  const taken = others.allocations.map((row) => row.split(" ")[0]);
  const all = [...answers.flatMap(addressesOf), ...taken];
  assert.equal(new Set(all).size, all.length, "an address was given twice");
  for (const answer of answers) assert.equal(addressesOf(answer).length, 2);
}

function report(what: string, answers: readonly CniAnswer[]): void {
  const times = answers.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] as number).toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms of ${times.length}`);
}

test("VERSION answers without an agent, STATUS asks it", async () => {
  const { exitCode, document } = await cni.call(
    "VERSION",
    { HEDDLE_CNI_SOCKET: "/nowhere" },
    { cniVersion: "1.0.0" },
  );
  assert.deepEqual(
    [exitCode, document],
    [0, { cniVersion: "1.0.0", supportedVersions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"] }],
  );
  const status = await cni.call("STATUS", {}, networkConfig);
  assert.deepEqual([status.exitCode, status.document], [0, {}]);
});

test("100 sequential ADD and DEL share no address and leave nothing", async () => {
  const before = await nodeTraces(fixture, "node1");
  const answers: CniAnswer[] = [];
  for (const round of ["one", "two"]) {
    const sandboxes = sandboxesOf(round);
    await cni.makeNetns(sandboxes.map(({ netns }) => netns));
    const ofRound: CniAnswer[] = [];
    for (const sandbox of sandboxes) ofRound.push(await cni.succeed("ADD", sandbox));
    assertDistinct(ofRound, before);
    const during = await nodeTraces(fixture, "node1");
    assert.equal(during.interfaces.length, before.interfaces.length + podCount);
    assert.equal(during.allocations.length, before.allocations.length + 2 * podCount);
    for (const sandbox of sandboxes) await cni.succeed("DEL", sandbox);
    await cni.removeNetns(sandboxes.map(({ netns }) => netns));
    answers.push(...ofRound);
  }
  await assertTraces(before);
  report("sequential ADD", answers);
});

test("50 parallel ADD and DEL share no address and leave nothing", async () => {
  const before = await nodeTraces(fixture, "node1");
  const sandboxes = sandboxesOf("all");
  await cni.makeNetns(sandboxes.map(({ netns }) => netns));
  const answers = await Promise.all(sandboxes.map((sandbox) => cni.succeed("ADD", sandbox)));
  assertDistinct(answers, before);
  const during = await nodeTraces(fixture, "node1");
  for (const kind of ["interfaces", "allocations", "routes", "neighbours"] as const) {
    const each = kind === "interfaces" ? 1 : 2;
    assert.equal(during[kind].length, before[kind].length + each * podCount, kind);
  }
  const entries = during.tableEntries.length - before.tableEntries.length;
  assert.equal(entries, 3 * podCount, "one interface and two routes in the eBPF tables");
  await Promise.all(sandboxes.map((sandbox) => cni.succeed("DEL", sandbox)));
  await assertTraces(before);
  await cni.removeNetns(sandboxes.map(({ netns }) => netns));
  report("parallel ADD", answers);
});

test("ADD and DEL of the same sandboxes at the same time leave nothing", async () => {
  const before = await nodeTraces(fixture, "node1");
  const sandboxes = sandboxesOf("race").slice(0, 10);
  await cni.makeNetns(sandboxes.map(({ netns }) => netns));
  await Promise.all(
    sandboxes.flatMap((sandbox) =>
      ["ADD", "DEL", "ADD", "DEL"].map((verb) => cni.succeed(verb, sandbox)),
    ),
  );
  await Promise.all(sandboxes.map((sandbox) => cni.succeed("DEL", sandbox)));
  await assertTraces(before);
  await cni.removeNetns(sandboxes.map(({ netns }) => netns));
});

test("DEL after the namespace is gone leaves nothing, with and without its path", async () => {
  const before = await nodeTraces(fixture, "node1");
  const one = await freshSandbox("vanished");
  await cni.succeed("ADD", one);
  await cni.removeNetns([one.netns]);
  await cni.succeed("DEL", one);
  const two = await freshSandbox("forgotten");
  await cni.succeed("ADD", two);
  await cni.removeNetns([two.netns]);
  const { CNI_NETNS: _, ...env } = environmentOf(two) as Record<string, string>;
  const { exitCode } = await cni.call("DEL", env, networkConfig);
  assert.equal(exitCode, 0);
  await assertTraces(before);
});

test("CHECK finds a removed route and a changed address, ADD again mends both", async () => {
  const sandbox = await freshSandbox("check");
  const added = await cni.succeed("ADD", sandbox);
  const config = { ...networkConfig, prevResult: added.document };
  const inPod = async (...argv: string[]): Promise<string> =>
    await fixture.inDevice("node1", "ip", "-netns", sandbox.netns, ...argv);
  const check = async (): Promise<CniAnswer> =>
    await cni.call("CHECK", environmentOf(sandbox), config);
  assert.deepEqual([(await check()).exitCode, (await check()).document], [0, {}]);
  await inPod("route", "del", "default");
  const noRoute = await check();
  assert.equal(noRoute.document.code, 105);
  assert.match(String(noRoute.document.msg), /^Cannot confirm the interface: .*route/);
  await cni.succeed("ADD", sandbox);
  assert.deepEqual((await check()).document, {});
  const [address] = addressesOf(added);
  await inPod("address", "del", `${address}/32`, "dev", "eth0");
  await inPod("address", "add", "10.244.9.9/32", "dev", "eth0");
  const otherAddress = await check();
  assert.equal(otherAddress.document.code, 105);
  assert.match(
    String(otherAddress.document.msg),
    new RegExp(`^Cannot confirm the interface: addresses .* 10.244.9.9/32 .*want ${address}/32`),
  );
  await inPod("address", "del", "10.244.9.9/32", "dev", "eth0");
  await cni.succeed("ADD", sandbox);
  assert.deepEqual((await check()).document, {});
  const other = { ...config, prevResult: { ...added.document, ips: [{ address: "10.9.9.9/32" }] } };
  const differs = await cni.failureOf("CHECK", environmentOf(sandbox), other);
  assert.match(differs, /^105: Cannot confirm the interface: /);
  await discard(sandbox);
});

test("GC removes what the runtime does not list, and nothing else", async () => {
  const before = await nodeTraces(fixture, "node1");
  const kept = await freshSandbox("kept");
  const dropped = await freshSandbox("dropped");
  await cni.succeed("ADD", kept);
  const withKept = await nodeTraces(fixture, "node1");
  await cni.succeed("ADD", dropped);
  const containers = withKept.allocations.map((row) => row.split(" ")[1] as string);
  const listed = [...new Set(containers)].map((containerID) => ({ containerID, ifname: "eth0" }));
  const config = { ...networkConfig, "cni.dev/valid-attachments": listed };
  const { exitCode, document } = await cni.call("GC", {}, config);
  assert.deepEqual([exitCode, document], [0, {}]);
  await eventually("the Port of kept alone", 10_000, async () => {
    const { ports } = await nodeTraces(fixture, "node1");
    return ports.length === before.ports.length + 1 ? true : undefined;
  });
  const { ports: _, ...now } = await nodeTraces(fixture, "node1");
  const { ports: __, ...wanted } = withKept;
  assert.deepEqual(now, wanted);
  await discard(kept, dropped);
  await assertTraces(before);
});

test("ADD puts its result behind that of the plugin before it", async () => {
  const sandbox = await freshSandbox("chain");
  const prevResult = {
    cniVersion: "1.1.0",
    interfaces: [{ name: "dummy0", sandbox: "/run/netns/x-chain" }],
    ips: [{ address: "192.0.2.7/24", interface: 0 }],
    routes: [{ dst: "192.0.2.0/24" }],
    dns: { nameservers: ["192.0.2.53"] },
  };
  const { document } = await cni.succeed("ADD", sandbox, { prevResult });
  const names = document.interfaces?.map(({ name }) => name);
  assert.equal(names?.length, 3);
  assert.deepEqual([names?.[0], names?.[2]], ["dummy0", "eth0"]);
  const [first, ...ours] = document.ips ?? [];
  assert.deepEqual(first, prevResult.ips[0]);
  assert.deepEqual(
    ours.map((ip) => ip.interface),
    [2, 2],
  );
  assert.deepEqual(document.routes?.[0], prevResult.routes[0]);
  await discard(sandbox);
});

test("older versions get results in their own shape", async () => {
  for (const cniVersion of ["0.3.1", "0.4.0", "1.0.0"]) {
    const sandbox = await freshSandbox(`v${cniVersion.replaceAll(".", "")}`);
    const { document } = await cni.succeed("ADD", sandbox, { cniVersion });
    assert.equal(document.cniVersion, cniVersion);
    const versions = document.ips?.map((ip) => (ip as { version?: string }).version);
    const wanted = cniVersion.startsWith("0.") ? ["4", "6"] : [undefined, undefined];
    assert.deepEqual(versions, wanted, cniVersion);
    await cni.call("DEL", environmentOf(sandbox), { ...networkConfig, cniVersion });
    await cni.removeNetns([sandbox.netns]);
  }
});

test("a namespace that a Subnet lists gets its addresses from there", async () => {
  const apiVersion = "heddle.io/v1alpha1";
  await fixture.apply(
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "blue" } },
    {
      ...{ apiVersion, kind: "Subnet", metadata: { name: "blue" } },
      spec: { cidrs: ["10.245.0.0/24"], namespaces: ["blue"] },
    },
    {
      ...{ apiVersion, kind: "IPPool", metadata: { name: "blue" } },
      spec: { subnet: "blue", cidr: "10.245.0.0/24", blockLength: 28 },
    },
  );
  await fixture.apply(
    echoPod("one", "node1", {}, "blue"),
    echoPod("two", "node1", {}, "blue"),
    echoPod("named", "node1", { "heddle.io/subnet": "blue" }),
  );
  const addresses: string[] = [];
  for (const [name, namespace] of [
    ["one", "blue"],
    ["two", "blue"],
    ["named", "default"],
  ] as const) {
    const { status } = await fixture.runningPod(name, namespace);
    addresses.push(...(status.podIPs ?? []).map(({ ip }) => ip));
  }
  assert.equal(new Set(addresses).size, 3);
  for (const address of addresses) assert.match(address, /^10\.245\.0\.\d+$/);
  for (const address of addresses) {
    await fixture.inDevice("node1", "ping", "-n", "-c", "1", "-W", "2", address);
  }
});

test("a fixed address of an annotation has one holder; the claim keeps it afterwards", async () => {
  const address = "10.244.128.77";
  const annotations = { "heddle.io/ip": address };
  await fixture.apply(
    inertPod("first", "node1", annotations),
    inertPod("second", "node1", annotations),
  );
  const first = await freshSandbox("first", "first");
  const second = await freshSandbox("second", "second");
  const added = await cni.succeed("ADD", first);
  assert.equal(addressesOf(added)[0], address);
  const refused = `103: Cannot use fixed address ${address}: it is in use by claim default/first`;
  assert.equal(await cni.failureOf("ADD", environmentOf(second), networkConfig), refused);
  await eventually("an event on the second pod", 10_000, async () => {
    const selector = "involvedObject.name=second,reason=AddressConflict";
    const { items } = await fixture.get<{ items: { message: string }[] }>(
      ...["events", "--field-selector", selector],
    );
    return items[0]?.message.includes(address) ? true : undefined;
  });
  await cni.succeed("CHECK", first);
  await cni.succeed("DEL", first);
  const kept = await cni.failureOf("ADD", environmentOf(second), networkConfig);
  assert.match(kept, /^103: Cannot use fixed address 10\.244\.128\.77: /);
  await eventually("the claim is released", 10_000, async () => {
    const claim = await fixture.get<{ status: { phase: string } }>("ipclaim", "first");
    return claim.status.phase === "Released" ? true : undefined;
  });
  await discard(first, second);
});

test("an IPClaim goes from one sandbox to the next, never to two", async () => {
  const address = "10.244.128.88";
  await fixture.apply({
    ...{
      apiVersion: "heddle.io/v1alpha1",
      kind: "IPClaim",
      metadata: { name: "db", namespace: "default" },
    },
    spec: { subnet: "pods", addresses: [address] },
  });
  const annotations = { "heddle.io/ip-claim": "db" };
  await fixture.apply(
    inertPod("db-old", "node1", annotations),
    inertPod("db-new", "node1", annotations),
  );
  const old = await freshSandbox("db-old", "db-old");
  const next = await freshSandbox("db-new", "db-new");
  assert.equal(addressesOf(await cni.succeed("ADD", old))[0], address);
  const refused = `11: Cannot use fixed address ${address}: container db-old/eth0 of this node still has it`;
  assert.equal(await cni.failureOf("ADD", environmentOf(next), networkConfig), refused);
  await cni.succeed("DEL", old);
  assert.equal(addressesOf(await cni.succeed("ADD", next))[0], address);
  await eventually("the claim names its holder", 10_000, async () => {
    const claim = await fixture.get<{ status?: { holder?: object } }>("ipclaim", "db");
    const { node, containerId } = (claim.status?.holder ?? {}) as Record<string, string>;
    return node === "node1" && containerId === "db-new" ? true : undefined;
  });
  await discard(old, next);
});
