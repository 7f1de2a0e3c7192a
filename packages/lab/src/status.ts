/** What runs of a lab, read from the machine. */

import { type RouteServerStatus, routeServerStatus } from "./cluster/route-servers.ts";
import { serviceDirectory } from "./cluster/service-process.ts";
import type { LabHandle } from "./control.ts";
import { parseLabDefinition } from "./definition/parse.ts";
import { adoptDevice, type Device, defaultTools } from "./device/device.ts";
import { goalOf, observeSwitch, type SwitchGoal, type SwitchState } from "./frr/observe.ts";
import { inParallel } from "./parallel.ts";
import { type LabContext, labContext, readLabFile } from "./state/context.ts";
import { defaultStateDir, labPaths } from "./state/paths.ts";
import { isAlive } from "./state/process.ts";
import { readRecords } from "./state/process-record.ts";
import { type Cable, deriveTopology, type LabDevice } from "./topology/topology.ts";

export interface LabStatus {
  readonly name: string;
  readonly stateDir: string;
  readonly devices: readonly DeviceStatus[];
  /** Processes of no device: the API server, the controllers, what stands in for Kubernetes. */
  readonly services: readonly ProcessStatus[];
  /** Empty without a cluster. */
  readonly routeServers: readonly RouteServerStatus[];
  readonly cables: readonly CableStatus[];
}

export interface DeviceStatus {
  readonly name: string;
  readonly role: LabDevice["role"];
  readonly rack: string | undefined;
  /** False when the device is gone, and its interfaces with it. */
  readonly isAlive: boolean;
  readonly processes: readonly ProcessStatus[];
  /** Of live switches. */
  readonly switch: { readonly state: SwitchState; readonly goal: SwitchGoal } | undefined;
}

export interface ProcessStatus {
  readonly label: string;
  readonly pid: number;
  readonly isAlive: boolean;
  readonly logFile: string | undefined;
}

export interface CableStatus {
  readonly name: string;
  /** `unknown` when its switch is gone. */
  readonly state: "up" | "down" | "unknown";
}

const devicesAtOnce = 4;

/** Undefined when there is no lab in the state directory. */
export async function labStatus(options: LabHandle = {}): Promise<LabStatus | undefined> {
  const { stateDir = defaultStateDir, tools = defaultTools } = options;
  const text = readLabFile(labPaths(stateDir));
  if (text === undefined) return undefined;
  const lab = labContext(stateDir, deriveTopology(parseLabDefinition(text)), tools);
  const devices = await inParallel(lab.topology.devices, devicesAtOnce, (it) => statusOf(lab, it));
  const ports = await portStates(lab);
  const cables = lab.topology.cables.map(({ name, links }): CableStatus => {
    return { name, state: cableState(links, ports) };
  });
  const services = processesIn(serviceDirectory(lab));
  const places = services.length === 0 ? [] : lab.topology.management.routeServers;
  const routeServers = await inParallel(places, devicesAtOnce, (it) => routeServerStatus(lab, it));
  return { name: lab.topology.name, stateDir, devices, services, routeServers, cables };
}

async function statusOf(lab: LabContext, it: LabDevice): Promise<DeviceStatus> {
  const { name, role, rack } = it;
  const device = deviceOf(lab, name);
  const config = lab.topology.switchConfigs.get(name);
  const processes = processesIn(lab.paths.device(name).processes);
  const state =
    config === undefined || device === undefined
      ? undefined
      : { state: await observeSwitch(device, config), goal: goalOf(config) };
  return { name, role, rack, isAlive: device !== undefined, processes, switch: state };
}

function processesIn(directory: string): ProcessStatus[] {
  return readRecords(directory).map((record) => {
    const { label, pid, logFile } = record;
    return { label, pid, isAlive: isAlive(record), logFile };
  });
}

function deviceOf(lab: LabContext, name: string): Device | undefined {
  return adoptDevice(name, lab.paths.device(name), lab.cgroupOf(name), lab.tools);
}

/** `switch/interface` to whether it is up and has a carrier. */
async function portStates(lab: LabContext): Promise<Map<string, boolean>> {
  const ports = new Map<string, boolean>();
  await inParallel([...lab.topology.switchConfigs.values()], devicesAtOnce, async (config) => {
    const device = deviceOf(lab, config.name);
    if (device === undefined) return;
    for (const netns of [undefined, ...config.vrfs.map(({ name }) => name)]) {
      const options = netns === undefined ? {} : { netns };
      const { stdout } = await device.run(["ip", "-json", "link", "show"], options);
      for (const { ifname, flags } of JSON.parse(stdout) as { ifname: string; flags: string[] }[]) {
        ports.set(`${config.name}/${ifname}`, flags.includes("LOWER_UP"));
      }
    }
  });
  return ports;
}

function cableState(
  links: Cable["links"],
  ports: ReadonlyMap<string, boolean>,
): CableStatus["state"] {
  const states = links.map(({ a }) => ports.get(`${a.name}/${a.ifname}`));
  if (states.includes(undefined)) return "unknown";
  return states.every((isUp) => isUp === true) ? "up" : "down";
}
