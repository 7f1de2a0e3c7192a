/**
 * Runs the tests of interoperability and prints what each daemon can and does:
 * `run.ts [part of a file's name] [--json FILE]`. Needs root, FRR, BIRD, GoBGP and ExaBGP.
 */
import { spawnSync } from "node:child_process";
import { globSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "node:test";
import { parseArgs } from "node:util";
import { type DaemonName, daemonNames } from "./daemon.ts";

const fileMsMax = 240_000;
const concurrency = 3;

type Outcome = "pass" | "fail" | "unsupported";

interface Cell {
  readonly outcome: Outcome;
  /** Why a test failed, or is not made. */
  readonly reason?: string;
}

/** Who a test is about; most compare a daemon with us, some are about us alone. */
const columnNames = [...daemonNames, "ours"] as const;

type Row = Partial<Record<(typeof columnNames)[number], Cell>>;

interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
}

const signs: Readonly<Record<Outcome, string>> = { pass: "pass", fail: "FAIL", unsupported: "-" };

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "string" } },
  });
  const [part = ""] = positionals;
  const folder = path.join(import.meta.dirname, "features");
  const files = globSync("*.test.ts", { cwd: folder })
    .filter((file) => file.includes(part))
    .sort()
    .map((file) => path.join(folder, file));
  const startedMs = performance.now();
  const rows = await collect(files);
  const tookS = ((performance.now() - startedMs) / 1000).toFixed(0);
  const versions = daemonVersions();
  console.log(`\n${tableOf(rows)}`);
  console.log(`${Object.values(versions).join(", ")}; ${tookS} s`);
  const report = { versions, features: Object.fromEntries(rows) };
  if (values.json === undefined) console.log(JSON.stringify(report));
  else writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  const cells = [...rows.values()].flatMap((row) => Object.values(row));
  if (rows.size === 0 || cells.some(({ outcome }) => outcome === "fail")) process.exitCode = 1;
}

/** Suites are features and their tests are daemons; a suite follows its tests. */
function collect(files: readonly string[]): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  const open = new Map<string, Row>();
  const take = (event: TestEvent, outcome: Outcome, error?: Error): void => {
    const { name, nesting, file = "" } = event;
    if (nesting === 0) {
      rows.set(name, { ...open.get(file) });
      open.delete(file);
      return;
    }
    const cause = error?.cause ?? error;
    const message = cause instanceof Error ? cause.message : String(cause);
    const cell = cellOf(event, outcome, message);
    open.set(file, { ...open.get(file), [name]: cell });
    const reason = cell.reason === undefined ? "" : `: ${cell.reason}`;
    if (cell.outcome !== "unsupported") console.log(`${cell.outcome} ${name}${reason}`);
  };
  return new Promise((resolve, reject) => {
    run({ files: [...files], concurrency, timeout: fileMsMax })
      .on("test:pass", (event) => take(event, "pass"))
      .on("test:fail", (event) => take(event, "fail", event.details.error))
      .on("error", reject)
      .on("end", () => resolve(rows))
      .resume();
  });
}

function cellOf({ skip }: TestEvent, outcome: Outcome, message: string): Cell {
  if (typeof skip === "string") return { outcome: "unsupported", reason: skip };
  return outcome === "fail" ? { outcome, reason: message.slice(0, 2000) } : { outcome };
}

function tableOf(rows: ReadonlyMap<string, Row>): string {
  const width = Math.max(8, ...[...rows.keys()].map((name) => name.length)) + 2;
  const columns = (first: string, cells: readonly string[]): string =>
    (first.padEnd(width) + cells.map((cell) => cell.padEnd(8)).join("")).trimEnd();
  const lines = [...rows].map(([name, row]) =>
    columns(
      name,
      columnNames.map((daemon) => (row[daemon] === undefined ? "" : signs[row[daemon].outcome])),
    ),
  );
  return [columns("feature", columnNames), ...lines.sort()].join("\n");
}

function daemonVersions(): Record<DaemonName, string> {
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
