/**
 * Pods as processes on a node of a small lab, with a CNI plugin that writes down how it was called.
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "@heddle/api";
import { systemClock } from "@heddle/system";

import { parseLabDefinition } from "../definition/parse.ts";
import { type Device, defaultTools } from "../device/device.ts";
import { labDown, labUp } from "../lab.ts";
import { liveDevice, runningLab } from "../state/context.ts";
import { DevicePodRuntime } from "./device-pod-runtime.ts";
import type { PodRecord } from "./pod-runtime.ts";
import { podsOfLab } from "./stand-ins.ts";
import { pod } from "./testing/objects.ts";

const definition = parseLabDefinition(`
name: tiny
fabric:
  asn: 65201
  nodeAsn: 65203
  mtu: 9100
  loopbacks: 10.255.0.0/24
  links: { fabric: [10.254.0.0/16], tenant: [172.16.0.0/16], underlay: [172.17.0.0/16] }
  vrfs: [{ name: tenant, vni: 10100, routeTarget: "65201:10100", aggregates: [10.244.0.0/16] }]
management: 198.18.0.0/24
devices:
  spine1: { role: spine }
  leaf1: { role: leaf }
  node1: { role: node }
links:
  - { from: leaf1, to: spine1 }
  - { from: leaf1, to: node1, vrf: tenant }
`);

const stateDir = mkdtempSync("/run/heddle-pods-");
const plugins = path.join(stateDir, "plugins");
const calls = path.join(stateDir, "calls");
const network = {
  cniVersion: "1.1.0",
  name: "heddle",
  plugins: [{ type: "fake" }, { type: "chained", mode: "second" }],
};

/** A plugin of a test: the two answers are fixed, the calls are what matters. */
const plugin = `#!/bin/sh
printf '%s|%s|%s|%s|%s|' "$(basename "$0")" "$CNI_COMMAND" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" >> ${calls}
cat >> ${calls}
echo >> ${calls}
[ -e ${stateDir}/fail ] && [ "$CNI_COMMAND" = ADD ] && { printf '{"cniVersion":"1.1.0","code":11,"msg":"try again later","details":"the agent is down"}'; exit 1; }
[ "$CNI_COMMAND" = ADD ] && printf '{"cniVersion":"1.1.0","ips":[{"address":"fd00:10:244::5/128"},{"address":"10.244.0.5/32"}]}'
exit 0
`;

let node: Device;

function newRuntime(): DevicePodRuntime {
  const cni = { network, path: [plugins] };
  return new DevicePodRuntime({ node, cni, tools: defaultTools, clock: systemClock });
}

