/**
 * Processes of the lab that belong to no device: the API server, the controllers and what stands in
 * for Kubernetes.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../errors.ts";
import { makeCgroup } from "../state/cgroup.ts";
import type { LabContext } from "../state/context.ts";
import { identify, isAlive } from "../state/process.ts";
import { type ProcessRecord, readRecord, writeRecord } from "../state/process-record.ts";

export interface ServiceOptions {
  readonly label: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const startPauseMs = 20;

/** Where records and logs of such processes are. */
export function serviceDirectory(lab: LabContext): string {
  return path.join(lab.paths.stateDir, "cluster");
}

export function serviceLog(lab: LabContext, label: string): string {
  return path.join(serviceDirectory(lab), `${label}.log`);
}

/** Undefined when it does not run. */
export function runningService(lab: LabContext, label: string): ProcessRecord | undefined {
  const record = readRecord(serviceDirectory(lab), label);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/**
 * Starts the process unless it runs; it outlives the caller, in a cgroup of the lab's, so that
 * `labDown` ends it.
 * @throws LabError `state` when it does not start
 */
export function ensureService(
  lab: LabContext,
  { label, argv, env }: ServiceOptions,
): ProcessRecord {
  const known = runningService(lab, label);
  if (known !== undefined) return known;
  const directory = serviceDirectory(lab);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const cgroup = path.join(lab.cgroup, "cluster");
  makeCgroup(cgroup);
  const logFile = serviceLog(lab, label);
  const log = openSync(logFile, "a");
  try {
    const child = spawn(lab.tools.enter, ["--cgroup", cgroup, "--background", "--", ...argv], {
      detached: true,
      stdio: ["ignore", log, log],
      env: env === undefined ? process.env : { ...process.env, ...env },
    });
    child.on("error", () => undefined); // Reported below: a child that did not start has no id.
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) throw failed(label, logFile);
    const record = { ...identity, label, argv, logFile };
    writeRecord(directory, record);
    return record;
  } finally {
    closeSync(log);
  }
}

/**
 * Polls until `probe` succeeds. @throws LabError `timeout`, or `state` when the process has died
 * meanwhile
 */
export async function untilReady(
  lab: LabContext,
  label: string,
  limitMs: number,
  probe: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await probe()) return;
    if (runningService(lab, label) === undefined) throw failed(label, serviceLog(lab, label));
    if (performance.now() >= deadline) {
      const why = `not ready in ${limitMs} ms, see ${serviceLog(lab, label)}`;
      throw new LabError("timeout", `Cannot start ${label}: ${why}`);
    }
    await sleep(startPauseMs);
  }
}

function failed(label: string, logFile: string): LabError {
  const tail = readFileSync(logFile, "utf8").trim().split("\n").slice(-5).join("\n  ");
  return new LabError(
    "state",
    `Cannot start ${label}: it ended, its log ${logFile} says\n  ${tail}`,
  );
}
