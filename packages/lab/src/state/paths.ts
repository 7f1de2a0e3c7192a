/** Where a lab keeps its state: everything below one directory, which `labDown` removes. */
import path from "node:path";

export const defaultStateDir = "/run/heddle-lab";

/** Files and directories of one device. */
export interface DevicePaths {
  readonly directory: string;
  /** Becomes /run inside the device, so its sockets are visible from outside. */
  readonly run: string;
  /** Becomes /etc/frr. */
  readonly frr: string;
  /** Becomes /var/tmp. */
  readonly scratch: string;
  readonly logs: string;
  /** One record per process, the holder's included. */
  readonly processes: string;
  /** Of nodes: one directory per pod. */
  readonly pods: string;
}

export interface LabPaths {
  readonly stateDir: string;
  readonly lockFile: string;
  /** The definition of the running lab. */
  readonly labFile: string;
  readonly devices: string;
  device(name: string): DevicePaths;
}

export function labPaths(stateDir: string): LabPaths {
  const devices = path.join(stateDir, "devices");
  return {
    stateDir,
    lockFile: `${stateDir}.lock`,
    labFile: path.join(stateDir, "lab.yaml"),
    devices,
    device(name: string): DevicePaths {
      const directory = path.join(devices, name);
      return {
        directory,
        run: path.join(directory, "run"),
        frr: path.join(directory, "frr"),
        scratch: path.join(directory, "tmp"),
        logs: path.join(directory, "log"),
        processes: path.join(directory, "processes"),
        pods: path.join(directory, "pods"),
      };
    },
  };
}
