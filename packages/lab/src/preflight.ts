/** What the machine must have, checked before anything is changed. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { runCommand } from "./device/command.ts";
import { defaultTools, type LabTools } from "./device/device.ts";
import { LabError } from "./errors.ts";
import { frrDaemons, frrDirectory } from "./frr/daemons.ts";
import { cgroup2Mount } from "./state/cgroup.ts";

/** Debian 12's; older ones lack what the data plane needs. */
const kernelMin = [6, 1] as const;

/** Program to the Debian package that brings it. */
const programs: Readonly<Record<string, string>> = {
  ip: "iproute2",
  sysctl: "procps",
  vtysh: "frr",
};

/** One line per thing that is missing, with its remedy; empty when the lab can run. */
export async function preflight(tools: LabTools = defaultTools): Promise<string[]> {
  if (process.getuid?.() !== 0) return ["not root: run as root"];
  const problems = [
    ...kernelProblems(os.release()),
    ...programProblems(),
    ...toolProblems(tools),
    ...(cgroup2Mount() === undefined ? ["cgroup2 is not mounted: mount it on /sys/fs/cgroup"] : []),
    ...fileSystemProblems(readFileSync("/proc/filesystems", "utf8")),
  ];
  return problems.length > 0 ? problems : featureProblems(tools);
}

/** @throws LabError `preflight` with every problem, one per line */
export async function mustPassPreflight(tools: LabTools): Promise<void> {
  const problems = await preflight(tools);
  if (problems.length === 0) return;
  throw new LabError(
    "preflight",
    `Cannot run the lab on this machine:\n  ${problems.join("\n  ")}`,
  );
}

export function kernelProblems(release: string): string[] {
  const [major, minor] = release.split(".").map(Number) as [number, number];
  const isOld = major < kernelMin[0] || (major === kernelMin[0] && minor < kernelMin[1]);
  return isOld ? [`kernel ${release}: want ${kernelMin.join(".")} or later`] : [];
}

export function fileSystemProblems(filesystems: string): string[] {
  const known = filesystems.split("\n").map((line) => line.split("\t").at(-1));
  return known.includes("bpf") ? [] : ["no bpf file system: want a kernel with CONFIG_BPF_SYSCALL"];
}

function programProblems(): string[] {
  const missing = Object.entries(programs).filter(([name]) => !isOnPath(name));
  const problems = missing.map(([name, packageName]) => {
    return `no ${name}: install Debian package ${packageName}`;
  });
  const daemons = frrDaemons.filter((name) => !isExecutable(path.join(frrDirectory, name)));
  return daemons.length === 0
    ? problems
    : [...problems, `no ${daemons.join(", ")} in ${frrDirectory}: install Debian package frr`];
}

function toolProblems(tools: LabTools): string[] {
  const missing = Object.values(tools).filter((file) => !isExecutable(file));
  return missing.map((file) => `no ${file}: run make -C packages/lab`);
}

function isOnPath(name: string): boolean {
  const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
  const directories = PATH.split(":");
  return directories.some((directory) => isExecutable(path.join(directory, name)));
}

function isExecutable(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes one interface of each type in a namespace that ends with the command, which removes them.
 */
async function featureProblems(tools: LabTools): Promise<string[]> {
  const problems: string[] = [];
  const inside = [tools.enter, "--unshare", "net,mount,uts", "--"];
  const { exitCode, stderr } = await runCommand([...inside, "true"], { allowFailure: true });
  if (exitCode !== 0) return [`no namespaces: ${stderr.trim()}`];
  for (const [type, line] of Object.entries(interfaceTypes)) {
    const argv = [...inside, "ip", "link", "add", "probe0", ...line];
    const result = await runCommand(argv, { allowFailure: true });
    if (result.exitCode === 0) continue;
    problems.push(`no ${type} interfaces: ${result.stderr.trim()}, want a kernel with them`);
  }
  return problems;
}

const interfaceTypes: Readonly<Record<string, readonly string[]>> = {
  veth: ["type", "veth", "peer", "name", "probe1"],
  bridge: ["type", "bridge"],
  vxlan: ["type", "vxlan", "id", "1", "dstport", "4789"],
};
