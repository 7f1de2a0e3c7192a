/**
 * Processes that the lab started, remembered by id and start time: an id alone may belong to
 * somebody else by now, and nothing but our own is ever signalled.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  /** Of the boot that counts the ticks. */
  readonly bootId: string;
}

/** The identity of a running process; undefined when there is none, or only a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = readStat(pid);
  if (fields === undefined || fields.state === "Z" || fields.state === "X") return undefined;
  return { pid, startTicks: fields.startTicks, bootId: readBootId() };
}

/**
 * The identity of a child of this process, which may have ended already: it stays a zombie until it
 * is reaped.
 */
export function identifyChild(pid: number): ProcessIdentity | undefined {
  const fields = readStat(pid);
  return fields && { pid, startTicks: fields.startTicks, bootId: readBootId() };
}

export function isAlive(process: ProcessIdentity): boolean {
  const found = identify(process.pid);
  return found?.startTicks === process.startTicks && found.bootId === process.bootId;
}

/** Signals the process if it is still the one recorded. */
export function signal(it: ProcessIdentity, name: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(it)) return;
  try {
    process.kill(it.pid, name);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
export async function terminate(it: ProcessIdentity, graceMs: number): Promise<void> {
  signal(it, "SIGTERM");
  if (await hasEnded(it, graceMs)) return;
  signal(it, "SIGKILL");
  if (!(await hasEnded(it, 5000))) throw new Error(`Cannot kill process ${it.pid}: it stays`);
}

async function hasEnded(it: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (isAlive(it)) {
    if (performance.now() >= deadline) return false;
    await sleep(20);
  }
  return true;
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The command name may hold spaces and parentheses; the fields follow the last one. */
function readStat(pid: number): { state: string; startTicks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: String(fields[0]), startTicks: Number(fields[19]) };
}

let bootId: string | undefined;

function readBootId(): string {
  if (bootId === undefined) bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return bootId;
}
