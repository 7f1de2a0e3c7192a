/** Processes inside a network namespace, ended by their id. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { namePrefix } from "./lan.ts";

const outputLengthMax = 64 * 1024;
const commandMsMax = 5000;
const endMsMax = 2000;
const run = promisify(execFile);

/** What the command prints. @throws Error with what it complains about */
export async function runIn(netns: string, command: string, args: string[]): Promise<string> {
  // Cheaper than ip(8), which mounts a /sys of the namespace for each command.
  const all = [`--net=/run/netns/${netns}`, "--", command, ...args];
  const { stdout } = await run("nsenter", all, { timeout: commandMsMax, maxBuffer: 16 << 20 });
  return stdout;
}

/** A folder under the system's for temporary files that goes on disposal. */
export class Folder implements Disposable {
  readonly path: string = mkdtempSync(path.join(tmpdir(), `${namePrefix}${process.pid}-`));

  at(file: string): string {
    return path.join(this.path, file);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class NetnsProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #output = "";

  constructor(
    netns: string,
    command: string,
    args: string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = spawn("ip", ["netns", "exec", netns, command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#gone = new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.once("error", () => resolve());
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk) => {
        this.#output = (this.#output + String(chunk)).slice(-outputLengthMax);
      });
    }
  }

  /** The last of what it printed. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Ends it without a goodbye. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill("SIGTERM");
    await Promise.race([this.#gone, sleep(endMsMax, undefined, { ref: false })]);
    await this.kill();
  }
}