function shellPod(name: string, script: string, restartPolicy: "Always" | "Never"): Pod {
  const container = { name: "main", command: ["/bin/sh", "-c", script] };
  return pod(name, { containers: [container] as never, restartPolicy });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

before(async () => {
  await labUp(definition, { stateDir });
  mkdirSync(plugins);
  for (const { type } of network.plugins) {
    writeFileSync(path.join(plugins, type), plugin);
    chmodSync(path.join(plugins, type), 0o755);
  }
  node = liveDevice(runningLab(stateDir, defaultTools), "node1");
});

after(async () => {
  await labDown(stateDir);
  assert.equal(existsSync(stateDir), false);
});

test("a pod has its own network, host name and log, and leaves nothing", async () => {
  const runtime = newRuntime();
  const it = shellPod("shell", "hostname; ip -o link | wc -l; exec sleep 1000", "Always");
  const record = await runtime.start(it);
  assert.deepEqual(record.addresses, ["10.244.0.5", "fd00:10:244::5"]);
  const [running] = podsOfLab(runningLab(stateDir, defaultTools));
  assert.equal(running?.node, "node1");
  assert.equal(running?.record.uid, "uid-shell");
  const log = path.join(node.paths.logs, "pods", "default_shell_uid-shell", "main.log");
  await until("the log", async () => existsSync(log) && readFileSync(log, "utf8").includes("1\n"));
  assert.equal(readFileSync(log, "utf8"), "shell\n1\n");
  const [view] = await runtime.observe(record, it);
  assert.deepEqual([view?.isRunning, view?.restartCount], [true, 0]);
  await runtime.stop(record);
  assert.deepEqual(podsOfLab(runningLab(stateDir, defaultTools)), []);
  assert.equal(existsSync(path.join(node.cgroup, "pods", "uid-shell")), false);
  const { stdout } = await node.run(["ip", "netns", "list"]);
  assert.equal(stdout, "");
  await runtime.stop(record);
});

test("CNI is called as a container runtime calls it", async () => {
  writeFileSync(calls, "");
  const runtime = newRuntime();
  const record = await runtime.start(shellPod("called", "exec sleep 1000", "Always"));
  await runtime.stop(record);
  const netns = `/run/netns/${record.netns}`;
  const args =
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=called;" +
    `K8S_POD_INFRA_CONTAINER_ID=${record.containerId};K8S_POD_UID=uid-called`;
  const prevResult = {
    cniVersion: "1.1.0",
    ips: [{ address: "fd00:10:244::5/128" }, { address: "10.244.0.5/32" }],
  };
  const first = { type: "fake", cniVersion: "1.1.0", name: "heddle" };
  const second = { type: "chained", mode: "second", cniVersion: "1.1.0", name: "heddle" };
  const lines = readFileSync(calls, "utf8").trim().split("\n");
  assert.deepEqual(lines, [
    `fake|ADD|${netns}|eth0|${args}|${JSON.stringify(first)}`,
    `chained|ADD|${netns}|eth0|${args}|${JSON.stringify({ ...second, prevResult })}`,
    `chained|DEL|${netns}|eth0|${args}|${JSON.stringify({ ...second, prevResult })}`,
    `fake|DEL|${netns}|eth0|${args}|${JSON.stringify({ ...first, prevResult })}`,
  ]);
});

test("a refused ADD is explained, and leaves nothing", async () => {
  writeFileSync(path.join(stateDir, "fail"), "");
  const runtime = newRuntime();
  await assert.rejects(runtime.start(shellPod("refused", "true", "Always")), {
    message: "CNI ADD by fake: error 11: try again later: the agent is down",
  });
  rmSync(path.join(stateDir, "fail"));
  assert.deepEqual(await runtime.list(), []);
  assert.equal((await node.run(["ip", "netns", "list"])).stdout, "");
});

test("an ended container restarts, or keeps its exit code", async () => {
  const runtime = newRuntime();
  const again = shellPod("again", "exit 3", "Always");
  const once = shellPod("once", "exit 3", "Never");
  const records: PodRecord[] = [await runtime.start(again), await runtime.start(once)];
  await until("it restarted", async () => {
    const [view] = await runtime.observe(records[0] as PodRecord, again);
    return (view?.restartCount as number) >= 2;
  });
  await until("it ended", async () => {
    const [view] = await runtime.observe(records[1] as PodRecord, once);
    return view?.exitCode === 3 && !view.isRunning;
  });
  for (const record of records) await runtime.stop(record);
});

test("a new runtime adopts pods, and a pod keeps no network of another", async () => {
  const one = shellPod("one", "exec sleep 1000", "Always");
  const two = shellPod("two", "exec sleep 1000", "Always");
  const earlier = newRuntime();
  const first = await earlier.start(one);
  const second = await earlier.start(two);
  const runtime = newRuntime();
  assert.deepEqual((await runtime.list()).map(({ name }) => name).sort(), ["one", "two"]);
  const [view] = await runtime.observe(first, one);
  assert.deepEqual([view?.isRunning, view?.restartCount], [true, 0]);
  await runtime.stop(first);
  const holder = podsOfLab(runningLab(stateDir, defaultTools)).find(({ record }) => {
    return record.uid === second.uid;
  });
  const mounts = readFileSync(`/proc/${holder?.pid}/mountinfo`, "utf8");
  assert.equal(mounts.includes(first.netns), false);
  assert.equal(mounts.includes(second.netns), true);
  await runtime.stop(second);
});

test("the echo image runs, an unknown one is refused", async () => {
  const runtime = newRuntime();
  const record = await runtime.start(pod("echo"));
  const [found] = podsOfLab(runningLab(stateDir, defaultTools));
  const inPod = ["nsenter", "--target", String(found?.pid), "--net"];
  await node.run([...inPod, "ip", "link", "set", "lo", "up"]);
  await until("it answers", async () => {
    const argv = [...inPod, "curl", "-s", "http://127.0.0.1:8080/"];
    const { stdout } = await node.run(argv, { allowFailure: true });
    return stdout.includes('"hostname": "echo"');
  });
  await runtime.stop(record);
  const unknown = pod("unknown", { containers: [{ name: "main", image: "nginx" }] as never });
  await assert.rejects(runtime.start(unknown), {
    message: "container main: image nginx is unknown, want a command or the image heddle-echo",
  });
});
