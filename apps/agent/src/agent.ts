/**
 * The parts of the agent, wired together, and the order in which they come to life.
 *
 * The topology (which uplinks, which BGP peers) is what the API says, or what it said last time.
 * With it known, the data plane is adopted, the journal's blocks are announced and CNI is served.
 * Ending it leaves all that forwards.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AdminServer } from "@heddle/admin";
import { CniServer } from "@heddle/cni";
import { WorkerDataplane } from "@heddle/dataplane";
import { HttpStore } from "@heddle/kube";
import {
  ClusterCache,
  HeddleNode,
  NodeHeartbeat,
  NodeSpeaker,
  type NodeTopology,
  readTopology,
} from "@heddle/node";
import { defaultListen, KernelFib } from "@heddle/speaker";
import type { Log } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { adminActions, adminRoutes } from "./admin-routes.ts";
import type { AgentConfig } from "./config.ts";
import { Interfaces } from "./interfaces.ts";
import { AgentMetrics } from "./metrics.ts";
import { NodeAttachment } from "./node-attachment.ts";
import { timedCni } from "./timed-cni.ts";
import { bundledWorker } from "./worker-file.ts";

/** Preference of BGP's default routes in the kernel; the lower wins. */
const routeMetric = 20;

/** When no uplink says: what every Ethernet carries. */
const fallbackMtu = 1500;

const clock = systemClock;
const rng = systemRng;

export async function startAgent(config: AgentConfig, log: Log): Promise<AsyncDisposable> {
  await using owned = new AsyncDisposableStack();
  mkdirSync(config.runDir, { recursive: true, mode: 0o700 });
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  const startedAtMs = clock.wallMs();
  const store = owned.use(await HttpStore.fromKubeconfig(config.kubeconfig));
  const cache = owned.use(new ClusterCache({ node: config.node, store, clock, rng, log }));
  const workerFile = bundledWorker("kernel-worker");
  const dataplane = owned.use(
    new WorkerDataplane({
      bpffsPath: config.bpffs,
      ...(workerFile === undefined ? {} : { workerFile }),
    }),
  );
  const fib = owned.use(await KernelFib.open({ metric: routeMetric }, { log, clock, rng }));
  const bfdEntry = bundledWorker("bfd-worker");
  const speaker = new NodeSpeaker({ fib, log, ...(bfdEntry === undefined ? {} : { bfdEntry }) });
  owned.defer(() => speaker.stopForRestart());
  const interfaces = owned.use(new Interfaces());
  const forwardingMarker = path.join(config.runDir, "forwarding");
  const attachment = owned.use(
    new NodeAttachment({
      ...{ dataplane, speaker, store, interfaces, clock, rng, log },
      stateDir: config.stateDir,
      isRestart: existsSync(forwardingMarker),
      listen:
        config.bgpPort === 0 ? [] : defaultListen.map((at) => ({ ...at, port: config.bgpPort })),
    }),
  );
  await attachment.setTopology(await firstTopology(config, cache, log));
  writeFileSync(forwardingMarker, "");
  cache.onTopologyChange(() => void attachment.setTopology(cache.topology()));
  const uplinkMtu = interfaces.mtuOf(attachment.plan.uplinks);
  const node = owned.use(
    await HeddleNode.start({
      ...{ name: config.node, store, objects: cache, dataplane, announcer: speaker, clock, log },
      stateDirectory: config.stateDir,
      mtu: config.mtu ?? uplinkMtu ?? fallbackMtu,
      onBlocks: (blocks) => void attachment.setBlocks(blocks),
      limitations: () => limitationsOf(attachment, speaker),
    }),
  );
  cache.onAddressPlanChange(() => void node.maintain());
  const socketPath = path.join(config.runDir, "cni.sock");
  const { server } = store;
  const parts = { config, startedAtMs, server, cache, dataplane, speaker, attachment, node, fib };
  const metrics = new AgentMetrics(parts);
  const handler = timedCni(node.network, clock, (duration) => metrics.observeCni(duration));
  owned.use(await CniServer.listen({ socketPath, handler, clock, log }));
  owned.use(new NodeHeartbeat({ node: config.node, store, clock, log }));
  owned.use(
    await AdminServer.start({
      socketPath: path.join(config.runDir, "agent.sock"),
      routes: adminRoutes(parts),
      actions: adminActions(parts),
      metrics: () => metrics.text(),
      log,
    }),
  );
  log.info("the agent serves", {
    uplinks: attachment.plan.uplinks,
    pods: node.state.allocations.size,
  });
  return owned.move();
}

/** Faults that reach existing pods: nothing leads out of the node. */
function limitationsOf(attachment: NodeAttachment, speaker: NodeSpeaker): string[] {
  if (attachment.plan.bgp === undefined || attachment.plan.bgp.peers.length === 0) return [];
  const isUp = speaker.peers().some((peer) => peer.state === "Established");
  return isUp ? [] : ["no BGP session is established"];
}

/** What was known last time, else the API's word, which is waited for. */
async function firstTopology(
  config: AgentConfig,
  cache: ClusterCache,
  log: Log,
): Promise<NodeTopology> {
  const known = await readTopology(config.stateDir);
  if (known !== undefined) return known;
  log.info("waiting for the API server to say what the node is attached to");
  await cache.synced;
  return cache.topology();
}
