/**
 * Scheduler, Deployment controller and pod runner together, over a memory store and a runtime that
 * does nothing.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { deploymentKind, nodeKind, type Pod, podKind } from "@heddle/api";
import { MemoryStore } from "@heddle/kube";
import { seededRng, silentLog } from "@heddle/std";
import { systemClock } from "@heddle/system";
import { runDeploymentController } from "./deployment-controller.ts";
import { PodRunner } from "./pod-runner.ts";
import {
  type ContainerView,
  type PodRecord,
  type PodRuntime,
  PodStartError,
} from "./pod-runtime.ts";
import { runScheduler } from "./scheduler.ts";
import { deployment, node } from "./testing/objects.ts";

class FakeRuntime implements PodRuntime {
  readonly running = new Map<string, PodRecord>();
  failures = 0;
  maxAtOnce = 0;
  #starting = 0;

  async list(): Promise<readonly PodRecord[]> {
    return [...this.running.values()];
  }

  async start({ metadata }: Pod): Promise<PodRecord> {
    this.#starting += 1;
    this.maxAtOnce = Math.max(this.maxAtOnce, this.#starting);
    await new Promise((resolve) => setImmediate(resolve));
    this.#starting -= 1;
    if (this.failures > 0) {
      this.failures -= 1;
      throw new PodStartError("CNI ADD by heddle: error 11: the agent is down");
    }
    assert.equal(this.running.has(metadata.uid as string), false, "started twice");
    const record: PodRecord = {
      uid: metadata.uid as string,
      namespace: "default",
      name: metadata.name,
      containerId: `c-${metadata.uid}`,
      netns: "cni-x",
      addresses: [`10.244.0.${this.running.size + 1}`, `fd00::${this.running.size + 1}`],
      startedAt: "2026-01-01T00:00:00Z",
    };
    this.running.set(record.uid, record);
    return record;
  }

  async observe(_record: PodRecord, { spec }: Pod): Promise<readonly ContainerView[]> {
    const changedAt = "2026-01-01T00:00:00Z";
    return spec.containers.map(({ name }) => {
      return { name, isRunning: true, exitCode: undefined, restartCount: 0, changedAt };
    });
  }

  async stop({ uid }: PodRecord): Promise<void> {
    this.running.delete(uid);
  }
}

interface World extends AsyncDisposable {
  readonly store: MemoryStore;
  readonly runtimes: ReadonlyMap<string, FakeRuntime>;
  pods(): Promise<readonly Pod[]>;
}

async function startWorld(nodes: readonly string[], failures = 0): Promise<World> {
  const store = new MemoryStore();
  const controller = new AbortController();
  const deps = { store, clock: systemClock, rng: seededRng(7), log: silentLog };
  const runtimes = new Map(nodes.map((name) => [name, new FakeRuntime()]));
  const tasks = [
    runScheduler(deps, controller.signal),
    runDeploymentController(deps, controller.signal),
  ];
  for (const [name, runtime] of runtimes) {
    runtime.failures = failures;
    await store.create(nodeKind, { ...node(name), status: undefined as never });
    const stored = await store.get(nodeKind, { name });
    await store.updateStatus(nodeKind, { ...stored, ...{ status: node(name).status as never } });
    const options = { nodeName: name, hostIp: "198.18.0.11", runtime, observeEveryMs: 20 };
    tasks.push(new PodRunner(deps, options).run(controller.signal));
  }
  return {
    store,
    runtimes,
    pods: async () => (await store.list(podKind)).items,
    async [Symbol.asyncDispose](): Promise<void> {
      controller.abort();
      await Promise.all(tasks);
      await store[Symbol.asyncDispose]();
    },
  };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function readyCount(pods: readonly Pod[]): number {
  return pods.filter(({ status }) =>
    status?.conditions?.some((it) => it.type === "Ready" && it.status === "True"),
  ).length;
}

test("a Deployment becomes running pods spread over the nodes, scales and goes", async () => {
  await using world = await startWorld(["node1", "node2", "node3"]);
  await world.store.create(deploymentKind, deployment("web", 6));
  await until("6 ready", async () => readyCount(await world.pods()) === 6);
  const perNode = [...world.runtimes.values()].map((runtime) => runtime.running.size);
  assert.deepEqual(perNode, [2, 2, 2]);
  const [first] = await world.pods();
  assert.equal(first?.status?.phase, "Running");
  assert.equal(first?.status?.podIPs?.length, 2);
  assert.equal(first?.status?.podIP, first?.status?.podIPs?.[0]?.ip);
  const read = () => world.store.get(deploymentKind, { name: "web", namespace: "default" });
  await until("status", async () => (await read()).status?.readyReplicas === 6);
  const found = await read();
  await world.store.update(deploymentKind, { ...found, spec: { ...found.spec, replicas: 1 } });
  await until("1 pod", async () => (await world.pods()).length === 1);
  await until("1 running", async () => {
    return [...world.runtimes.values()].reduce((sum, it) => sum + it.running.size, 0) === 1;
  });
  await world.store.delete(deploymentKind, { name: "web", namespace: "default" });
  await until("no pod", async () => (await world.pods()).length === 0);
  await until("none running", async () => {
    return [...world.runtimes.values()].every((it) => it.running.size === 0);
  });
});

test("100 pods start once each, a few at a time", async () => {
  await using world = await startWorld(["node1"]);
  await world.store.create(deploymentKind, deployment("web", 100));
  await until("100 ready", async () => readyCount(await world.pods()) === 100);
  assert.equal(world.runtimes.get("node1")?.running.size, 100);
  assert.ok((world.runtimes.get("node1")?.maxAtOnce as number) <= 8);
});

test("a pod that cannot start says why, and starts later", async () => {
  await using world = await startWorld(["node1"], 1);
  await world.store.create(deploymentKind, deployment("web", 1));
  await until("the reason is in its status", async () => {
    const [pod] = await world.pods();
    const waiting = pod?.status?.containerStatuses?.[0]?.state?.waiting;
    return waiting?.message === "CNI ADD by heddle: error 11: the agent is down";
  });
  await until("ready", async () => readyCount(await world.pods()) === 1);
});

test("without a node that fits, a pod says that it is unschedulable", async () => {
  await using world = await startWorld([]);
  await world.store.create(deploymentKind, deployment("web", 1));
  await until("condition", async () => {
    const [pod] = await world.pods();
    return pod?.status?.conditions?.[0]?.reason === "Unschedulable";
  });
});

test("a new runner adopts the pods of the one before", async () => {
  await using world = await startWorld(["node1"]);
  await world.store.create(deploymentKind, deployment("web", 2));
  await until("2 ready", async () => readyCount(await world.pods()) === 2);
  const runtime = world.runtimes.get("node1") as FakeRuntime;
  const controller = new AbortController();
  const deps = { store: world.store, clock: systemClock, rng: seededRng(7), log: silentLog };
  const options = { nodeName: "node1", hostIp: "198.18.0.11", runtime };
  const second = new PodRunner(deps, options).run(controller.signal);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(runtime.running.size, 2);
  controller.abort();
  await second;
});
