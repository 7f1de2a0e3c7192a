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
import { HttpStore, type Store } from "@heddle/kube";
import {
  ClusterCache,
  HeddleNode,
  NodeAnnouncer,
  NodeHeartbeat,
  NodeSpeaker,
  type NodeTopology,
  NodeVpn,
  readTopology,
  SessionReporter,
} from "@heddle/node";
import { defaultListen, KernelFib } from "@heddle/speaker";
import type { Log } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { adminActions, adminRoutes } from "./admin-routes.ts";
import { type AgentConfig, bgpTlsFilesOf } from "./config.ts";
import { Interfaces } from "./interfaces.ts";
import { AgentMetrics } from "./metrics.ts";
import { NodeAttachment } from "./node-attachment.ts";
import type { AgentParts } from "./parts.ts";
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
  const vpn = new NodeVpn({ speaker, clock, onVrfs: () => void attachment.apply() });
  speaker.setRouteSink(vpn);
  const interfaces = owned.use(new Interfaces());
  const forwardingMarker = path.join(config.runDir, "forwarding");
  const attachment = owned.use(
    new NodeAttachment({
      ...{ dataplane, speaker, vpn, store, interfaces, clock, rng, log },
      stateDir: config.stateDir,
      bgpTls: bgpTlsFilesOf(config),
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
      ...{ name: config.node, store, objects: cache, dataplane, clock, log },
      announcer: new NodeAnnouncer(speaker, vpn),
      stateDirectory: config.stateDir,
      mtu: config.mtu ?? uplinkMtu ?? fallbackMtu,
      onBlocks: (blocks) => void attachment.setBlocks(blocks),
      limitations: () => limitationsOf(attachment, speaker),
    }),
  );
  cache.onAddressPlanChange(() => void node.maintain());
  const { server } = store;
  const shared = { config, startedAtMs, server, cache, dataplane, node, fib };
  await serve(owned, { ...shared, speaker, attachment, vpn }, store, log);
  log.info("the agent serves", {
    uplinks: attachment.plan.uplinks,
    pods: node.state.allocations.size,
  });
  return owned.move();
}

/** Answers runtimes and operators, and reports to the API, until `owned` is disposed of. */
async function serve(
  owned: AsyncDisposableStack,
  parts: AgentParts,
  store: Store,
  log: Log,
): Promise<void> {
  const { config, cache, speaker, attachment, node } = parts;
  const metrics = new AgentMetrics(parts);
  const socketPath = path.join(config.runDir, "cni.sock");
  const handler = timedCni(node.network, clock, (duration) => metrics.observeCni(duration));
  owned.use(await CniServer.listen({ socketPath, handler, clock, log }));
  owned.use(new NodeHeartbeat({ node: config.node, store, clock, log }));
  owned.use(
    new SessionReporter({
      ...{ node: config.node, store, clock, log },
      peers: () => speaker.peers(),
      plan: () => attachment.plan,
      objects: () => cache.topology().peers,
    }),
  );
  owned.use(
    await AdminServer.start({
      socketPath: path.join(config.runDir, "agent.sock"),
      routes: adminRoutes(parts),
      actions: adminActions(parts),
      metrics: () => metrics.text(),
      log,
    }),
  );
}

/** Faults that reach existing pods: nothing leads out of the node. */
function limitationsOf(attachment: NodeAttachment, speaker: NodeSpeaker): string[] {
  const { bgp } = attachment.plan;
  if (bgp?.peers.some(({ kind }) => kind === "fabric") !== true) return [];
  const leaves = speaker.peers().filter(({ kind }) => kind === "fabric");
  const isUp = leaves.some(({ state }) => state === "Established");
  return isUp ? [] : ["no BGP session with the fabric is established"];
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
