/**
 * From exec to result of a CNI ADD and of a DEL: ours against Debian's `bridge` with `host-local`,
 * both with IPv4 and IPv6, in one run, in pairs that alternate which goes first. ADDs come first,
 * then DELs, because a deletion holds the kernel's RTNL lock beyond its end; before every pair that
 * lock is quiet. Every result is checked, and so is what the nodes hold after all ADDs and after
 * all DELs: addresses, interfaces, entries in the maps, `Port` objects.
 *
 * Ours is what `make build` ships, all of it running: the executable, the agent with its journal
 * and a BGP session, and the API server with its disk. Everything is in network namespaces of its
 * own.
 *
 *     make bench B=cni          node bench/run.ts cni --pairs 200 --busy 1
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createNetns, enterNetns, type Fd } from "@heddle/native";
import { assert } from "@heddle/std";
import { findPrograms } from "../packages/lab/src/cluster/programs.ts";
import { Agent } from "./cni/agent.ts";
import { BackgroundProcess } from "./cni/background-process.ts";
import { bridgePlugin } from "./cni/bridge-plugin.ts";
import { Cluster } from "./cni/cluster.ts";
import { createObjects } from "./cni/cluster-objects.ts";
import { Contestant } from "./cni/contestant.ts";
import { heddlePlugin } from "./cni/heddle-plugin.ts";
import { startLeaf } from "./cni/leaf.ts";
import { PodNamespaces } from "./cni/pod-namespaces.ts";
import { RtnlProbe } from "./cni/rtnl.ts";
import { Interruption } from "./harness/interruption.ts";
import { type Comparison, report } from "./harness/report.ts";
import { median, type Pair, quantile } from "./harness/stats.ts";

/** Pairs before the measured ones: caches, the just-in-time compiler, the peer's bridge. */
const warmUpCount = 10;

/** Ours takes at most this part of the peer's time, at the median. */
const ratioGoal = 0.3;
const p99GoalMs = 20;

interface Options {
  readonly pairCount: number;
  /** Processes beside the measurement that each keep a core busy. */
  readonly busyCount: number;
}

interface Found {
  readonly adds: readonly Pair[];
  readonly dels: readonly Pair[];
  /** Times that the RTNL lock did not become quiet. */
  readonly unsettledCount: number;
  /** First packets to new pods that got no answer. */
  readonly lostCounts: { readonly ours: number; readonly peer: number };
}

async function main(options: Options): Promise<void> {
  const { pairCount, busyCount } = options;
  assert(Number.isInteger(pairCount) && pairCount > 0, "--pairs is a positive integer");
  assert(Number.isInteger(busyCount) && busyCount >= 0, "--busy is a number of processes");
  execFileSync("make", ["-s", "-C", path.join(import.meta.dirname, "tools")]);
  const { adds, dels, unsettledCount, lostCounts } = await measure(options);
  if (busyCount > 0) console.log(`beside it ${busyCount} processes keep a core busy each`);
  report("cni", [comparison("ADD, exec to exit", adds), comparison("DEL, exec to exit", dels)]);
  printTails("ADD", adds);
  printTails("DEL", dels);
  if (unsettledCount > 0) {
    console.log(`  before ${unsettledCount} runs others kept the RTNL lock busy for seconds`);
  }
  console.log(
    `  first packets without an answer: ours ${lostCounts.ours}, bridge ${lostCounts.peer}`,
  );
  printGoals(adds);
}

function comparison(name: string, pairs: readonly Pair[]): Comparison {
  return { case: name, unit: "ms", peerName: "bridge", pairs };
}

/** The journals are on a disk: /tmp may be memory. */
async function measure({ pairCount, busyCount }: Options): Promise<Found> {
  await using owned = new AsyncDisposableStack();
  const directory = mkdtempSync("/var/tmp/ht-");
  owned.defer(() => rmSync(directory, { recursive: true, force: true }));
  const management = owned.use(createNetns());
  enterNetns(management);
  execFileSync("ip", ["link", "set", "lo", "up"]);
  const interruption = owned.use(new Interruption());
  const probe = owned.use(new RtnlProbe());
  const podCount = warmUpCount + pairCount;
  const ours = await startOurs(owned, path.join(directory, "ours"), management, podCount);
  const peer = startPeer(owned, path.join(directory, "peer"), podCount);
  for (let count = 0; count < busyCount; count += 1) {
    const argv = [process.execPath, "--eval", "for (;;);"];
    const logFile = path.join(directory, "busy.log");
    owned.use(new BackgroundProcess({ argv, netns: management, logFile }));
  }
  const run = { ours, peer, podCount, probe, interruption };
  const adds = await runPairs({ ...run, verb: "add" });
  for (const contestant of [ours, peer]) await contestant.verifyState();
  const dels = await runPairs({ ...run, verb: "del" });
  for (const contestant of [ours, peer]) await contestant.verifyState();
  const lostCounts = { ours: ours.lostCount, peer: peer.lostCount };
  return { adds, dels, unsettledCount: probe.busyCount, lostCounts };
}

