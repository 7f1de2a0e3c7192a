/**
 * The lab's cgroups: one per device below one of the lab, so that no descendant process is ever
 * lost sight of.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isErrno } from "./process.ts";

/** Where cgroup2 is mounted on this machine; undefined when it is not. */
export function findCgroup2(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    if (after?.startsWith("cgroup2 ")) return before?.split(" ")[4];
  }
  return undefined;
}

export function cgroup2Mount(): string | undefined {
  return findCgroup2(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** One directory per state directory, so that two labs do not meet. */
export function labCgroup(mount: string, stateDir: string): string {
  const digest = createHash("sha256").update(path.resolve(stateDir)).digest("hex");
  return path.join(mount, `heddle-lab-${digest.slice(0, 8)}`);
}

export function makeCgroup(directory: string): void {
  mkdirSync(directory, { recursive: true });
}

/**
 * Kills every process in the cgroup and below, and removes it; nothing happens when it does not
 * exist.
 */
export async function destroyCgroup(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  writeFileSync(path.join(directory, "cgroup.kill"), "1");
  const deadline = performance.now() + 10_000;
  while (isPopulated(directory)) {
    if (performance.now() >= deadline) throw new Error(`Cannot empty ${directory}: processes stay`);
    await sleep(10);
  }
  removeTree(directory);
}

/** True while a process is in the cgroup or below it. */
export function isPopulated(directory: string): boolean {
  return readFileSync(path.join(directory, "cgroup.events"), "utf8").includes("populated 1");
}

/** A cgroup's files cannot be unlinked: directories go depth first. */
function removeTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(path.join(directory, entry.name));
  }
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
