/**
 * From exec to result of a CNI ADD and of a DEL: ours against Debian's `bridge` with `host-local`,
 * both with IPv4 and IPv6, in one run, in pairs that alternate which goes first. ADDs come first,
 * then DELs, because a deletion holds the kernel's RTNL lock beyond its end; before every pair that
 * lock is quiet. Every result is checked, and at the end nothing is left.
 *
 * Ours is a bundled agent with journal and `Port` writes. Its store is in memory; with
 * `--kubeconfig` it is that of an API server.
 *
 *     make bench B=cni          node bench/run.ts cni --pairs 200
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createNetns } from "@heddle/native";
import { assert } from "@heddle/std";
import { AgentProcess } from "./cni/agent-process.ts";
import type { Spent } from "./cni/agent-protocol.ts";
import { bridgePlugin } from "./cni/bridge-plugin.ts";
import { bundleAgent } from "./cni/bundle.ts";
import { Contestant } from "./cni/contestant.ts";
import type { Timed } from "./cni/exec-timer.ts";
import { attachNode, heddlePlugin, podEntryCount, uplink } from "./cni/heddle-plugin.ts";
import { RtnlProbe } from "./cni/rtnl.ts";
import { Interruption } from "./harness/interruption.ts";
import { type Comparison, report } from "./harness/report.ts";
import { median, type Pair, quantile } from "./harness/stats.ts";

/** Pairs before the measured ones: caches, the just-in-time compiler, the peer's bridge. */
const warmUpCount = 10;

/** At least so many times faster at the median. */
const factorGoal = 3;
const p99GoalMs = 20;

interface Found {
  readonly adds: readonly TimedPair[];
  readonly dels: readonly TimedPair[];
  /** Pairs before which the RTNL lock did not become quiet. */
  readonly busyCount: number;
}

/** Both of a round, and what our agent says of its part. */
interface TimedPair {
  readonly ours: Timed;
  readonly peer: Timed;
  readonly spent: Spent;
}

async function main(pairCount: number, kubeconfig: string | undefined): Promise<void> {
  assert(Number.isInteger(pairCount) && pairCount > 0, "--pairs is a positive integer");
  execFileSync("make", ["-s", "-C", path.join(import.meta.dirname, "tools")]);
  const { adds, dels, busyCount } = await measure(pairCount, kubeconfig);
  report("cni", [comparison("ADD, exec to exit", adds), comparison("DEL, exec to exit", dels)]);
  printTails("ADD", adds);
  printTails("DEL", dels);
  if (busyCount > 0) {
    console.log(`  before ${busyCount} runs others kept the RTNL lock busy for seconds`);
  }
  printGoals(adds.map(toPair));
}

function comparison(name: string, pairs: readonly TimedPair[]): Comparison {
  return { case: name, unit: "ms", peerName: "bridge", pairs: pairs.map(toPair) };
}

function toPair({ ours, peer }: TimedPair): Pair {
  return { ours: ours.elapsedMs, peer: peer.elapsedMs };
}

/** The journal is on a disk: /tmp may be memory. */
async function measure(pairCount: number, kubeconfig: string | undefined): Promise<Found> {
  await using owned = new AsyncDisposableStack();
  const directory = mkdtempSync("/var/tmp/ht-");
  owned.defer(() => rmSync(directory, { recursive: true, force: true }));
  const folder = (name: string): string => {
    const made = path.join(directory, name);
    mkdirSync(made);
    return made;
  };
  const interruption = owned.use(new Interruption());
  const probe = owned.use(new RtnlProbe());
  const podCount = warmUpCount + pairCount;
  const [oursNode, peerNode] = [owned.use(createNetns()), owned.use(createNetns())];
  owned.use(attachNode(oursNode));
  const file = await bundleAgent(folder("bundle"));
  const agent = owned.use(
    await AgentProcess.start({
      ...{ node: oursNode, directory: folder("agent"), file, uplink, podCount, kubeconfig },
    }),
  );
  const ours = owned.use(new Contestant(heddlePlugin(oursNode, agent), folder("ours"), podCount));
  const peerFolder = folder("peer");
  const bridge = bridgePlugin(peerNode, peerFolder);
  const peer = owned.use(new Contestant(bridge, peerFolder, podCount));
  const run = { ours, peer, podCount, probe, interruption };
  const adds = await runPairs({ ...run, verb: "add" });
  const full = await agent.state();
  assert(full.allocationCount === podCount, `the journal has ${full.allocationCount} allocations`);
  assert(full.portCount === podCount, `the store has ${full.portCount} Ports`);
  assert(podEntryCount(agent) === 3 * podCount, "every pod has its entries");
  const dels = await runPairs({ ...run, verb: "del" });
  const empty = await agent.state();
  for (const contestant of [ours, peer]) await contestant.verifyEmpty();
  return {
    adds: explained(adds, full.adds),
    dels: explained(dels, empty.dels),
    busyCount: probe.busyCount,
  };
}