/** With all that it needs beside it, which `owned` takes. */
async function startOurs(
  owned: AsyncDisposableStack,
  directory: string,
  management: Fd,
  podCount: number,
): Promise<Contestant> {
  mkdirSync(directory);
  const folder = (name: string): string => path.join(directory, name);
  const programs = findPrograms(["apiServer", "agent", "cniDirectory"]);
  const node = owned.use(createNetns());
  // Before the agent: their mounts reach its mount namespace.
  const namespaces = owned.use(new PodNamespaces("ours", podCount));
  owned.use(startLeaf(node, folder("leaf")));
  const cluster = owned.use(
    await Cluster.start({
      ...{ directory: folder("cluster"), program: programs.apiServer, management, node },
    }),
  );
  await createObjects(cluster.store, podCount);
  const { agentKubeconfig: kubeconfig } = cluster;
  const agent = owned.use(
    await Agent.start({ node, directory: folder("agent"), program: programs.agent, kubeconfig }),
  );
  const plugin = heddlePlugin({ node, agent, cluster, directory: programs.cniDirectory });
  return owned.use(new Contestant(plugin, directory, namespaces));
}

function startPeer(owned: AsyncDisposableStack, directory: string, podCount: number): Contestant {
  mkdirSync(directory);
  const node = owned.use(createNetns());
  const namespaces = owned.use(new PodNamespaces("peer", podCount));
  return owned.use(new Contestant(bridgePlugin(node, directory), directory, namespaces));
}

interface Run {
  readonly ours: Contestant;
  readonly peer: Contestant;
  readonly verb: "add" | "del";
  readonly podCount: number;
  readonly probe: RtnlProbe;
  readonly interruption: Interruption;
}

/** The pairs without the warm-up. */
async function runPairs({ ours, peer, verb, ...run }: Run): Promise<Pair[]> {
  const { podCount, probe, interruption } = run;
  const pairs: Pair[] = [];
  for (let index = 0; index < podCount; index += 1) {
    interruption.check();
    const one = async (contestant: Contestant): Promise<number> => {
      await probe.settle();
      return (await contestant[verb](index)).elapsedMs;
    };
    if (index % 2 === 0) {
      const oursMs = await one(ours);
      pairs.push({ ours: oursMs, peer: await one(peer) });
    } else {
      const peerMs = await one(peer);
      pairs.push({ ours: await one(ours), peer: peerMs });
    }
  }
  return pairs.slice(warmUpCount);
}

function tails(values: readonly number[]): string {
  return [0.5, 0.9, 0.99, 1]
    .map((q) => `${q === 1 ? "max" : `p${q * 100}`} ${quantile(values, q).toFixed(2).padStart(6)}`)
    .join("  ");
}

function printTails(verb: string, pairs: readonly Pair[]): void {
  console.log(`  ${verb} bridge ${tails(pairs.map(({ peer }) => peer))} ms`);
  console.log(`  ${verb} ours   ${tails(pairs.map(({ ours }) => ours))} ms`);
}

function printGoals(adds: readonly Pair[]): void {
  const ours = adds.map((pair) => pair.ours);
  const ratio = median(ours) / median(adds.map(({ peer }) => peer));
  const p99 = quantile(ours, 0.99);
  const verdict = (isMet: boolean): string => (isMet ? "met" : "MISSED");
  const factor = `${(1 / ratio).toFixed(2)}x faster`;
  console.log(
    `  goal, ratio of ADD at most ${ratioGoal}: ${verdict(ratio <= ratioGoal)} (${factor})`,
  );
  console.log(
    `  goal, p99 of ADD below ${p99GoalMs} ms: ${verdict(p99 < p99GoalMs)} (${p99.toFixed(2)} ms)`,
  );
}

const { values } = parseArgs({
  args: process.argv.slice(process.argv[1]?.endsWith("run.ts") ? 3 : 2),
  options: {
    pairs: { type: "string", default: "100" },
    busy: { type: "string", default: "0" },
  },
});
await main({ pairCount: Number(values.pairs), busyCount: Number(values.busy) });
