import { mkdirSync } from "node:fs";
import { isBpfFs, mountBpfFs } from "@heddle/native";

/**
 * Makes sure that `folder` is, or lies on, a bpf file system: mounts one there when it is not. What
 * is pinned lives as long as the mount.
 * @throws SystemError
 */
export function ensureBpfFs(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isBpfFs(folder)) mountBpfFs(folder);
}
