/**
 * Pod to pod across two nodes: our data plane against veth pairs that the kernel routes, in one
 * run, in pairs that alternate which goes first. Every run checks what arrived and, by counters,
 * which way the packets took.
 *
 *     make bench B=datapath          node bench/run.ts datapath --pairs 40
 */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Fd } from "@heddle/native";
import { assert } from "@heddle/std";
import { HeddlePath } from "./datapath/heddle-path.ts";
import { connections, type Outcome, Servers, stream } from "./datapath/loads.ts";
import type { Path } from "./datapath/path.ts";
import { RoutedPath } from "./datapath/routed-path.ts";
import { Interruption } from "./harness/interruption.ts";
import { type Comparison, report, resultRow } from "./harness/report.ts";
import type { Pair } from "./harness/stats.ts";

/** The lower bound of every ratio's interval is above this. */
const goal = 0.94;

const server4 = "10.244.1.1";
const server6 = "fd00:10:244:1::1";

interface Case {
  readonly name: string;
  readonly unit: string;
  readonly run: (client: Fd) => Promise<Outcome>;
}

const cases: readonly Case[] = [
  { name: "TCP stream, IPv4", unit: "Gbit/s", run: (client) => stream(client, server4) },
  { name: "TCP stream, IPv6", unit: "Gbit/s", run: (client) => stream(client, server6) },
  {
    name: "short connections, 32 in flight",
    unit: "1/s",
    run: (client) => connections(client, server4, 32),
  },
  {
    name: "short connections, 1 in flight",
    unit: "1/s",
    run: (client) => connections(client, server4, 1),
  },
];

async function main(pairCount: number, wanted: string): Promise<void> {
  assert(Number.isInteger(pairCount) && pairCount > 0, "--pairs is a positive integer");
  execFileSync("make", ["-s", "-C", path.join(import.meta.dirname, "tools")]);
  const chosen = cases.filter(({ name }) => name.includes(wanted));
  const comparisons = await measure(chosen, pairCount);
  report("datapath", comparisons);
  for (const comparison of comparisons) {
    const { ratioLow, case: name } = resultRow(comparison);
    const verdict = ratioLow > goal ? "met" : "MISSED";
    console.log(`  goal, lower bound above ${goal}: ${verdict} (${ratioLow.toFixed(3)}) ${name}`);
  }
}

async function measure(chosen: readonly Case[], pairCount: number): Promise<Comparison[]> {
  await using owned = new AsyncDisposableStack();
  const ours = owned.use(await HeddlePath.open());
  const peer = owned.use(new RoutedPath());
  for (const path of [ours, peer]) owned.use(await Servers.start(path.server));
  const interruption = owned.use(new Interruption());
  for (const { run } of chosen) await runPair(run, ours, peer, true);
  const pairs = new Map<Case, Pair[]>(chosen.map((one) => [one, []]));
  for (let round = 0; round < pairCount; round += 1) {
    for (const [one, found] of pairs) {
      interruption.check();
      found.push(await runPair(one.run, ours, peer, round % 2 === 0));
    }
    progress(round + 1, pairCount);
  }
  return [...pairs].map(([{ name, unit }, found]) => ({
    ...{ case: name, unit, pairs: found },
    peerName: "routed veth",
  }));
}

async function runPair(
  run: Case["run"],
  ours: Path,
  peer: Path,
  oursFirst: boolean,
): Promise<Pair> {
  if (oursFirst) {
    const value = await runOnce(run, ours);
    return { ours: value, peer: await runOnce(run, peer) };
  }
  const value = await runOnce(run, peer);
  return { ours: await runOnce(run, ours), peer: value };
}

async function runOnce(run: Case["run"], path: Path): Promise<number> {
  const before = path.counts();
  const { value, packetsMin } = await run(path.client);
  const after = path.counts();
  for (const [node, counts] of before.entries()) {
    const later = after[node];
    if (later !== undefined) path.verify(counts, later, packetsMin);
  }
  return value;
}

function progress(done: number, of: number): void {
  if (done % 10 === 0 || done === of) console.error(`datapath: ${done} of ${of} pairs per case`);
}

const { values } = parseArgs({
  args: process.argv.slice(process.argv[1]?.endsWith("run.ts") ? 3 : 2),
  options: {
    pairs: { type: "string", default: "30" },
    case: { type: "string", default: "" },
  },
});
await main(Number(values.pairs), values.case);
