/**
 * Runs one class of tests: `run-tests.ts unit|kernel|topo|lab [part of a path]`.
 * unit: `*.test.ts` beside the source. kernel: `*.kernel.test.ts` (root, namespaces), the tests of
 * whole packages in `packages/NAME/test/` (real kubectl, real peers) and topologies, one file at a
 * time. topo: `test/topo/NAME/*.test.ts`. lab: `test/lab/*.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");

interface TestClass {
  readonly globs: readonly string[];
  readonly exclude: RegExp;
  readonly concurrency: number;
  /** For one test. */
  readonly timeoutMs: number;
  /** For all of them: what hangs is killed. */
  readonly totalMs: number;
}

const none = /^$/;
const classes: Readonly<Record<string, TestClass>> = {
  unit: {
    globs: [
      "packages/*/src/**/*.test.ts",
      "apps/*/src/**/*.test.ts",
      "{bench,examples,tools}/**/*.test.ts",
      "test/interop/*.test.ts",
      // Vectors and fuzzing: no root, no network.
      "packages/bgp/test/**/*.test.ts",
    ],
    exclude: /\.kernel\.test\.ts$/,
    concurrency: 2,
    timeoutMs: 120_000,
    totalMs: 600_000,
  },
  kernel: {
    globs: [
      "{packages,apps}/*/src/**/*.kernel.test.ts",
      "packages/*/test/**/*.test.ts",
      "examples/**/*.kernel.test.ts",
      "test/topo/**/*.test.ts",
    ],
    exclude: /^packages\/bgp\/test\//,
    concurrency: 1,
    timeoutMs: 300_000,
    totalMs: 1_800_000,
  },
  topo: {
    globs: ["test/topo/**/*.test.ts"],
    exclude: none,
    concurrency: 1,
    timeoutMs: 300_000,
    totalMs: 1_800_000,
  },
  lab: {
    globs: ["test/lab/**/*.test.ts"],
    exclude: none,
    concurrency: 1,
    timeoutMs: 900_000,
    totalMs: 1_800_000,
  },
};

function main(): void {
  const [name, part] = process.argv.slice(2);
  const chosen = name === undefined ? undefined : classes[name];
  if (chosen === undefined) {
    console.error(`usage: run-tests.ts ${Object.keys(classes).join("|")} [part of a path]`);
    process.exitCode = 2;
    return;
  }
  const files = chosen.globs
    .flatMap((glob) => globSync(glob, { cwd: root }))
    .filter((file) => !chosen.exclude.test(file))
    .filter((file) => part === undefined || file.includes(part))
    .sort();
  if (files.length === 0) {
    console.error(`run-tests: no ${name} test${part === undefined ? "" : ` matches ${part}`}`);
    process.exitCode = 1;
    return;
  }
  const args = [
    "--test",
    `--test-concurrency=${chosen.concurrency}`,
    `--test-timeout=${chosen.timeoutMs}`,
    "--disable-warning=ExperimentalWarning",
    ...(process.stdout.isTTY ? [] : ["--test-reporter=spec"]),
    ...files,
  ];
  const result = spawnSync(process.execPath, args, {
    cwd: root,
    stdio: "inherit",
    timeout: chosen.totalMs,
  });
  process.exitCode = result.status === null ? 1 : result.status;
}

main();
