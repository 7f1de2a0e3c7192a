/**
 * The FRR daemons of a switch: each in the foreground under its own recorded id, configured through
 * vtysh once all are up. Restarting one of them reads the configuration again and touches no
 * interface.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Device } from "../device/device.ts";
import { LabError } from "../errors.ts";
import { isAlive } from "../state/process.ts";
import { readRecord } from "../state/process-record.ts";

export const frrDirectory = "/usr/lib/frr";

/** Start order: zebra first, the others are its clients. */
export const frrDaemons = ["zebra", "bfdd", "ospfd", "bgpd"] as const;
export type FrrDaemon = (typeof frrDaemons)[number];

const startLimitMs = 20_000;

/**
 * How many of the daemons had to be started: none when all were alive and the configuration is the
 * same.
 */
export async function ensureFrr(device: Device, configuration: string): Promise<number> {
  const owner = frrUser();
  writeConfiguration(device, configuration, owner);
  const dead = frrDaemons.filter((daemon) => !isRunning(device, daemon));
  for (const daemon of dead) {
    for (const name of socketsOf(daemon)) rmSync(socketPath(device, name), { force: true });
    device.spawn(daemonArgv(daemon), {
      label: daemon,
      logFile: path.join(device.paths.logs, `${daemon}.out`),
    });
    if (daemon === "zebra") await socketReady(device, daemon, zebraSocket);
  }
  for (const daemon of dead) await socketReady(device, daemon, vtySocket(daemon));
  if (dead.length === frrDaemons.length) await device.run(["vtysh", "-b"]);
  else for (const daemon of dead) await device.run(["vtysh", "-b", "-d", daemon]);
  return dead.length;
}

export function isRunning(device: Device, daemon: FrrDaemon): boolean {
  const record = readRecord(device.paths.processes, daemon);
  return record !== undefined && isAlive(record);
}

/**
 * `-n`: VRFs are namespaces. `-K`: a restarted zebra keeps forwarding for a minute by what it
 * finds.
 */
function daemonArgv(daemon: FrrDaemon): string[] {
  const own = { zebra: ["-n", "-K", "60", "-s", "8388608"], bfdd: [], ospfd: [], bgpd: [] }[daemon];
  const log = ["--log", `file:/run/frr/${daemon}.log`, "--log-level", "informational"];
  return [path.join(frrDirectory, daemon), "-P", "0", ...log, ...own];
}

function writeConfiguration(device: Device, configuration: string, owner: FrrUser): void {
  const run = path.join(device.paths.run, "frr");
  mkdirSync(run, { recursive: true });
  const files: readonly (readonly [string, string])[] = [
    ["frr.conf", configuration],
    ["vtysh.conf", "service integrated-vtysh-config\n"],
  ];
  for (const [name, text] of files) {
    const file = path.join(device.paths.frr, name);
    writeFileSync(file, text);
    chownSync(file, owner.uid, owner.gid);
  }
  for (const directory of [run, device.paths.frr]) chownSync(directory, owner.uid, owner.gid);
}

interface FrrUser {
  readonly uid: number;
  readonly gid: number;
}

/** FRR drops its privileges to this user and refuses another. */
function frrUser(): FrrUser {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const fields = lines.find((line) => line.startsWith("frr:"))?.split(":");
  if (fields === undefined) {
    throw new LabError("preflight", "Cannot start FRR: no user frr, want Debian package frr");
  }
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}

const zebraSocket = "zserv.api";

function vtySocket(daemon: FrrDaemon): string {
  return `${daemon}.vty`;
}

function socketsOf(daemon: FrrDaemon): string[] {
  return daemon === "zebra" ? [vtySocket(daemon), zebraSocket] : [vtySocket(daemon)];
}

function socketPath(device: Device, name: string): string {
  return path.join(device.paths.run, "frr", name);
}

/** A daemon answers once its socket is there; those of a dead one are removed before. */
async function socketReady(device: Device, daemon: FrrDaemon, name: string): Promise<void> {
  const socket = socketPath(device, name);
  const deadline = performance.now() + startLimitMs;
  while (!existsSync(socket)) {
    const log = path.join(device.paths.logs, `${daemon}.out`);
    if (!isRunning(device, daemon)) {
      const tail = readFileSync(log, "utf8").trim().split("\n").slice(-3).join("; ");
      throw new LabError("state", `Cannot start ${daemon} on ${device.name}: ${tail}`);
    }
    if (performance.now() >= deadline) {
      throw new LabError("timeout", `Cannot start ${daemon} on ${device.name}: no ${name}`);
    }
    await sleep(20);
  }
}
