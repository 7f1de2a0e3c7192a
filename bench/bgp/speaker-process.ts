/** A speaker under test: a process of its own, watched through /proc. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bgpPort } from "@heddle/bgp";
import { type Fd, withNetns } from "@heddle/native";
import type { Case } from "./cases.ts";
import type { Contestant } from "./contestant.ts";

const startTimeoutMs = 15_000;
const stopTimeoutMs = 5_000;
const settleTimeoutMs = 20_000;
/** It is idle when it uses less CPU time than `Contestant.idleCpuMs` in so long. */
const idleWindowMs = 250;
const idleCpuMsDefault = 15;

const listenState = "0A";
const logLengthMax = 400;

export class SpeakerProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #idleCpuMs: number;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor({ name, idleCpuMs }: Contestant, child: ChildProcess, directory: string) {
    this.#name = name;
    this.#idleCpuMs = idleCpuMs ?? idleCpuMsDefault;
    this.#child = child;
    this.#directory = directory;
  }

  /** Resolves when it accepts connections. @throws Error with what it wrote, when it does not */
  static async start(contestant: Contestant, what: Case, netns: Fd): Promise<SpeakerProcess> {
    const directory = mkdtempSync(path.join(tmpdir(), `hbbg-${contestant.name}-`));
    const { program, args } = contestant.prepare(what, directory);
    const log = openSync(path.join(directory, "output"), "w");
    // A daemon must not outlive a run that was killed.
    const child = withNetns(netns, () =>
      spawn("setpriv", ["--pdeathsig", "KILL", "--", program, ...args], {
        stdio: ["ignore", log, log],
      }),
    );
    closeSync(log);
    const speaker = new SpeakerProcess(contestant, child, directory);
    try {
      await speaker.#listening();
      return speaker;
    } catch (error) {
      await speaker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** CPU time of all its threads so far; they live as long as the process. */
  get cpuMs(): number {
    const tasks = readdirSync(this.#proc("task"));
    const times = tasks.map((task) => this.#read(`task/${task}/schedstat`).split(" ")[0]);
    return times.reduce((sum, ns) => sum + Number(ns) / 1e6, 0);
  }

  /** Largest resident set so far (VmHWM). */
  get peakMiB(): number {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(this.#read("status")) ?? [];
    return Number(kib) / 1024;
  }

  /** Resolves when it has nothing to do. @throws Error when it keeps busy */
  async settle(): Promise<void> {
    for (let waitedMs = 0; waitedMs < settleTimeoutMs; waitedMs += idleWindowMs) {
      const before = this.cpuMs;
      await sleep(idleWindowMs);
      if (this.cpuMs - before < this.#idleCpuMs) return;
    }
    throw new Error(`${this.#name} is busy for ${settleTimeoutMs / 1000} s with nothing to do`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isRunning) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopTimeoutMs);
      await exited;
      clearTimeout(timer);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #listening(): Promise<void> {
    const port = bgpPort.toString(16).toUpperCase().padStart(4, "0");
    const socket = new RegExp(`:${port} [0-9A-F:]+ ${listenState} `);
    for (let waitedMs = 0; waitedMs < startTimeoutMs && this.#isRunning; waitedMs += 20) {
      await sleep(20);
      if (this.#isRunning && socket.test(this.#read("net/tcp") + this.#read("net/tcp6"))) return;
    }
    const log = readFileSync(path.join(this.#directory, "output"), "utf8");
    throw new Error(`${this.#name} does not listen: ${log.slice(-logLengthMax).trim()}`);
  }

  #proc(file: string): string {
    return `/proc/${this.#child.pid}/${file}`;
  }

  #read(file: string): string {
    return readFileSync(this.#proc(file), "utf8");
  }
}
