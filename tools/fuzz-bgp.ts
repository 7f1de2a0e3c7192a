/**
 * Fuzzes the BGP engine: `fuzz-bgp.ts [--count MESSAGES] [--seed FIRST]`. Sessions of generated and
 * mutated messages run through framer, state machine and RIB; an oracle of RFC 7606 says what each
 * message deserves. A failure is shrunk and written to packages/bgp/test/fuzz/found, where a unit
 * test replays it from then on.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { liveMemory } from "../packages/bgp/src/rib/testing/live-memory.ts";
import {
  FuzzFailure,
  generateCase,
  newCounts,
  runCase,
  shrinkCase,
} from "../packages/bgp/test/fuzz/fuzz-case.ts";

const stepsPerCase = 240;
const failureCountMax = 10;
/** Cases between looks at the memory; the first ones warm up caches of the runtime. */
const lookEvery = 50;
const growthMax = 16 << 20;
const found = path.resolve(import.meta.dirname, "../packages/bgp/test/fuzz/found");

function main(): void {
  const { values } = parseArgs({
    options: { count: { type: "string" }, seed: { type: "string" } },
  });
  const count = Number(values.count ?? 100_000);
  const firstSeed = Number(values.seed ?? 1);
  if (!(count > 0 && firstSeed >= 0)) {
    console.error("usage: fuzz-bgp.ts [--count MESSAGES] [--seed FIRST]");
    process.exitCode = 2;
    return;
  }
  const counts = newCounts();
  const startedMs = performance.now();
  let failureCount = 0;
  let memoryFirst: number | undefined;
  let memory = liveMemory();
  for (let seed = firstSeed; counts.messages < count; seed += 1) {
    const one = generateCase(seed, stepsPerCase);
    try {
      runCase(one, counts);
    } catch (error) {
      if (!(error instanceof FuzzFailure)) throw error;
      report(seed, one, error);
      failureCount += 1;
      if (failureCount === failureCountMax) break;
    }
    if (seed % lookEvery === 0) {
      memory = liveMemory();
      memoryFirst ??= memory;
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(
    `${counts.messages} messages in ${seconds.toFixed(1)} s from seed ${firstSeed}: ` +
      `${counts.resets} resets, ${counts.withdrawals} routes withdrawn, ` +
      `${counts.comparisons} comparisons of up to ${counts.linesMax} lines, ` +
      `${mb(memory)} MB live, ${failureCount} failures`,
  );
  const growth = memory - (memoryFirst ?? memory);
  if (growth > growthMax) {
    console.log(`memory grew by ${mb(growth)} MB, want at most ${mb(growthMax)}`);
  }
  if (failureCount > 0 || growth > growthMax) process.exitCode = 1;
}

function mb(octets: number): string {
  return (octets / 2 ** 20).toFixed(1);
}

function report(seed: number, one: ReturnType<typeof generateCase>, failure: FuzzFailure): void {
  const short = shrinkCase(one, failure.step);
  const file = path.join(found, `seed-${seed}.json`);
  const why = failure.message.split("\n")[0] as string;
  writeFileSync(file, `${JSON.stringify({ why, ...short }, undefined, 2)}\n`);
  console.log(`seed ${seed}, step ${failure.step}: ${failure.message}`);
  console.log(`  ${short.steps.length} steps in ${file}`);
}

main();
