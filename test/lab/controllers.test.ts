/**
 * The controllers of the lab: what people see of pools, subnets and VPCs follows what pods do, also
 * when the controller that leads is killed. One boot for all tests; they run in order.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Fabric, IPPool, Lease, Link, Subnet, Vpc } from "@heddle/api";
import { controllerLabels, controllerLease, labStatus } from "@heddle/lab";
import { eventually, LabFixture } from "./lab-fixture.ts";

let fixture: LabFixture;
const pids: number[] = [];

before(async () => {
  fixture = await LabFixture.boot();
  for (const label of controllerLabels) pids.push((await processOf(label)).pid);
});

after(async () => {
  await fixture[Symbol.asyncDispose]();
  for (const pid of pids) assert.equal(existsSync(`/proc/${pid}`), false, `process ${pid} is left`);
});

async function processOf(
  label: string,
): Promise<{ readonly pid: number; readonly isAlive: boolean }> {
  const status = await labStatus({ stateDir: fixture.stateDir });
  const found = status?.services.find((each) => each.label === label);
  assert.ok(found !== undefined, `no process ${label}`);
  return found;
}

async function scale(replicas: number): Promise<void> {
  await fixture.kubectl("scale", "deployment", "web", `--replicas=${replicas}`);
}

/** Milliseconds until pool, subnet and VPC count so many pods. */
async function counted(podCount: number, limitMs: number): Promise<number> {
  const startMs = performance.now();
  await eventually(`${podCount} pods counted`, limitMs, async () => {
    const [ipv4, ipv6, subnet, vpc] = await Promise.all([
      fixture.get<IPPool>("ippool", "pods-ipv4"),
      fixture.get<IPPool>("ippool", "pods-ipv6"),
      fixture.get<Subnet>("subnet", "pods"),
      fixture.get<Vpc>("vpc", "default"),
    ]);
    const counts = [
      ...[ipv4.status?.allocated, ipv6.status?.allocated],
      ...[subnet.status?.portCount, vpc.status?.portCount],
    ];
    return counts.every((count) => count === podCount) ? true : undefined;
  });
  return Math.round(performance.now() - startMs);
}

async function leaderLabel(): Promise<string> {
  const { name, namespace } = controllerLease;
  const { spec } = await fixture.get<Lease>("lease", name, "--namespace", namespace);
  return String(spec.holderIdentity).split("_", 1)[0] as string;
}

test("two controllers run, one of them leads, and the status of the lab lists both", async () => {
  const leader = await leaderLabel();
  assert.ok(
    controllerLabels.some((label) => label === leader),
    leader,
  );
  const { exitCode, stdout } = await fixture.heddle("lab", "status");
  assert.equal(exitCode, 0, stdout);
  for (const label of controllerLabels)
    assert.match(stdout, new RegExp(`^${label} +\\d+ +yes`, "m"));
});

test("every column of pools, subnets and VPCs is filled in", async () => {
  await counted(6, 20_000);
  const rows = async (...what: string[]): Promise<string[][]> => {
    const text = await fixture.kubectl("get", ...what, "--no-headers");
    return text
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/ {2,}/));
  };
  const [pods4] = await rows("ippool", "pods-ipv4");
  assert.deepEqual(pods4?.slice(0, 4), ["pods-ipv4", "pods", "10.244.0.0/17", "Dynamic"]);
  assert.ok(Number(pods4?.[4]) >= 3, `${pods4?.[4]} blocks`);
  // One address is that of the subnet itself.
  assert.deepEqual(pods4?.slice(5, 8), ["6", "32767", "True"]);
  for (const row of [...(await rows("ippools")), ...(await rows("subnets"))]) {
    assert.equal(row.at(-2), "True", row.join(" "));
  }
  assert.deepEqual(
    (await rows("vpcs")).map((row) => row.slice(0, 5)),
    [["default", "0", "1", "6", "True"]],
  );
});

test("what nobody has reported is Unknown, and nothing that exists is missing", async () => {
  const { items: links } = await fixture.get<{ readonly items: Link[] }>("links");
  const { items: fabrics } = await fixture.get<{ readonly items: Fabric[] }>("fabrics");
  assert.ok(links.length > 0 && fabrics.length === 1);
  for (const { metadata, status } of [...links, ...fabrics]) {
    const ready = status?.conditions.find(({ type }) => type === "Ready");
    assert.notEqual(ready?.status, undefined, metadata.name);
    assert.notEqual(ready?.status, "False", `${metadata.name}: ${ready?.message}`);
  }
  assert.equal(fabrics[0]?.status?.switchCount, fixture.lab.topology.switchConfigs.size);
});

test("counts follow pods that come and go", async () => {
  await scale(14);
  const upMs = await counted(14, 30_000);
  await scale(6);
  const downMs = await counted(6, 30_000);
  console.log(`counts of 8 more pods after ${upMs} ms, of 8 fewer after ${downMs} ms`);
});

test("a killed leader is replaced, and counts and VRF ids still follow", async () => {
  const vpc = (name: string): object => {
    return { apiVersion: "heddle.io/v1alpha1", kind: "Vpc", metadata: { name } };
  };
  const vrfIdOf = async (name: string): Promise<number> => {
    return await eventually(`a VRF id of ${name}`, 30_000, async () => {
      return (await fixture.get<Vpc>("vpc", name)).status?.vrfId;
    });
  };
  await fixture.apply(vpc("blue"));
  const blue = await vrfIdOf("blue");
  const killed = await leaderLabel();
  process.kill((await processOf(killed)).pid, "SIGKILL");
  await fixture.apply(vpc("green"));
  await scale(9);
  const takenMs = await counted(9, 30_000);
  const green = await vrfIdOf("green");
  console.log(`the other controller counted 9 pods ${takenMs} ms after the leader was killed`);
  const leader = await leaderLabel();
  assert.deepEqual([leader, killed].toSorted(), [...controllerLabels]);
  assert.ok(blue > 0 && green > blue, `${blue} ${green}`);
  const { exitCode, stdout } = await fixture.heddle("lab", "status");
  assert.equal(exitCode, 1);
  assert.match(stdout, new RegExp(`^${killed} +\\d+ +no`, "m"));

  await fixture.repair();
  const started = await processOf(killed);
  assert.equal(started.isAlive, true);
  pids.push(started.pid);
  await scale(6);
  await counted(6, 30_000);
  assert.equal(await leaderLabel(), leader);
});
