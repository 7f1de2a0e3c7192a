/**
 * What outlives the process: forwarding while it is dead, adoption when it is back, a change of the
 * layout.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { type Fd, withNetns } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import type { PodInterface } from "./dataplane.ts";
import { DataplaneError } from "./dataplane-error.ts";
import { heddleObject } from "./gen/heddle.gen.ts";
import { KernelDataplane, type KernelDataplaneOptions } from "./kernel-dataplane.ts";
import type { Report } from "./testing/node-main.ts";
import {
  inNetns,
  nodeInterfaces,
  outside,
  ping,
  podInterface,
  Topology,
} from "./testing/topology.ts";
import { WorkerDataplane } from "./worker-dataplane.ts";

let topology: Topology;
let netns1: Fd;
let netns2: Fd;
let netns3: Fd;
const children = new Set<ChildProcess>();

before(() => {
  topology = new Topology();
  [netns1, netns2, netns3] = [topology.pod(), topology.pod(), topology.pod()];
});

after(() => {
  for (const child of children) child.kill("SIGKILL");
  topology?.[Symbol.dispose]();
});

/** Runs `testing/node-main.ts` until it has attached `pods`. */
async function startNode(
  pods: readonly PodInterface[],
): Promise<{ child: ChildProcess; report: Report }> {
  const main = path.join(import.meta.dirname, "testing", "node-main.ts");
  const text = JSON.stringify(pods, (_, value) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
  const node = `/proc/${process.pid}/fd/${topology.node.number}`;
  const child = spawn(process.execPath, [main, node, topology.bpffsPath, text], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  children.add(child);
  let output = "";
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.includes("\n")) break;
  }
  return { child, report: JSON.parse(output) };
}

async function end(child: ChildProcess, how: "kill" | "close"): Promise<void> {
  const exited = once(child, "exit");
  if (how === "kill") child.kill("SIGKILL");
  else child.stdin?.end();
  await exited;
  children.delete(child);
}

function kernelDataplane(options: Partial<KernelDataplaneOptions> = {}): KernelDataplane {
  const { bpffsPath } = topology;
  return withNetns(topology.node, () => new KernelDataplane({ bpffsPath, ...options }));
}

/** Many pings along every kind of path while `run` runs; none may be lost. */
async function assertNoLoss(run: () => Promise<void> | void): Promise<void> {
  const flood = ["-c", "150", "-i", "0.01"];
  const flows = [
    ping(netns1, "10.244.0.2", ...flood),
    ping(netns1, outside.ip4, ...flood),
    ping(netns2, outside.ip6, ...flood),
    ping(topology.outside, "10.244.0.1", ...flood),
    ping(topology.node, "10.244.0.1", ...flood),
  ];
  await run();
  for (const { output } of await Promise.all(flows)) {
    assert.match(output, /150 packets transmitted, 150 received/);
  }
}

const pods = (): PodInterface[] => [podInterface(netns1, 1), podInterface(netns2, 2)];

test("a killed process loses no packet, and the next one adopts what it finds", async () => {
  const first = await startNode(pods());
  assert.deepEqual(first.report, { adopted: [], differences: [] });
  await assertNoLoss(() => end(first.child, "kill"));
  await assertNoLoss(async () => {
    const second = await startNode([...pods(), podInterface(netns3, 3)]);
    assert.deepEqual(second.report, { adopted: ["hv1", "hv2"], differences: [] });
    const { output } = await ping(netns3, outside.ip4);
    assert.match(output, / 0% packet loss/);
    await end(second.child, "close");
  });
});

test("an endpoint whose interface went while the process was dead leaves the tables", () => {
  inNetns(topology.node, "ip", "link", "del", "hv3");
  using dataplane = kernelDataplane();
  withNetns(topology.node, () => dataplane.setNode(nodeInterfaces));
  const known = withNetns(topology.node, () => dataplane.checkPod(podInterface(netns1, 1)));
  assert.deepEqual(known, []);
  const dump = inNetns(topology.node, "bpftool", "-j", "map", "dump", "pinned", pinOf("routes4"));
  const locals = JSON.parse(dump).filter((entry: string) =>
    JSON.stringify(entry).includes("ROUTE_LOCAL"),
  );
  assert.equal(locals.length, 2);
});

function pinOf(map: string): string {
  return path.join(topology.bpffsPath, "heddle", heddleObject.layoutHash, map);
}

test("another layout is another generation: filled, swapped, the old one removed", async () => {
  const root = path.join(topology.bpffsPath, "heddle");
  const [old, own] = [
    path.join(root, "0123456789abcdef"),
    path.join(root, heddleObject.layoutHash),
  ];
  renameSync(own, old);
  mkdirSync(path.join(root, `next-${heddleObject.layoutHash}`));
  await assertNoLoss(() => {
    using dataplane = kernelDataplane();
    withNetns(topology.node, () => dataplane.setNode(nodeInterfaces));
    for (const pod of pods()) {
      assert.deepEqual(
        withNetns(topology.node, () => dataplane.checkPod(pod)),
        [],
      );
    }
  });
  assert.deepEqual(readdirSync(root).sort(), [heddleObject.layoutHash, "links"].sort());
});

