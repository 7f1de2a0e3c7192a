/**
 * Pods as processes of a node of the lab. A pod is a network namespace that the node's `ip netns`
 * made, a holder with the pod's mount and UTS namespace, a cgroup below the node's, and a process
 * per container, run from the host's file system.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { Container, Pod } from "@heddle/api";
import { formatTime } from "@heddle/kube";
import type { Clock } from "@heddle/std";
import { netnsOf, runBatch } from "../device/batch.ts";
import { Device, holderLabel, type LabTools, startHolder } from "../device/device.ts";
import { destroyCgroup, makeCgroup } from "../state/cgroup.ts";
import { isAlive, terminate } from "../state/process.ts";
import { readRecord, readRecords } from "../state/process-record.ts";
import { addressesOf, type CniRuntimeOptions, cniAdd, cniDel } from "./cni-runtime.ts";
import { PodFiles } from "./pod-files.ts";
import {
  type ContainerView,
  type PodRecord,
  type PodRuntime,
  PodStartError,
} from "./pod-runtime.ts";

export interface DevicePodRuntimeOptions {
  readonly node: Device;
  readonly cni: CniRuntimeOptions;
  readonly tools: LabTools;
  readonly clock: Clock;
}

/**
 * What is remembered of a container beside its process; a new runner starts it from the pod's
 * status.
 */
interface ContainerMemory {
  restartCount: number;
  exitCode: number | undefined;
  changedAt: string;
  restartAtMs: number;
}

/** Between SIGTERM and SIGKILL: the lab's programs have nothing to finish. */
const stopGraceMs = 1000;
const restartMinMs = 500;
const restartMaxMs = 10_000;

export class DevicePodRuntime implements PodRuntime {
  readonly #options: DevicePodRuntimeOptions;
  readonly #files: PodFiles;
  readonly #containers = new Map<string, ContainerMemory>();

  constructor(options: DevicePodRuntimeOptions) {
    this.#options = options;
    this.#files = new PodFiles(options.node.paths.pods);
  }

  async list(): Promise<readonly PodRecord[]> {
    return this.#files.list();
  }

