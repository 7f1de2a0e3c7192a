/** A main of this repository as a child process, for tests that need the real one. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { eventually } from "./eventually.ts";

export class RunningMain {
  readonly child: ChildProcess;
  /** What it has logged (JSON lines on stderr). */
  readonly lines: Record<string, unknown>[] = [];
  #rest = "";

  /** `file` is the module of the main; `netns` a network namespace of iproute2 to run it in. */
  constructor(
    file: string | { readonly file: string; readonly netns: string },
    ...args: readonly string[]
  ) {
    const [command = "", ...before] =
      typeof file === "string"
        ? [process.execPath, file]
        : ["ip", "netns", "exec", file.netns, process.execPath, file.file];
    this.child = spawn(command, [...before, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (this.#rest + chunk).split("\n");
      this.#rest = lines.pop() as string;
      for (const line of lines.filter((each) => each.startsWith("{"))) {
        this.lines.push(JSON.parse(line) as Record<string, unknown>);
      }
    });
  }

  /** The first line whose message has `text`, as soon as it is there. */
  async line(text: string): Promise<Record<string, unknown>> {
    return await eventually(`a line "${text}"`, async () => {
      assert.equal(this.child.exitCode, null, JSON.stringify(this.lines));
      return this.lines.find(({ msg }) => String(msg).includes(text));
    });
  }

  /** Ends it by SIGTERM; its exit code and signal. */
  async end(): Promise<readonly unknown[]> {
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    return await ended;
  }
}
