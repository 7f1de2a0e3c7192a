/** What every part of the lab needs to know of it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseLabDefinition } from "../definition/parse.ts";
import { adoptDevice, type Device, type LabTools } from "../device/device.ts";
import { LabError } from "../errors.ts";
import { deriveTopology, type LabTopology } from "../topology/topology.ts";
import { cgroup2Mount, labCgroup } from "./cgroup.ts";
import { type LabPaths, labPaths } from "./paths.ts";
import { isErrno } from "./process.ts";

export interface LabContext {
  readonly paths: LabPaths;
  readonly topology: LabTopology;
  readonly tools: LabTools;
  readonly cgroupMount: string;
  /** Holds the cgroups of all devices. */
  readonly cgroup: string;
  cgroupOf(device: string): string;
}

export function labContext(stateDir: string, topology: LabTopology, tools: LabTools): LabContext {
  const paths = labPaths(stateDir);
  const cgroupMount = cgroup2Mount();
  if (cgroupMount === undefined)
    throw new LabError("preflight", "Cannot find cgroup2: not mounted");
  const cgroup = labCgroup(cgroupMount, stateDir);
  return {
    paths,
    topology,
    tools,
    cgroupMount,
    cgroup,
    cgroupOf: (name) => path.join(cgroup, name),
  };
}

/** The text of the lab file that is up, or was when `labUp` was interrupted. */
export function readLabFile(paths: LabPaths): string | undefined {
  try {
    return readFileSync(paths.labFile, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The lab in the state directory. @throws LabError `state` when there is none */
export function runningLab(stateDir: string, tools: LabTools): LabContext {
  const text = readLabFile(labPaths(stateDir));
  if (text === undefined)
    throw new LabError("state", `Cannot find a lab in ${stateDir}: run lab up`);
  return labContext(stateDir, deriveTopology(parseLabDefinition(text)), tools);
}

/** @throws LabError `state` when there is no such device, or it is dead */
export function liveDevice(lab: LabContext, name: string): Device {
  const known = lab.topology.devices.map((device) => device.name);
  if (!known.includes(name)) {
    throw new LabError("state", `Cannot find device ${name}: want one of ${known.join(", ")}`);
  }
  const device = adoptDevice(name, lab.paths.device(name), lab.cgroupOf(name), lab.tools);
  if (device !== undefined) return device;
  throw new LabError("state", `Cannot use device ${name}: it is not running, run lab up`);
}
