/**
 * Runs programs by `exectime`, which measures from exec to exit without the cost of this process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { type Fd, withNetns } from "@heddle/native";
import { assert } from "@heddle/std";

const exectime = path.resolve(import.meta.dirname, "../tools/build/exectime");

export interface Job {
  readonly program: string;
  readonly stdinFile: string;
  readonly stdoutFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Timed {
  readonly elapsedMs: number;
  readonly status: number;
}

export class ExecTimer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  /** Programs run in `netns`. */
  constructor(netns: Fd) {
    const child = withNetns(netns, () =>
      spawn(exectime, [], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async run(job: Job): Promise<Timed> {
    const variables = Object.entries(job.environment).map(([name, value]) => `${name}=${value}`);
    const fields = [job.stdinFile, job.stdoutFile, job.program, ...variables];
    assert(!fields.some((field) => /[\t\n]/.test(field)), "fields have no tabs and no newlines");
    this.#child.stdin?.write(`${fields.join("\t")}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`Cannot time ${job.program}: exectime ended`);
    const [elapsedNs = 0, status = -1] = value.split(" ").map(Number);
    return { elapsedMs: elapsedNs / 1e6, status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    await exited;
  }
}
