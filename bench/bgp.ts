/**
 * Our speaker against BIRD, FRR and GoBGP as routers and route reflectors: the time from the first
 * UPDATE sent until the last receiver has every prefix with the right attributes, the speaker's CPU
 * time and peak memory, and the time until all is withdrawn.
 *
 * The speaker under test runs alone in a network namespace; senders and receivers are processes in
 * another, at the end of one veth. Each has started before anything is measured; ours has rehearsed
 * by then, as the route server does. All speakers have the same policy (bgp/policy.ts) where the
 * family has plain prefixes, none in VPN and EVPN. Rounds interleave the speakers; the first of a
 * round changes from round to round. What each receiver was sent is kept and checked after the
 * measurement, prefix by prefix.
 *
 *     make bench B=bgp          node bench/run.ts bgp --cases 100k-x5,reflector --runs 5
 *
 * Options: --quick, --cases ID,..., --peers NAME,..., --runs N, --profile DIRECTORY (CPU profiles
 * of ours).
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { neighborsOf } from "./bgp/addresses.ts";
import { bird } from "./bgp/bird.ts";
import { type Case, cases, quickCases } from "./bgp/cases.ts";
import type { Contestant } from "./bgp/contestant.ts";
import { frr } from "./bgp/frr.ts";
import { gobgp } from "./bgp/gobgp.ts";
import { bundleHeddle, heddle } from "./bgp/heddle.ts";
import { measure, type Sample, startTraffic, type Traffic } from "./bgp/measure.ts";
import { Network } from "./bgp/network.ts";
import { Interruption } from "./harness/interruption.ts";
import { type Comparison, report } from "./harness/report.ts";
import { median } from "./harness/stats.ts";

interface Options {
  readonly cases: readonly Case[];
  readonly peers: readonly Contestant[];
  /** Rounds; absent: as many as the case deserves. */
  readonly runCount: number | undefined;
  readonly profileDirectory: string | undefined;
}

/** By contestant, a sample of each round; those that failed or stand aside are absent. */
type Samples = ReadonlyMap<Contestant, readonly Sample[]>;

async function main(options: Options): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const interruption = owned.use(new Interruption());
  const directory = mkdtempSync(path.join(os.tmpdir(), "hbbg-"));
  owned.defer(() => rmSync(directory, { recursive: true, force: true }));
  const ours = heddle(await bundleHeddle(directory), options.profileDirectory);
  const network = owned.use(new Network());
  const comparisons: Comparison[] = [];
  // Also after a signal: what was measured until then.
  owned.defer(() => {
    if (comparisons.length > 0) report("bgp", comparisons);
  });
  for (const what of options.cases) {
    const contestants = [ours, ...options.peers.filter((peer) => takesPart(peer, what))];
    network.addNeighbors(neighborsOf(what));
    await using traffic = await startTraffic(network, what);
    const samples = await runRounds({ what, contestants, network, traffic, interruption }, options);
    comparisons.push(...compare(what, ours, samples));
  }
}

function takesPart(peer: Contestant, what: Case): boolean {
  const reason = peer.refusal(what);
  if (reason !== undefined) console.log(`${what.title}: without ${peer.name}: ${reason}`);
  return reason === undefined;
}

interface Rounds {
  readonly what: Case;
  readonly contestants: readonly Contestant[];
  readonly network: Network;
  readonly traffic: Traffic;
  readonly interruption: Interruption;
}

async function runRounds(rounds: Rounds, options: Options): Promise<Samples> {
  const { what, network, traffic, interruption } = rounds;
  const runCount = options.runCount ?? defaultRunCount(what);
  const samples = new Map<Contestant, Sample[]>(rounds.contestants.map((one) => [one, []]));
  for (let round = 0; round < runCount; round += 1) {
    const order = [...samples.keys()];
    const first = round % Math.max(1, order.length);
    for (const contestant of [...order.slice(first), ...order.slice(0, first)]) {
      interruption.check();
      try {
        const sample = await measure(contestant, what, network, traffic);
        samples.get(contestant)?.push(sample);
        console.log(`${what.title}: ${contestant.name}: ${textOf(sample)}`);
      } catch (error) {
        console.error(`${what.title}: ${contestant.name}: FAILED: ${error}`);
        samples.delete(contestant);
        process.exitCode = 1;
      }
    }
  }
  return samples;
}

/** Such that all cases take about twelve minutes on an idle machine. */
function defaultRunCount(what: Case): number {
  if (what.kind === "reflector" || what.routeCount < 500_000) return 3;
  return what.routeCount * what.senderCount < 5_000_000 ? 2 : 1;
}

function compare(what: Case, ours: Contestant, samples: Samples): Comparison[] {
  const own = samples.get(ours);
  if (own === undefined) return [];
  printMedians(what, own);
  const comparisons: Comparison[] = [];
  for (const [peer, others] of samples) {
    if (peer === ours) continue;
    for (const [name, { unit }] of Object.entries(own[0] as Sample)) {
      const quantity = (sample: Sample | undefined): number => sample?.[name]?.value as number;
      const pairs = own.map((sample, i) => ({ ours: quantity(sample), peer: quantity(others[i]) }));
      comparisons.push({ case: `${what.title}: ${name}`, unit, peerName: peer.name, pairs });
    }
  }
  return comparisons;
}

function printMedians(what: Case, samples: readonly Sample[]): void {
  const [first] = samples;
  const medians = Object.entries(first as Sample).map(([name, { unit }]) => {
    const value = median(samples.map((sample) => sample[name]?.value as number));
    return [name, { value, unit }] as const;
  });
  const load = os.loadavg()[0]?.toFixed(2);
  console.log(`${what.title}: ours, medians: ${textOf(Object.fromEntries(medians))}, load ${load}`);
}

function textOf(sample: Sample): string {
  return Object.entries(sample)
    .map(([name, { value, unit }]) => `${name} ${value.toPrecision(3)} ${unit}`)
    .join(", ");
}

const peers: readonly Contestant[] = [bird, frr, gobgp];

function optionsOf(): Options {
  const { values } = parseArgs({
    args: process.argv.slice(process.argv[1]?.endsWith("run.ts") ? 3 : 2),
    options: {
      quick: { type: "boolean", default: false },
      cases: { type: "string" },
      peers: { type: "string", default: peers.map(({ name }) => name).join(",") },
      runs: { type: "string" },
      profile: { type: "string" },
    },
  });
  const ids = values.cases?.split(",") ?? (values.quick ? quickCases : cases.map(({ id }) => id));
  const names = values.peers.toLowerCase().split(",");
  const runs = values.runs ?? (values.quick ? "2" : undefined);
  return {
    cases: ids.map((id) => found(cases, id, (one) => one.id)),
    peers: names
      .filter((name) => name !== "none")
      .map((name) => found(peers, name, (one) => one.name.toLowerCase())),
    runCount: runs === undefined ? undefined : parseCount(runs),
    profileDirectory: values.profile === undefined ? undefined : path.resolve(values.profile),
  };
}

/** @throws RangeError */
function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new RangeError(`Cannot run ${text} times, want a positive integer`);
}

/** @throws RangeError that lists the names there are */
function found<T>(all: readonly T[], name: string, nameOf: (one: T) => string): T {
  const one = all.find((candidate) => nameOf(candidate) === name);
  if (one !== undefined) return one;
  throw new RangeError(`Cannot find ${name}, want one of ${all.map(nameOf).join(", ")}`);
}

await main(optionsOf());
