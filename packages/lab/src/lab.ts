/**
 * The life of a lab. `labUp` makes the machine equal to the definition: it adopts what runs, starts
 * what does not, and can be repeated; `labDown` removes everything, whatever state it finds.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { renderFrr, type SwitchConfig } from "@heddle/fabric";
import type { LabDefinition } from "./definition/definition.ts";
import { bootDevice } from "./device/boot.ts";
import { type Device, defaultTools, type LabTools } from "./device/device.ts";
import { wireDevices } from "./device/wire.ts";
import { LabError } from "./errors.ts";
import { ensureFrr } from "./frr/daemons.ts";
import { goalOf, hasReached, observeSwitch } from "./frr/observe.ts";
import { inParallel } from "./parallel.ts";
import { mustPassPreflight } from "./preflight.ts";
import { cgroup2Mount, destroyCgroup, labCgroup } from "./state/cgroup.ts";
import { type LabContext, labContext, readLabFile } from "./state/context.ts";
import { takeLock } from "./state/lock.ts";
import { defaultStateDir, labPaths } from "./state/paths.ts";
import { deriveTopology } from "./topology/topology.ts";

export interface LabOptions {
  readonly stateDir?: string;
  readonly tools?: LabTools;
  /** One line per thing done, for people. */
  readonly progress?: (line: string) => void;
  /** For the fabric to converge; 60 s by default. */
  readonly convergenceLimitMs?: number;
  /** Stops a boot between two steps. */
  readonly signal?: AbortSignal;
}

const devicesAtOnce = 4;
const pollIntervalMs = 200;

/**
 * Resolves when the fabric has converged. A lab that was not there before is removed again when the
 * boot fails; one that was is left as far as it came.
 * @throws LabError, FabricError
 */
export async function labUp(definition: LabDefinition, options: LabOptions = {}): Promise<void> {
  const { stateDir = defaultStateDir, tools = defaultTools } = options;
  const lab = labContext(stateDir, deriveTopology(definition), tools);
  await mustPassPreflight(tools);
  using _lock = takeLock(lab.paths.lockFile);
  const running = readLabFile(lab.paths);
  if (running !== undefined && running !== definition.text) {
    const why = "a lab with another definition is there, run lab down first";
    throw new LabError("state", `Cannot start the lab in ${stateDir}: ${why}`);
  }
  try {
    mkdirSync(lab.paths.devices, { recursive: true });
    writeFileSync(lab.paths.labFile, definition.text);
    await boot(lab, options);
  } catch (error) {
    if (running === undefined) await removeLab(stateDir);
    throw error;
  }
}

async function boot(lab: LabContext, options: LabOptions): Promise<void> {
  const { progress = () => undefined, signal } = options;
  const devices = new Map<string, Device>();
  const booted = await inParallel(lab.topology.devices, devicesAtOnce, async (it) => {
    signal?.throwIfAborted();
    return await bootDevice(lab, it);
  });
  for (const { device } of booted) devices.set(device.name, device);
  const newCount = booted.filter(({ isNew }) => isNew).length;
  progress(`${booted.length} devices (${newCount} started)`);
  await wireDevices(lab, devices);
  progress(`${lab.topology.cables.length} cables`);
  signal?.throwIfAborted();
  const switches = [...lab.topology.switchConfigs.values()];
  const started = await inParallel(switches, devicesAtOnce, async (config) => {
    signal?.throwIfAborted();
    return await ensureFrr(devices.get(config.name) as Device, renderFrr(config));
  });
  const startedCount = started.reduce((sum, count) => sum + count, 0);
  progress(`${switches.length} switches (${startedCount} FRR daemons started)`);
  await converge(devices, switches, options);
  progress("fabric converged: OSPF adjacencies Full, EVPN sessions Established");
}

/** Polls until every switch has its adjacencies and its sessions with the others. */
async function converge(
  devices: ReadonlyMap<string, Device>,
  switches: readonly SwitchConfig[],
  { convergenceLimitMs = 60_000, signal }: LabOptions,
): Promise<void> {
  const deadline = performance.now() + convergenceLimitMs;
  for (const config of switches) {
    const device = devices.get(config.name) as Device;
    const goal = goalOf(config);
    for (;;) {
      signal?.throwIfAborted();
      const state = await observeSwitch(device, config);
      if (hasReached(state, goal)) break;
      if (performance.now() >= deadline) {
        const ospf = `${state.ospfFullCount} of ${goal.ospfFullCount} OSPF neighbours Full`;
        const evpn = `${state.evpnEstablishedCount} of ${goal.evpnEstablishedCount} EVPN sessions`;
        throw new LabError("timeout", `Cannot converge ${config.name}: ${ospf}, ${evpn}`);
      }
      await sleep(pollIntervalMs);
    }
  }
}

/**
 * Kills every process of the lab and removes its namespaces, cgroups and files. Succeeds when there
 * is none.
 */
export async function labDown(stateDir: string = defaultStateDir): Promise<void> {
  using _lock = takeLock(labPaths(stateDir).lockFile);
  await removeLab(stateDir);
}

/** Interfaces, mounts and namespaces end with the last process in them. */
async function removeLab(stateDir: string): Promise<void> {
  const mount = cgroup2Mount();
  if (mount !== undefined) await destroyCgroup(labCgroup(mount, stateDir));
  rmSync(path.resolve(stateDir), { recursive: true, force: true });
}