  async start(pod: Pod): Promise<PodRecord> {
    if (pod.spec.hostNetwork === true) throw new PodStartError("the lab runs no hostNetwork pods");
    for (const container of pod.spec.containers) this.#argvOf(container);
    const record = this.#newRecord(pod);
    this.#files.write(record);
    try {
      await runBatch(this.#options.node, [`netns add ${record.netns}`]);
      const sandbox = await this.#startSandbox(record);
      const result = await cniAdd(this.#options.node, this.#options.cni, record);
      this.#files.writeResult(record.uid, result);
      const started = { ...record, addresses: addressesOf(result) };
      for (const container of pod.spec.containers) this.#startContainer(sandbox, record, container);
      this.#files.write(started);
      return started;
    } catch (error) {
      await this.#undo(record, error);
      throw error;
    }
  }

  async observe(record: PodRecord, pod: Pod): Promise<readonly ContainerView[]> {
    const views: ContainerView[] = [];
    for (const container of pod.spec.containers) {
      views.push(await this.#observeContainer(record, pod, container));
    }
    return views;
  }

  async stop(record: PodRecord): Promise<void> {
    const { node, cni } = this.#options;
    for (const it of readRecords(this.#files.directory(record.uid))) {
      if (it.label !== holderLabel) await terminate(it, stopGraceMs);
    }
    await destroyCgroup(this.#cgroupOf(record));
    await cniDel(node, cni, record, this.#files.readResult(record.uid));
    if ((await netnsOf(node)).has(record.netns)) {
      await runBatch(node, [`netns delete ${record.netns}`]);
    }
    this.#files.remove(record.uid);
    for (const key of this.#containers.keys()) {
      if (key.startsWith(`${record.uid}/`)) this.#containers.delete(key);
    }
  }

  #newRecord({ metadata }: Pod): PodRecord {
    const containerId = randomBytes(32).toString("hex");
    return {
      uid: metadata.uid as string,
      namespace: metadata.namespace as string,
      name: metadata.name,
      containerId,
      netns: `cni-${containerId.slice(0, 12)}`,
      addresses: [],
      startedAt: formatTime(this.#options.clock.wallMs()),
    };
  }

  /** What cannot be undone now stays recorded, and is stopped by the next runner. */
  async #undo(record: PodRecord, reason: unknown): Promise<void> {
    try {
      await this.stop(record);
    } catch (error) {
      throw new PodStartError(`${reason}; nor could it be undone: ${error}`, { cause: reason });
    }
  }

  #cgroupOf({ uid }: PodRecord): string {
    return path.join(this.#options.node.cgroup, "pods", uid);
  }

  async #startSandbox(record: PodRecord): Promise<Device> {
    const { node, tools } = this.#options;
    const cgroup = this.#cgroupOf(record);
    const processes = this.#files.directory(record.uid);
    makeCgroup(cgroup);
    const within = { node: node.holder, netns: record.netns };
    const hostname = record.name.slice(0, 63);
    const options = { hostname, cgroup, binds: [], bpffs: undefined, within };
    const holder = await startHolder(processes, tools, options);
    return new Device(record.name, { ...node.paths, processes }, cgroup, holder, tools);
  }

  /** The sandbox of an earlier start; its network namespace outlives its holder. */
  async #sandboxOf(record: PodRecord): Promise<Device> {
    const { node, tools } = this.#options;
    const processes = this.#files.directory(record.uid);
    const holder = readRecord(processes, holderLabel);
    if (holder === undefined || !isAlive(holder)) return await this.#startSandbox(record);
    const paths = { ...node.paths, processes };
    return new Device(record.name, paths, this.#cgroupOf(record), holder, tools);
  }

  #startContainer(sandbox: Device, record: PodRecord, container: Container): void {
    const memory = this.#memoryOf(record, container.name);
    memory.changedAt = formatTime(this.#options.clock.wallMs());
    sandbox.spawn(this.#argvOf(container), {
      label: labelOf(container),
      env: environmentOf(record, container),
      logFile: this.#logFile(record, container),
      onExit: (exitCode) => {
        memory.exitCode = exitCode;
        memory.changedAt = formatTime(this.#options.clock.wallMs());
      },
    });
  }

  async #observeContainer(
    record: PodRecord,
    pod: Pod,
    container: Container,
  ): Promise<ContainerView> {
    const memory = this.#memoryOf(record, container.name, pod);
    const nowMs = this.#options.clock.nowMs();
    const process = readRecord(this.#files.directory(record.uid), labelOf(container));
    let isRunning = process !== undefined && isAlive(process);
    if (!isRunning && mayRestart(pod, memory) && nowMs >= memory.restartAtMs) {
      memory.restartCount += 1;
      const delayMs = Math.min(restartMaxMs, restartMinMs * 2 ** (memory.restartCount - 1));
      memory.restartAtMs = nowMs + delayMs;
      this.#startContainer(await this.#sandboxOf(record), record, container);
      isRunning = true;
    }
    const { exitCode, restartCount, changedAt } = memory;
    return { name: container.name, isRunning, exitCode, restartCount, changedAt };
  }

  #memoryOf(record: PodRecord, container: string, pod?: Pod): ContainerMemory {
    const key = `${record.uid}/${container}`;
    const known = this.#containers.get(key);
    if (known !== undefined) return known;
    const status = pod?.status?.containerStatuses?.find(({ name }) => name === container);
    const restartCount = status?.restartCount === undefined ? 0 : status.restartCount;
    const startedAt = status?.state?.running?.startedAt;
    const changedAt = startedAt === undefined ? record.startedAt : startedAt;
    const memory = { restartCount, exitCode: undefined, changedAt, restartAtMs: 0 };
    this.#containers.set(key, memory);
    return memory;
  }

  /** There are no images: the lab's own program has a name, everything else brings its command. */
  #argvOf({ name, image, command, args = [] }: Container): string[] {
    if (command !== undefined && command.length > 0) return [...command, ...args];
    if (image?.split(":")[0] === "heddle-echo") return [this.#options.tools.echo, ...args];
    const why = `image ${image} is unknown, want a command or the image heddle-echo`;
    throw new PodStartError(`container ${name}: ${why}`);
  }

  #logFile(record: PodRecord, { name }: Container): string {
    const folder = `${record.namespace}_${record.name}_${record.uid}`;
    const directory = path.join(this.#options.node.paths.logs, "pods", folder);
    mkdirSync(directory, { recursive: true });
    return path.join(directory, `${name}.log`);
  }
}

function labelOf({ name }: Container): string {
  return `container-${name}`;
}

function mayRestart({ spec }: Pod, { exitCode }: ContainerMemory): boolean {
  return spec.restartPolicy === "Always" || (spec.restartPolicy === "OnFailure" && exitCode !== 0);
}

function environmentOf(record: PodRecord, { env = [] }: Container): Record<string, string> {
  const unsupported = env.find(({ valueFrom }) => valueFrom !== undefined);
  if (unsupported !== undefined) {
    throw new PodStartError(`env ${unsupported.name}: valueFrom is not supported in the lab`);
  }
  const own = env.map(({ name, value }) => [name, value === undefined ? "" : value] as const);
  return {
    PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    HOME: "/root",
    HOSTNAME: record.name,
    ...Object.fromEntries(own),
  };
}
