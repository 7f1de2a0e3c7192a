/**
 * What people and tests do to a running lab: run programs in devices, pull cables out and plug them
 * in.
 */

import { runBatch } from "./device/batch.ts";
import type { CommandOptions, CommandResult } from "./device/command.ts";
import { defaultTools, type LabTools } from "./device/device.ts";
import { LabError } from "./errors.ts";
import { type LabContext, liveDevice, runningLab } from "./state/context.ts";
import { defaultStateDir } from "./state/paths.ts";
import { isAlive, terminate } from "./state/process.ts";
import { type ProcessRecord, readRecord, removeRecord } from "./state/process-record.ts";
import type { Cable } from "./topology/topology.ts";

/** Which lab. */
export interface LabHandle {
  readonly stateDir?: string;
  readonly tools?: LabTools;
}

export interface SpawnInDeviceOptions extends LabHandle {
  /** The environment of the process; this one's when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives both outputs, appended. A path outside the device. */
  readonly logFile: string;
  /** At most one living process of a device has it. */
  readonly label: string;
}

const stopGraceMs = 5000;

/** @throws LabError `state` */
export function openLab({
  stateDir = defaultStateDir,
  tools = defaultTools,
}: LabHandle = {}): LabContext {
  return runningLab(stateDir, tools);
}

/** Runs a program to its end in the device's namespaces. @throws LabError */
export async function execInDevice(
  name: string,
  argv: readonly string[],
  options: LabHandle & CommandOptions & { readonly netns?: string } = {},
): Promise<CommandResult> {
  return await liveDevice(openLab(options), name).run(argv, options);
}

/**
 * The argument list that becomes `argv` inside the device: for a shell on the caller's terminal.
 * @throws LabError
 */
export function argvInDevice(
  name: string,
  argv: readonly string[],
  options: LabHandle & { readonly netns?: string } = {},
): string[] {
  return liveDevice(openLab(options), name).argvInside(argv, options.netns);
}

/**
 * Starts a process that outlives the caller; `labDown` ends it.
 * @throws LabError `state` when a living process has the label
 */
export function spawnInNode(
  name: string,
  argv: readonly string[],
  options: SpawnInDeviceOptions,
): ProcessRecord {
  const device = liveDevice(openLab(options), name);
  const record = readRecord(device.paths.processes, options.label);
  if (record !== undefined && isAlive(record)) {
    const why = `process ${record.pid} is it already, stop it first`;
    throw new LabError("state", `Cannot start ${options.label} on ${name}: ${why}`);
  }
  return device.spawn(argv, options);
}

/** The living process with that label; undefined when there is none. @throws LabError */
export function processInDevice(
  name: string,
  label: string,
  options: LabHandle = {},
): ProcessRecord | undefined {
  const record = readRecord(liveDevice(openLab(options), name).paths.processes, label);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/** SIGTERM, SIGKILL after 5 s. Succeeds when there is no such process. @throws LabError */
export async function stopInDevice(
  name: string,
  label: string,
  options: LabHandle = {},
): Promise<void> {
  const { processes } = liveDevice(openLab(options), name).paths;
  const record = readRecord(processes, label);
  if (record === undefined) return;
  await terminate(record, stopGraceMs);
  removeRecord(processes, label);
}

/**
 * Pulls a cable out, `node1:leaf1` in either order: the switch's port goes down, the other end
 * loses its carrier.
 * @throws LabError
 */
export async function failLink(name: string, options: LabHandle = {}): Promise<void> {
  await setCable(openLab(options), name, "down");
}

/** The inverse of {@link failLink}. @throws LabError */
export async function restoreLink(name: string, options: LabHandle = {}): Promise<void> {
  await setCable(openLab(options), name, "up");
}

async function setCable(lab: LabContext, name: string, state: "up" | "down"): Promise<void> {
  const cable = findCable(lab, name);
  for (const { a, vrf } of cable.links) {
    await runBatch(liveDevice(lab, a.name), [`link set ${a.ifname} ${state}`], vrf);
  }
}

function findCable(lab: LabContext, name: string): Cable {
  const [one, other, ...rest] = name.split(":");
  const { cables } = lab.topology;
  const names = [`${one}:${other}`, `${other}:${one}`];
  const cable = rest.length > 0 ? undefined : cables.find((it) => names.includes(it.name));
  if (cable !== undefined) return cable;
  const known = cables.map((it) => it.name).join(", ");
  throw new LabError("state", `Cannot find cable ${name}: want one of ${known}`);
}
