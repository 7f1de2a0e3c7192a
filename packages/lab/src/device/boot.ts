/**
 * Brings one device to life: directories, cgroup, namespaces with their mounts, kernel settings,
 * VRFs.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { SwitchConfig } from "@heddle/fabric";
import { makeCgroup } from "../state/cgroup.ts";
import type { LabContext } from "../state/context.ts";
import type { DevicePaths } from "../state/paths.ts";
import type { LabDevice } from "../topology/topology.ts";
import { netnsOf, runBatch } from "./batch.ts";
import { adoptDevice, Device, type HolderOptions, startHolder } from "./device.ts";
import { setSysctls } from "./sysctl.ts";

/** `isNew` is false when the device of an earlier run was found alive. */
export interface BootedDevice {
  readonly device: Device;
  readonly isNew: boolean;
}

export async function bootDevice(lab: LabContext, it: LabDevice): Promise<BootedDevice> {
  const paths = lab.paths.device(it.name);
  const cgroup = lab.cgroupOf(it.name);
  const adopted = adoptDevice(it.name, paths, cgroup, lab.tools);
  const device = adopted === undefined ? await startDevice(lab, it, paths, cgroup) : adopted;
  await setSysctls(device, it.role !== "server" && it.role !== "external");
  const config = lab.topology.switchConfigs.get(it.name);
  if (config !== undefined) await ensureVrfs(device, config);
  return { device, isNew: adopted === undefined };
}

async function startDevice(
  lab: LabContext,
  it: LabDevice,
  paths: DevicePaths,
  cgroup: string,
): Promise<Device> {
  for (const directory of [paths.run, paths.frr, paths.scratch, paths.logs, paths.processes]) {
    mkdirSync(directory, { recursive: true });
  }
  makeCgroup(cgroup);
  const holder = await startHolder(
    paths.processes,
    lab.tools,
    holderOptions(lab, it, paths, cgroup),
  );
  return new Device(it.name, paths, cgroup, holder, lab.tools);
}

function holderOptions(
  lab: LabContext,
  it: LabDevice,
  paths: DevicePaths,
  cgroup: string,
): HolderOptions {
  const run = [paths.run, "/run"] as const; // Last: it may hide the state directory.
  const common = { hostname: it.name, cgroup, bpffs: undefined };
  if (it.role === "node") {
    const binds = [...stateBind(lab, paths), [cgroup, lab.cgroupMount], run] as const;
    return { ...common, binds, bpffs: "/sys/fs/bpf" };
  }
  if (it.role === "management") return { ...common, binds: [...stateBind(lab, paths), run] };
  return lab.topology.switchConfigs.has(it.name)
    ? { ...common, binds: [[paths.frr, "/etc/frr"], [paths.scratch, "/var/tmp"], run] }
    : { ...common, binds: [run] };
}

/** The state directory keeps its path inside a device whose /run would otherwise hide it. */
function stateBind(lab: LabContext, paths: DevicePaths): (readonly [string, string])[] {
  const { stateDir } = lab.paths;
  if (!stateDir.startsWith("/run/")) return [];
  const target = path.join(paths.run, path.relative("/run", stateDir));
  mkdirSync(target, { recursive: true });
  return [[stateDir, target]];
}

/** A VRF is a named namespace that lives as long as the device's mounts do, whoever uses it. */
async function ensureVrfs(device: Device, config: SwitchConfig): Promise<void> {
  const present = await netnsOf(device);
  for (const { name } of config.vrfs) {
    if (present.has(name)) continue;
    await runBatch(device, [`netns add ${name}`]);
    await setSysctls(device, true, name);
  }
}
