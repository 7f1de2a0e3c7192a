/**
 * Everything that Kubernetes would bring, for a running lab: scheduler, Deployments, and pods on
 * every node.
 */
import { formatIp } from "@heddle/inet";
import type { Store } from "@heddle/kube";
import { type Clock, type Log, must, type Rng } from "@heddle/std";
import { holderLabel } from "../device/device.ts";
import { type LabContext, liveDevice } from "../state/context.ts";
import { isAlive } from "../state/process.ts";
import { readRecord } from "../state/process-record.ts";
import type { CniRuntimeOptions } from "./cni-runtime.ts";
import { runDeploymentController } from "./deployment-controller.ts";
import { DevicePodRuntime } from "./device-pod-runtime.ts";
import { PodFiles } from "./pod-files.ts";
import { PodRunner } from "./pod-runner.ts";
import type { PodRecord } from "./pod-runtime.ts";
import { runScheduler } from "./scheduler.ts";

export interface KubernetesOptions {
  readonly lab: LabContext;
  readonly store: Store;
  readonly cni: CniRuntimeOptions;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/**
 * Resolves when the signal aborts; pods go on running and are adopted by the next call. @throws
 * LabError
 */
export async function runKubernetes(
  options: KubernetesOptions,
  signal: AbortSignal,
): Promise<void> {
  const { lab, store, cni, clock, rng, log } = options;
  const deps = { store, clock, rng, log };
  const nodes = lab.topology.devices.filter(({ role }) => role === "node");
  const runners = nodes.map(({ name, managementAddress }) => {
    const node = liveDevice(lab, name);
    const runtime = new DevicePodRuntime({ node, cni, tools: lab.tools, clock });
    const hostIp = formatIp(must(managementAddress, `${name} has no management address`));
    return new PodRunner(deps, { nodeName: name, hostIp, runtime });
  });
  await Promise.all([
    runScheduler(deps, signal),
    runDeploymentController(deps, signal),
    ...runners.map((runner) => runner.run(signal)),
  ]);
}

export interface PodOnNode {
  readonly node: string;
  readonly record: PodRecord;
  /** The holder: a process in the pod's network, mount and UTS namespaces. */
  readonly pid: number;
}

/** The pods whose namespaces are alive, by node. */
export function podsOfLab(lab: LabContext): PodOnNode[] {
  const nodes = lab.topology.devices.filter(({ role }) => role === "node");
  return nodes.flatMap(({ name }) => {
    const files = new PodFiles(lab.paths.device(name).pods);
    return files.list().flatMap((record): PodOnNode[] => {
      const holder = readRecord(files.directory(record.uid), holderLabel);
      if (holder === undefined || !isAlive(holder)) return [];
      return [{ node: name, record, pid: holder.pid }];
    });
  });
}