test("uplinks move between TCX and clsact without loss", async () => {
  const links = path.join(topology.bpffsPath, "heddle", "links");
  assert.deepEqual(readdirSync(links), ["up1", "up2"]);
  await assertNoLoss(() => {
    using dataplane = kernelDataplane({ uplinkAttachment: "clsact" });
    withNetns(topology.node, () => dataplane.setNode(nodeInterfaces));
  });
  assert.deepEqual(readdirSync(links), []);
  const filters = () => inNetns(topology.node, "tc", "filter", "show", "dev", "up1", "ingress");
  assert.match(filters(), /heddle\/from_uplink direct-action/);
  await assertNoLoss(() => {
    using dataplane = kernelDataplane({ uplinkAttachment: "tcx" });
    withNetns(topology.node, () => dataplane.setNode(nodeInterfaces));
  });
  assert.deepEqual(readdirSync(links), ["up1", "up2"]);
  assert.equal(filters().includes("heddle"), false);
});

test("an uplink that is missing is an error and keeps no other from being attached", () => {
  using dataplane = kernelDataplane();
  const { node } = topology;
  const set = (uplinks: readonly string[]) => () =>
    withNetns(node, () => dataplane.setNode({ ...nodeInterfaces, uplinks }));
  assert.throws(set(["none", "up2"]), (error) => {
    assert.ok(error instanceof DataplaneError);
    assert.equal(error.code, "no-uplink");
    assert.equal(error.message, "Cannot attach uplink none: no such interface");
    return true;
  });
  const links = path.join(topology.bpffsPath, "heddle", "links");
  assert.deepEqual(readdirSync(links), ["up2"]);
  assert.throws(set(["lo"]), { code: "bad-uplink" });
  set(["up1", "up2"])();
  assert.deepEqual(readdirSync(links), ["up1", "up2"]);
});

test("an uplink that was made anew is attached anew", async () => {
  const pin = path.join(topology.bpffsPath, "heddle", "links", "x%2e9");
  const { node } = topology;
  const remake = (): void => {
    inNetns(node, "ip", "link", "add", "x.9", "type", "veth", "peer", "name", "x.9p");
  };
  using dataplane = kernelDataplane();
  const set = (uplinks: readonly string[]): void =>
    withNetns(node, () => dataplane.setNode({ ...nodeInterfaces, uplinks }));
  remake();
  set(["up1", "up2", "x.9"]);
  inNetns(node, "ip", "link", "del", "x.9");
  remake();
  set(["up1", "up2", "x.9"]);
  const shown = inNetns(node, "bpftool", "-j", "net", "show", "dev", "x.9");
  assert.ok(existsSync(pin));
  assert.ok(shown.length > 0);
  set(["up1", "up2"]);
  assert.equal(existsSync(pin), false);
  inNetns(node, "ip", "link", "del", "x.9");
});

test("what else is attached is looked for only when an uplink has left", (t) => {
  using dataplane = kernelDataplane();
  const links = path.join(topology.bpffsPath, "heddle", "links");
  const dumps = t.mock.method(Rtnetlink.prototype, "qdiscs");
  const dumpsOf = (uplinks: readonly string[]): number => {
    const before = dumps.mock.callCount();
    withNetns(topology.node, () => dataplane.setNode({ ...nodeInterfaces, uplinks }));
    assert.deepEqual(readdirSync(links).sort(), uplinks);
    return dumps.mock.callCount() - before;
  };
  dumpsOf(["up1"]);
  assert.deepEqual([dumpsOf(["up1"]), dumpsOf(["up1", "up2"])], [0, 0]);
  assert.deepEqual([dumpsOf(["up2"]), dumpsOf(["up1", "up2"])], [1, 0]);
});

test("WorkerDataplane gives errors as data and says when it has ended", async () => {
  const { bpffsPath } = topology;
  await using dataplane = withNetns(topology.node, () => new WorkerDataplane({ bpffsPath }));
  const pod = podInterface(netns1, 1);
  await assert.rejects(dataplane.attachPod(pod), { code: "no-node" });
  await dataplane.setNode(nodeInterfaces);
  const missing = { ...pod, netnsPath: "/run/netns/ht-missing" };
  await assert.rejects(dataplane.attachPod(missing), { code: "refused", detail: "ENOENT" });
  const taken = { ...pod, hostIfname: "up1" };
  await assert.rejects(dataplane.attachPod(taken), { code: "refused", detail: "not-ours" });
  const [count] = await dataplane.drops();
  assert.equal(count?.reason, "no-vif");
  await dataplane[Symbol.asyncDispose]();
  await assert.rejects(dataplane.drops(), { code: "worker-ended" });
});

test("a worker that cannot start fails every call", async () => {
  const workerFile = new URL("file:///nonexistent/worker.ts");
  const dataplane = new WorkerDataplane({ bpffsPath: topology.bpffsPath, workerFile });
  await assert.rejects(dataplane.observePods(), { code: "worker-ended" });
  await assert.rejects(dataplane.observePods(), { code: "worker-ended" });
  await dataplane[Symbol.asyncDispose]();
});
