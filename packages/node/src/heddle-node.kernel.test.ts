/**
 * The whole path of a pod on a real kernel: executable, socket, journal, data plane, and a kill.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const shim = new URL("../../../cni/build/heddle-cni", import.meta.url).pathname;
const main = new URL("./testing/node-main.ts", import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), "ht-"));
const socketPath = join(directory, "cni.sock");
const podCount = 150;

/** Holds the node's network and mount namespaces while the node itself comes and goes. */
let holder: ChildProcess;
let agent: ChildProcess | undefined;
const sandboxes = new Map<string, ChildProcess>();

before(async () => {
  if (!existsSync(shim)) throw new Error("make -C cni has not been run");
  holder = spawn("unshare", ["-n", "-m", "--propagation", "private", "sleep", "600"]);
  await once(holder, "spawn");
  await namespaceOf(holder);
  await inNode("ip", "link", "set", "lo", "up");
  await inNode("ip", "addr", "add", "192.0.2.1/32", "dev", "lo");
  await inNode("ip", "addr", "add", "fd00:2::1/128", "dev", "lo", "nodad");
  await startAgent();
});

after(async () => {
  for (const child of [agent, ...sandboxes.values(), holder]) child?.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
});

/** The child has left the namespace of its parent. */
async function namespaceOf(child: ChildProcess): Promise<string> {
  const { stdout: own } = await run("readlink", ["/proc/self/ns/net"]);
  for (let i = 0; i < 500; i += 1) {
    const { stdout } = await run("readlink", [`/proc/${child.pid}/ns/net`]);
    if (stdout !== own) return `/proc/${child.pid}/ns/net`;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error("unshare did not make a namespace");
}

async function inNode(...command: string[]): Promise<string> {
  return (await run("nsenter", ["-t", String(holder.pid), "-n", "-m", ...command])).stdout;
}

async function startAgent(): Promise<void> {
  const args = [main, join(directory, "state"), socketPath, "/sys/fs/bpf", String(podCount)];
  agent = spawn("nsenter", ["-t", String(holder.pid), "-n", "-m", process.execPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.ok(agent.stdout !== null);
  await once(agent.stdout, "data");
}

async function killAgent(): Promise<void> {
  assert.ok(agent !== undefined);
  const gone = once(agent, "exit");
  agent.kill("SIGKILL");
  await gone;
  agent = undefined;
}

async function sandbox(name: string): Promise<string> {
  const child = sandboxes.get(name) ?? spawn("unshare", ["-n", "sleep", "600"]);
  if (!sandboxes.has(name)) await once(child, "spawn");
  sandboxes.set(name, child);
  return await namespaceOf(child);
}

interface Answer {
  readonly code: number;
  readonly out: string;
}

/** Pods of a VPC are named after it. */
function namespaceOfPod(name: string): string {
  const [vpc = ""] = name.split("-");
  return vpc === "p" ? "default" : vpc;
}

async function cni(command: string, name: string): Promise<Answer> {
  const child = spawn(shim, [], {
    env: {
      HEDDLE_CNI_SOCKET: socketPath,
      CNI_COMMAND: command,
      CNI_CONTAINERID: name,
      CNI_NETNS: command === "DEL" ? "" : await sandbox(name),
      CNI_IFNAME: "eth0",
      CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespaceOfPod(name)};K8S_POD_NAME=${name}`,
    },
  });
  child.stdin.end(JSON.stringify({ cniVersion: "1.1.0", name: "heddle", type: "heddle-cni" }));
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { code: code as number, out };
}

async function add(name: string): Promise<string[]> {
  const { code, out } = await cni("ADD", name);
  assert.equal(code, 0, out);
  return (JSON.parse(out) as { ips: { address: string }[] }).ips.map((ip) => ip.address);
}

async function del(name: string): Promise<void> {
  assert.deepEqual(await cni("DEL", name), { code: 0, out: "" });
}

async function podLinks(): Promise<string[]> {
  const links = JSON.parse(await inNode("ip", "-j", "link", "show")) as { ifname: string }[];
  return links.map((link) => link.ifname).filter((name) => name.startsWith("hv"));
}

async function podRoutes(): Promise<string[]> {
  const all = (await inNode("ip", "route")) + (await inNode("ip", "-6", "route"));
  return all.split("\n").filter((line) => line.includes(" dev hv"));
}

async function ping(from: string, target: string): Promise<void> {
  const pid = String(sandboxes.get(from)?.pid);
  const address = target.replace(/\/\d+$/, "");
  await run("nsenter", ["-t", pid, "-n", "ping", "-c", "2", "-i", "0.05", "-W", "2", address]);
}

const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `p-${from + i}`);

test("pods get addresses that work in both families", async () => {
  const [first, second] = [await add("p-0"), await add("p-1")];
  assert.deepEqual(await add("p-0"), first);
  for (const target of second) await ping("p-0", target);
  await del("p-0");
  await del("p-0");
  await del("p-1");
  assert.deepEqual(await podLinks(), []);
  assert.deepEqual(await podRoutes(), []);
});

test("100 ADDs in sequence, then 50 at once: none double, nothing left", async (t) => {
  const seen: string[] = [];
  const durations: number[] = [];
  for (const name of names(0, 100)) {
    await sandbox(name);
    const startMs = performance.now();
    seen.push(...(await add(name)));
    durations.push(performance.now() - startMs);
  }
  const sorted = durations.toSorted((a, b) => a - b);
  t.diagnostic(`ADD p50 ${sorted[50]?.toFixed(1)} ms, p99 ${sorted[98]?.toFixed(1)} ms`);
  await Promise.all(names(100, 150).map(sandbox));
  seen.push(...(await Promise.all(names(100, 150).map(add))).flat());
  assert.equal(new Set(seen).size, 300);
  assert.equal((await podLinks()).length, 150);
  await Promise.all(names(100, 150).map(del));
  for (const name of names(2, 100)) await del(name);
  assert.equal((await podLinks()).length, 2);
  assert.equal((await podRoutes()).length, 4);
});

test("a killed agent's pods keep their traffic, and the next agent adopts them", async () => {
  const before = [await add("p-0"), await add("p-1")];
  await killAgent();
  for (const target of before[1] ?? []) await ping("p-0", target);
  const waiting = add("p-2");
  await startAgent();
  await waiting;
  assert.deepEqual([await add("p-0"), await add("p-1")], before);
  for (const target of before[1] ?? []) await ping("p-0", target);
  for (const target of before[0] ?? []) await ping("p-2", target);
  for (const name of names(0, 3)) await del(name);
  assert.deepEqual(await podLinks(), []);
  assert.deepEqual(await podRoutes(), []);
});

/** The addresses, with their lengths, that the interface in the pod carries. */
async function carried(name: string): Promise<string[]> {
  const pid = String(sandboxes.get(name)?.pid);
  const { stdout } = await run("nsenter", ["-t", pid, "-n", "ip", "-j", "addr", "show", "eth0"]);
  const [link] = JSON.parse(stdout) as {
    addr_info: { local: string; prefixlen: number; scope: string }[];
  }[];
  const found = link?.addr_info.filter(({ scope }) => scope === "global") ?? [];
  return found.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

async function pingFromNode(address: string): Promise<void> {
  const target = address.replace(/\/\d+$/, "");
  await inNode("ping", "-c", "2", "-i", "0.05", "-W", "2", target);
}

test("pods of VPCs with the same addresses are told infrastructure addresses that work", async () => {
  const names = ["red-0", "red-1", "blue-0", "blue-1"];
  const told = new Map<string, string[]>();
  for (const name of names) told.set(name, await add(name));
  assert.equal(new Set([...told.values()].flat()).size, 8);
  assert.deepEqual(await carried("red-0"), await carried("blue-0"));
  const own = new Map<string, string[]>();
  for (const name of names) own.set(name, await carried(name));
  await killAgent();
  for (const addresses of told.values())
    for (const address of addresses) await pingFromNode(address);
  await startAgent();
  for (const name of names) {
    assert.deepEqual(await add(name), told.get(name));
    assert.deepEqual(await carried(name), own.get(name));
    for (const address of told.get(name) ?? []) await pingFromNode(address);
  }
  for (const target of own.get("red-1") ?? []) await ping("red-0", target);
  await del("blue-1");
  for (const target of own.get("blue-1") ?? []) await assert.rejects(ping("blue-0", target));
  for (const target of own.get("red-1") ?? []) await ping("red-0", target);
  for (const name of names) await del(name);
  assert.deepEqual(await podLinks(), []);
  assert.deepEqual(await podRoutes(), []);
});
