/** A program that runs beside the measurement and ends with it, whatever ends the measurement. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Fd, withNetns } from "@heddle/native";

export interface BackgroundOptions {
  readonly argv: readonly string[];
  /** Network namespace to run in; borrowed for the call. */
  readonly netns: Fd;
  /** Takes what the program prints. */
  readonly logFile: string;
}

const pollMs = 20;
const stopLimitMs = 10_000;

export class BackgroundProcess implements AsyncDisposable {
  readonly #options: BackgroundOptions;
  readonly #child: ChildProcess;
  /** Why it did not start. */
  #error: Error | undefined;

  constructor(options: BackgroundOptions) {
    const { argv, netns, logFile } = options;
    const log = openSync(logFile, "a");
    try {
      this.#options = options;
      this.#child = withNetns(netns, () =>
        spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], { stdio: ["ignore", log, log] }),
      );
      this.#child.on("error", (error) => {
        this.#error = error;
      });
    } finally {
      closeSync(log);
    }
  }

  /** @throws Error when it did not start */
  get pid(): number {
    if (this.#child.pid === undefined) throw this.#failed("it has no process");
    return this.#child.pid;
  }

  /**
   * Polls until `probe` says true. @throws Error with the end of the log when the program has ended
   * or the time is over, and what `probe` throws
   */
  async until(what: string, limitMs: number, probe: () => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    while (!(await probe())) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#hasEnded()) throw this.#failed("it ended");
      if (performance.now() >= deadlineMs) throw this.#failed(`not ${what} in ${limitMs} ms`);
      await sleep(pollMs);
    }
  }

  /** SIGTERM, and SIGKILL to one that does not heed it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded()) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), stopLimitMs);
    await exited;
    clearTimeout(timer);
  }

  #hasEnded(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  #failed(why: string): Error {
    const { argv, logFile } = this.#options;
    const tail = readFileSync(logFile, "utf8").trim().split("\n").slice(-10).join("\n  ");
    return new Error(`Cannot use ${argv.join(" ")}: ${why}; it said\n  ${tail}`);
  }
}
