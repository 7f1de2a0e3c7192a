/**
 * Plugs the devices together: interface pairs, tunnels and bridges that are missing, then
 * addresses.
 */

import { inParallel } from "../parallel.ts";
import type { LabContext } from "../state/context.ts";
import { managementDevice } from "../topology/topology.ts";
import {
  bridgeOf,
  hostStage,
  managementInterface,
  type PairPlan,
  pairLine,
  planPairs,
  type Stage,
  switchStages,
  vtepLine,
  vxlanOf,
} from "../topology/wiring.ts";
import { interfacesOf, runBatch } from "./batch.ts";
import type { Device } from "./device.ts";

const devicesAtOnce = 4;

/** Idempotent. `devices` has every device of the lab. */
export async function wireDevices(
  lab: LabContext,
  devices: ReadonlyMap<string, Device>,
): Promise<void> {
  const pairs = planPairs(lab.topology);
  const names = lab.topology.devices.map(({ name }) => name);
  await inParallel(names, devicesAtOnce, async (name) => {
    const device = deviceNamed(devices, name);
    const own = pairs.filter(({ owner }) => owner === name);
    await runBatch(device, await missingLines(lab, device, own, devices));
  });
  await inParallel(lab.topology.devices, devicesAtOnce, async (it) => {
    const config = lab.topology.switchConfigs.get(it.name);
    const stages = config === undefined ? [hostStage(lab.topology, it)] : switchStages(config);
    await applyStages(deviceNamed(devices, it.name), stages);
  });
}

async function applyStages(device: Device, stages: readonly Stage[]): Promise<void> {
  for (const { netns, lines } of stages) await runBatch(device, lines, netns);
}

async function missingLines(
  lab: LabContext,
  device: Device,
  pairs: readonly PairPlan[],
  devices: ReadonlyMap<string, Device>,
): Promise<string[]> {
  const config = lab.topology.switchConfigs.get(device.name);
  const vrfs = config === undefined ? [] : config.vrfs;
  const present = new Map<string | undefined, ReadonlySet<string>>();
  for (const netns of [undefined, ...vrfs.map(({ name }) => name)]) {
    present.set(netns, await interfacesOf(device, netns));
  }
  const lacks = (netns: string | undefined, ifname: string): boolean =>
    present.get(netns)?.has(ifname) !== true;
  const lines: string[] = [];
  for (const vrf of vrfs) {
    if (config !== undefined && lacks(vrf.name, vxlanOf(vrf.vni)))
      lines.push(vtepLine(config, vrf));
    const bridge = bridgeOf(vrf.vni);
    if (lacks(vrf.name, bridge)) lines.push(`link add ${bridge} netns ${vrf.name} type bridge`);
  }
  if (device.name === managementDevice && lacks(undefined, managementInterface)) {
    lines.push(`link add ${managementInterface} type bridge`);
  }
  for (const pair of pairs) {
    if (!lacks(pair.netns, pair.ifname)) continue;
    lines.push(pairLine(pair, deviceNamed(devices, pair.peer).holder.pid));
  }
  return lines;
}

function deviceNamed(devices: ReadonlyMap<string, Device>, name: string): Device {
  const device = devices.get(name);
  if (device === undefined) throw new TypeError(`no device ${name}`);
  return device;
}
