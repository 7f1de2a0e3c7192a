/**
 * A device is a set of namespaces (network, mount, UTS) kept alive by a holder process, and a
 * cgroup in which all of its processes are. A daemon's death therefore takes no interface, VRF or
 * mount with it.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { LabError } from "../errors.ts";
import type { DevicePaths } from "../state/paths.ts";
import { identifyChild, isAlive, type ProcessIdentity } from "../state/process.ts";
import { type ProcessRecord, readRecord, writeRecord } from "../state/process-record.ts";
import { type CommandOptions, type CommandResult, runCommand } from "./command.ts";

export const holderLabel = "holder";

/** Where the lab's own C programs are. */
export interface LabTools {
  readonly enter: string;
  readonly echo: string;
}

/** Beside the file when it is bundled, else where `make -C packages/lab` puts them. */
const toolDirectory = import.meta.url.endsWith(".ts")
  ? path.resolve(import.meta.dirname, "../../build")
  : import.meta.dirname;

export const defaultTools: LabTools = {
  enter: path.join(toolDirectory, "heddle-enter"),
  echo: path.join(toolDirectory, "heddle-echo"),
};

export interface SpawnOptions {
  /** The environment of the process; this one's when absent. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives both outputs, appended. */
  readonly logFile: string;
  /** Name of its record; at most one living process has it. */
  readonly label: string;
  /** Called once when the process ends, as long as this process lives. */
  readonly onExit?: (exitCode: number | undefined) => void;
}

/** A running device. */
export class Device {
  readonly name: string;
  readonly paths: DevicePaths;
  readonly cgroup: string;
  readonly holder: ProcessIdentity;
  readonly #tools: LabTools;

  constructor(
    name: string,
    paths: DevicePaths,
    cgroup: string,
    holder: ProcessIdentity,
    tools: LabTools,
  ) {
    this.name = name;
    this.paths = paths;
    this.cgroup = cgroup;
    this.holder = holder;
    this.#tools = tools;
  }

  /** The argument list that runs `argv` inside, in the named network namespace if one is given. */
  argvInside(argv: readonly string[], netns?: string): string[] {
    const inside = ["--cgroup", this.cgroup, "--target", String(this.holder.pid)];
    const vrf = netns === undefined ? [] : ["--netns", `/run/netns/${netns}`];
    return [this.#tools.enter, ...inside, ...vrf, "--", ...argv];
  }

  /** @throws LabError `command`, `state` */
  run(
    argv: readonly string[],
    options: CommandOptions & { netns?: string } = {},
  ): Promise<CommandResult> {
    this.#mustLive();
    return runCommand(this.argvInside(argv, options.netns), options);
  }

  /**
   * Starts a process that outlives this one and records it. Its id is that of the program itself.
   * @throws LabError `state` when the device is gone or the program does not start
   */
  spawn(argv: readonly string[], options: SpawnOptions): ProcessRecord {
    this.#mustLive();
    return spawnRecorded(this.argvInside(argv), argv, this.paths.processes, options);
  }

  #mustLive(): void {
    if (isAlive(this.holder)) return;
    throw new LabError("state", `Cannot enter ${this.name}: its holder has died, run lab up`);
  }
}

function spawnRecorded(
  fullArgv: readonly string[],
  argv: readonly string[],
  processes: string,
  options: SpawnOptions,
): ProcessRecord {
  const log = openSync(options.logFile, "a");
  try {
    const [program, ...rest] = fullArgv as [string, ...string[]];
    const env = options.env === undefined ? process.env : options.env;
    const child = spawn(program, rest, { detached: true, stdio: ["ignore", log, log], env });
    child.on("error", () => undefined); // Reported below: a child that did not start has no id.
    if (options.onExit !== undefined) child.once("exit", exitListener(options.onExit));
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyChild(child.pid);
    if (identity === undefined) {
      throw new LabError("state", `Cannot start ${argv[0]}: see ${options.logFile}`);
    }
    const record = { ...identity, label: options.label, argv, logFile: options.logFile };
    writeRecord(processes, record);
    return record;
  } finally {
    closeSync(log);
  }
}

/** A process that a signal ended has the exit code that a shell shows. */
function exitListener(
  onExit: (exitCode: number | undefined) => void,
): (code: number | null, signal: NodeJS.Signals | null) => void {
  return (code, signal) => {
    const number = signal === null ? undefined : os.constants.signals[signal];
    if (code !== null) onExit(code);
    else onExit(number === undefined ? undefined : 128 + number);
  };
}

/** What a holder mounts and calls itself. */
export interface HolderOptions {
  readonly hostname: string;
  readonly cgroup: string;
  /** Pairs of source and target. */
  readonly binds: readonly (readonly [string, string])[];
  readonly bpffs: string | undefined;
  /** A pod's holder is inside a node and in a network namespace that the node has made. */
  readonly within?: { readonly node: ProcessIdentity; readonly netns: string };
}

/** Starts the holder of a device and waits until its namespaces and mounts are made. */
export async function startHolder(
  processes: string,
  tools: LabTools,
  options: HolderOptions,
): Promise<ProcessIdentity> {
  mkdirSync(processes, { recursive: true });
  const argv = holderArgv(options);
  const child = spawn(tools.enter, argv, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const { pid } = child;
  const identity = pid === undefined ? undefined : identifyChild(pid);
  if (identity !== undefined) {
    const record = { ...identity, label: holderLabel, argv: [tools.enter, ...argv] };
    writeRecord(processes, { ...record, logFile: undefined });
  }
  await readiness(child, options.hostname);
  child.unref();
  if (identity === undefined) throw holderError(options.hostname, "it ended at once");
  return identity;
}

function holderArgv(options: HolderOptions): string[] {
  const argv = ["--cgroup", options.cgroup];
  if (options.within !== undefined) {
    argv.push("--target", String(options.within.node.pid));
    argv.push("--netns", `/run/netns/${options.within.netns}`);
  }
  argv.push("--unshare", options.within === undefined ? "net,mount,uts" : "mount,uts");
  argv.push("--hostname", options.hostname);
  for (const [source, target] of options.binds) argv.push("--bind", `${source}=${target}`);
  if (options.bpffs !== undefined) argv.push("--bpffs", options.bpffs);
  return argv;
}

function readiness(child: ReturnType<typeof spawn>, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-2000);
    });
    child.stdout?.once("data", () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve();
    });
    child.once("error", (error) => reject(holderError(name, error.message)));
    child.once("exit", (code) => reject(holderError(name, stderr.trim() || `exit ${code}`)));
  });
}

function holderError(name: string, why: string): LabError {
  return new LabError("state", `Cannot start the namespaces of ${name}: ${why}`);
}

/** The device as an earlier run left it; undefined when its holder is not alive. */
export function adoptDevice(
  name: string,
  paths: DevicePaths,
  cgroup: string,
  tools: LabTools,
): Device | undefined {
  const record = readRecord(paths.processes, holderLabel);
  if (record === undefined || !isAlive(record)) return undefined;
  return new Device(name, paths, cgroup, record, tools);
}
