/** What test processes left behind that were killed before they could clean up. */
import { existsSync, globSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ip, namePrefix } from "./lan.ts";

/** Ends processes, and removes namespaces and folders, whose test process is gone. */
export function removeLeftovers(): void {
  for (const [netns] of ip("netns", "list").matchAll(new RegExp(`^${namePrefix}\\S+`, "gm"))) {
    if (isOwned(netns)) continue;
    for (const id of ip("netns", "pids", netns)
      .split("\n")
      .filter((line) => line !== "")) {
      kill(Number(id));
    }
    ip("netns", "del", netns);
  }
  for (const folder of globSync(`${namePrefix}*-*`, { cwd: tmpdir() })) {
    if (!isOwned(folder)) rmSync(path.join(tmpdir(), folder), { recursive: true, force: true });
  }
}

/** One that ends meanwhile is as good. */
function kill(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The process in the name is still there. */
function isOwned(name: string): boolean {
  const id = /^\D+(\d+)-/.exec(name)?.[1];
  return id !== undefined && existsSync(`/proc/${id}`);
}
