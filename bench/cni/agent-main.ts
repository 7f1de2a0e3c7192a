/**
 * The agent that is measured: the product's parts for pods in one process, as the agent wires them,
 * without BGP, which has no part in an ADD. Runs in the node's network namespace. The store is in
 * memory, or, with --kubeconfig, that of an API server.
 *
 * Serves until its standard input ends; each line there is answered with its state.
 */

import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { portKind } from "@heddle/api";
import { CniServer } from "@heddle/cni";
import { WorkerDataplane } from "@heddle/dataplane";
import { type Prefix, parseVrfId } from "@heddle/inet";
import { HttpStore, MemoryStore, type Store } from "@heddle/kube";
import { ClusterCache, HeddleNode } from "@heddle/node";
import type { Log } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import type { AgentMessage } from "./agent-protocol.ts";
import { nodeName, seedCluster } from "./cluster-seed.ts";
import { Stopwatch, TimedDataplane } from "./stopwatch.ts";

const clock = systemClock;
const rng = systemRng;
const vrf = parseVrfId(0);

interface Options {
  readonly directory: string;
  readonly uplink: string;
  readonly pods: string;
  readonly kubeconfig?: string;
}

async function main(options: Options): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const store = owned.use(await openStore(options.kubeconfig));
  await seedCluster(store, Number(options.pods));
  const cache = owned.use(new ClusterCache({ node: nodeName, store, clock, rng, log }));
  const stopwatch = new Stopwatch();
  const bpffsPath = path.join(options.directory, "bpf");
  const kernel = new WorkerDataplane({ bpffsPath, ...bundledWorker() });
  const dataplane = owned.use(new TimedDataplane(kernel, stopwatch));
  const setNode = (prefixes: readonly Prefix[]): Promise<void> =>
    dataplane.setNode({
      uplinks: [options.uplink],
      podPrefixes: [],
      blocks: prefixes.map((prefix) => ({ vrf, prefix })),
    });
  await setNode([]);
  await cache.synced;
  const node = owned.use(
    await HeddleNode.start({
      ...{ name: nodeName, store, objects: cache, dataplane, clock, log, mtu: 1500 },
      stateDirectory: path.join(options.directory, "state"),
      announcer: { announce(): void {}, withdraw(): void {} },
      onBlocks: (prefixes) => void setNode(prefixes),
    }),
  );
  const socketPath = path.join(options.directory, "cni.sock");
  const handler = stopwatch.handler(node.network);
  owned.use(await CniServer.listen({ socketPath, handler, clock, log }));
  say({ kind: "ready" });
  for await (const _ of createInterface({ input: process.stdin })) {
    await node.settled();
    const ports = await store.list(portKind);
    say({
      kind: "state",
      allocationCount: node.state.allocations.size,
      portCount: ports.items.length,
      interfaceCount: (await dataplane.observePods()).length,
      ...stopwatch.take(),
    });
  }
}

async function openStore(
  kubeconfig: string | undefined,
): Promise<Store & (AsyncDisposable | Disposable)> {
  return kubeconfig === undefined ? new MemoryStore() : await HttpStore.fromKubeconfig(kubeconfig);
}

/** In a bundle the worker is beside it; from source its package knows it. */
function bundledWorker(): { readonly workerFile?: URL } {
  if (import.meta.url.endsWith(".ts")) return {};
  return { workerFile: new URL("./kernel-worker.mjs", import.meta.url) };
}

function say(message: AgentMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const log: Log = {
  debug(): void {},
  info(): void {},
  warn: (message, fields) => console.error(`agent: ${message}`, fields),
  error: (message, fields) => console.error(`agent: ${message}`, fields),
  with: () => log,
};

const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    uplink: { type: "string" },
    pods: { type: "string" },
    kubeconfig: { type: "string" },
  },
});
const { directory, uplink, pods, kubeconfig } = values;
if (directory === undefined || uplink === undefined || pods === undefined) {
  throw new Error("Cannot run: want --directory, --uplink and --pods");
}
await main({ directory, uplink, pods, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
