/** The measured agent as a process in the node's namespace, with mounts of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface, type Interface } from "node:readline";
import { type Fd, withNetns } from "@heddle/native";
import { assert } from "@heddle/std";
import type { AgentMessage, AgentState } from "./agent-protocol.ts";

export interface AgentOptions {
  readonly node: Fd;
  /** Of its socket, its journal and its bpf file system. */
  readonly directory: string;
  /** The bundle. */
  readonly file: string;
  readonly uplink: string;
  readonly podCount: number;
  /** Of an API server; without it the store is in memory. */
  readonly kubeconfig: string | undefined;
}

export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #options: AgentOptions;

  private constructor(options: AgentOptions, child: ChildProcess, reader: Interface) {
    this.#options = options;
    this.#child = child;
    this.#reader = reader;
    this.#lines = reader[Symbol.asyncIterator]();
  }

  static async start(options: AgentOptions): Promise<AgentProcess> {
    const { node, directory, file, uplink, podCount, kubeconfig } = options;
    // Its bpf file system ends with it; namespaces of pods that are mounted later reach it.
    const own = ["--mount", "--propagation", "slave", process.execPath, file];
    const args = ["--directory", directory, "--uplink", uplink, "--pods", String(podCount)];
    const store = kubeconfig === undefined ? [] : ["--kubeconfig", kubeconfig];
    const child = withNetns(node, () =>
      spawn("unshare", [...own, ...args, ...store], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    const agent = new AgentProcess(options, child, createInterface({ input: child.stdout }));
    const { kind } = await agent.#next();
    assert(kind === "ready", "the agent's first line says that it serves");
    return agent;
  }

  get socketPath(): string {
    return path.join(this.#options.directory, "cni.sock");
  }

  /** Where its eBPF state is pinned, seen from outside of its mounts. */
  get bpffsPath(): string {
    return path.join(`/proc/${this.#child.pid}/root`, this.#options.directory, "bpf");
  }

  async state(): Promise<AgentState> {
    this.#child.stdin?.write("state\n");
    const message = await this.#next();
    assert(message.kind === "state", "the agent answers with its state");
    return message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    await exited;
  }

  async #next(): Promise<AgentMessage> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("Cannot ask the agent: it ended, want it to serve");
    return JSON.parse(value);
  }
}
