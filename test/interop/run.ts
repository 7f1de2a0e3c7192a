/**
 * Runs the tests of interoperability, prints what each daemon can and does, and compares it with
 * the matrix in README.md: `run.ts [part of a file's name] [--write] [--json FILE]`. `--write` puts
 * the matrix of a whole run into README.md instead. Needs root, FRR, BIRD, GoBGP and ExaBGP.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { removeLeftovers } from "./harness/leftovers.ts";
import {
  type Cell,
  formatMatrix,
  type Matrix,
  markdownOf,
  matrixIn,
  type Outcome,
  type Row,
  withMatrix,
} from "./matrix.ts";
import { type Observation, parseObservation } from "./observations.ts";

const fileMsMax = 240_000;
/** Files at a time; each tests a few daemons at a time (`harness/feature.ts`). */
const filesAtATime = 3;
const readme = path.join(import.meta.dirname, "README.md");

interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly nesting: number;
  readonly skip?: string | boolean | undefined;
}

interface Collected extends Matrix {
  /** Files that did not even run, or tests that did not end. */
  readonly problems: readonly string[];
  /** In which something failed. */
  readonly failedFiles: readonly string[];
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "string" }, write: { type: "boolean", default: false } },
  });
  const [part = ""] = positionals;
  if (values.write && part !== "") throw new Error("--write needs all features, not a part");
  const folder = path.join(import.meta.dirname, "features");
  const files = globSync("*.test.ts", { cwd: folder })
    .filter((file) => file.includes(part))
    .sort()
    .map((file) => path.join(folder, file));
  // Of runs that were killed; a file that takes too long is killed, too.
  removeLeftovers();
  const startedMs = performance.now();
  const found = await collectTwice(files);
  removeLeftovers();
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(0);
  const versions = daemonVersions();
  console.log(`\n${formatMatrix(found)}`);
  console.log(`${Object.values(versions).join(", ")}; ${tookS} s`);
  if (values.json !== undefined) {
    const report = { versions, features: Object.fromEntries(found.rows) };
    writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  const problems = problemsOf(found);
  if (problems.length === 0) problems.push(...compareWithReadme(found, part === "", values.write));
  for (const problem of problems) console.error(`interop: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

/**
 * What fails is tried once more: daemons have races of their own, some of which README.md names. A
 * fault of ours fails again, and what does not is named.
 */
async function collectTwice(files: readonly string[]): Promise<Collected> {
  const first = await collect(files);
  if (first.failedFiles.length === 0) return first;
  const names = first.failedFiles.map((file) => path.basename(file)).join(", ");
  console.log(`\nonce more: ${names}`);
  removeLeftovers();
  const second = await collect(first.failedFiles);
  const left = problemsOf(second);
  console.log(`${problemsOf(first).length} failures at first, ${left.length} of them again`);
  const observations = new Map(
    [...first.observations, ...second.observations].map((one) => [
      `${one.what} ${one.daemon}`,
      one,
    ]),
  );
  return {
    ...second,
    rows: new Map([...first.rows, ...second.rows]),
    observations: [...observations.values()],
  };
}

/**
 * Suites are features and their tests are daemons. A suite follows its tests, and nothing of
 * another one comes between them.
 */
function collect(files: readonly string[]): Promise<Collected> {
  const rows = new Map<string, Row>();
  let open: Row = {};
  const observations: Observation[] = [];
  const problems: string[] = [];
  const failedFiles = new Set<string>();
  const take = (event: TestEvent, outcome: Outcome, message = ""): void => {
    const { name, nesting, file } = event;
    if (outcome === "fail" && file !== undefined) failedFiles.add(file);
    if (nesting > 0) {
      open = { ...open, [name]: cellOf(event, outcome, message) };
      return;
    }
    const failed = Object.entries(open).filter(([, cell]) => cell.outcome === "fail");
    for (const [daemon, { reason }] of failed) console.log(`${name}, ${daemon}: ${reason}`);
    if (outcome === "fail" && failed.length === 0) problems.push(`${name}: ${message}`);
    else rows.set(name, open);
    console.log(`${outcome} ${name}`);
    open = {};
  };
  return new Promise((resolve, reject) => {
    run({ files: [...files], concurrency: filesAtATime, timeout: fileMsMax })
      .on("test:pass", (event) => take(event, "pass"))
      .on("test:fail", (event) => {
        const { error } = event.details;
        const cause = error.cause ?? error;
        take(event, "fail", cause instanceof Error ? cause.message : String(cause));
      })
      .on("test:diagnostic", ({ message }) => {
        const observation = parseObservation(message);
        if (observation !== undefined) observations.push(observation);
      })
      .on("test:stderr", ({ message }) => process.stderr.write(message))
      .on("error", reject)
      .on("end", () => resolve({ rows, observations, problems, failedFiles: [...failedFiles] }))
      .resume();
  });
}

function cellOf({ skip }: TestEvent, outcome: Outcome, message: string): Cell {
  if (typeof skip === "string") return { outcome: "unsupported", reason: skip };
  return outcome === "fail" ? { outcome, reason: message.slice(0, 2000) } : { outcome };
}

function problemsOf({ rows, problems }: Collected): string[] {
  const failed = [...rows].flatMap(([name, row]) =>
    Object.entries(row)
      .filter(([, cell]) => cell.outcome === "fail")
      .map(([daemon]) => `${name} fails with ${daemon}`),
  );
  const none = rows.size === 0 && problems.length === 0 ? ["no feature has that name"] : [];
  return [...problems, ...failed, ...none];
}

/** A part of the features is compared line by line. */
function compareWithReadme(found: Matrix, isWhole: boolean, write: boolean): string[] {
  const document = readFileSync(readme, "utf8");
  const lines = markdownOf(found);
  if (write) {
    writeFileSync(readme, withMatrix(document, lines));
    return [];
  }
  const written = matrixIn(document);
  const missing = lines.filter((line) => !written.includes(line));
  const stale = isWhole ? written.filter((line) => !lines.includes(line)) : [];
  if (missing.length + stale.length === 0) return [];
  const differences = [...missing.map((line) => `+ ${line}`), ...stale.map((line) => `- ${line}`)];
  const how =
    "the matrix of test/interop/README.md is another one, `make interop WRITE=1` writes it";
  return [`${how}:\n${differences.join("\n")}`];
}

function daemonVersions(): Readonly<Record<string, string>> {
  // Each prints its version first, on whatever stream.
  const first = (command: string): string => {
    const { stdout, stderr } = spawnSync(command, ["--version"], { encoding: "utf8" });
    return `${stdout}${stderr}`.split("\n")[0]?.trim() ?? "";
  };
  return {
    frr: first("/usr/lib/frr/bgpd").replace("bgpd version", "FRR"),
    bird: first("/usr/sbin/bird"),
    gobgp: first("gobgpd"),
    exabgp: first("exabgp").replace(" : ", " "),
  };
}

await main();