/** Joins what both sides measured, without the warm-up. */
function explained(
  pairs: readonly Pick<TimedPair, "ours" | "peer">[],
  spent: readonly Spent[],
): TimedPair[] {
  assert(spent.length === pairs.length, `the agent served ${spent.length} requests`);
  const joined = pairs.map((pair, index) => ({ ...pair, spent: spent[index] as Spent }));
  return joined.slice(warmUpCount);
}

interface Run {
  readonly ours: Contestant;
  readonly peer: Contestant;
  readonly verb: "add" | "del";
  readonly podCount: number;
  readonly probe: RtnlProbe;
  readonly interruption: Interruption;
}

async function runPairs(run: Run): Promise<Pick<TimedPair, "ours" | "peer">[]> {
  const pairs: Pick<TimedPair, "ours" | "peer">[] = [];
  for (let index = 0; index < run.podCount; index += 1) {
    run.interruption.check();
    const one = async (contestant: Contestant): Promise<Timed> => {
      await run.probe.settle();
      return await contestant[run.verb](index);
    };
    if (index % 2 === 0) {
      const ours = await one(run.ours);
      pairs.push({ ours, peer: await one(run.peer) });
    } else {
      const peer = await one(run.peer);
      pairs.push({ ours: await one(run.ours), peer });
    }
  }
  return pairs;
}

function tails(values: readonly number[]): string {
  return [0.5, 0.9, 0.99, 1]
    .map((q) => `${q === 1 ? "max" : `p${q * 100}`} ${quantile(values, q).toFixed(2).padStart(6)}`)
    .join("  ");
}

function printTails(verb: string, pairs: readonly TimedPair[]): void {
  const print = (what: string, of: (pair: TimedPair) => number): void =>
    console.log(`  ${verb} ${what.padEnd(28)} ${tails(pairs.map(of))} ms`);
  print("bridge", ({ peer }) => peer.elapsedMs);
  print("ours", ({ ours }) => ours.elapsedMs);
  print("  exec to the handler", ({ ours, spent }) => spent.startMs - ours.startMs);
  print("  handler", ({ spent }) => spent.handlerMs);
  print("    of that kernel worker", ({ spent }) => spent.kernelMs);
  print("  handler's end to exit", ({ ours, spent }) => {
    const endMs = spent.startMs + spent.handlerMs;
    return ours.startMs + ours.elapsedMs - endMs;
  });
}

function printGoals(adds: readonly Pair[]): void {
  const ours = adds.map((pair) => pair.ours);
  const factor = median(adds.map(({ peer }) => peer)) / median(ours);
  const p99 = quantile(ours, 0.99);
  const verdict = (isMet: boolean): string => (isMet ? "met" : "MISSED");
  console.log(
    `  goal, ADD at least ${factorGoal}x faster: ${verdict(factor >= factorGoal)} (${factor.toFixed(2)}x)`,
  );
  console.log(
    `  goal, p99 of ADD below ${p99GoalMs} ms: ${verdict(p99 < p99GoalMs)} (${p99.toFixed(2)} ms)`,
  );
}

const { values } = parseArgs({
  args: process.argv.slice(process.argv[1]?.endsWith("run.ts") ? 3 : 2),
  options: {
    pairs: { type: "string", default: "100" },
    kubeconfig: { type: "string" },
  },
});
await main(Number(values.pairs), values.kubeconfig);
