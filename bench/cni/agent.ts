/**
 * The measured agent as it is shipped: the bundle, in the node's namespace, with the node's
 * kubeconfig. Its mounts are its own, so that its bpf file system ends with it.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { BpfMap, type MapSpec } from "@heddle/ebpf";
import { type Fd, getPinnedBpf } from "@heddle/native";
import type { AgentStatus, AllocationView } from "@heddle/node";
import { must } from "@heddle/std";
import { askAgent } from "../../apps/cli/src/agent-client.ts";
import { CliError } from "../../apps/cli/src/exit.ts";
import {
  heddleObject,
  type Route,
  routeAction,
  routes4Map,
  routes6Map,
  vifsMap,
} from "../../packages/dataplane/src/gen/heddle.gen.ts";
import { BackgroundProcess } from "./background-process.ts";
import { nodeName } from "./cluster-objects.ts";

const readyLimitMs = 30_000;

export interface AgentOptions {
  readonly node: Fd;
  /** For its sockets, its journal and its log; on a disk. */
  readonly directory: string;
  /** Argument list of the agent. */
  readonly program: readonly string[];
  readonly kubeconfig: string;
}

export class Agent implements AsyncDisposable {
  readonly #directory: string;
  readonly #process: BackgroundProcess;

  private constructor(directory: string, process: BackgroundProcess) {
    this.#directory = directory;
    this.#process = process;
  }

  /**
   * Resolves when CNI STATUS is well: blocks are claimed and announced, BGP is Established.
   * Namespaces of pods must be mounted before.
   */
  static async start({ node, directory, program, kubeconfig }: AgentOptions): Promise<Agent> {
    await using owned = new AsyncDisposableStack();
    mkdirSync(directory);
    const folder = (name: string): string => path.join(directory, name);
    const argv = [
      ...["unshare", "--mount", "--propagation", "slave", ...program, "--node", nodeName],
      ...["--kubeconfig", kubeconfig, "--bpffs", folder("bpf")],
      ...["--run-dir", folder("run"), "--state-dir", folder("state")],
    ];
    const logFile = folder("agent.log");
    const process = owned.use(new BackgroundProcess({ argv, netns: node, logFile }));
    const agent = new Agent(directory, process);
    await process.until("ready", readyLimitMs, () => agent.#isReady());
    owned.move();
    return agent;
  }

  get socketPath(): string {
    return path.join(this.#directory, "run", "cni.sock");
  }

  /** Addresses in the journal. @throws CliError */
  async allocatedCount(): Promise<number> {
    return (await this.#ask<readonly AllocationView[]>("/v1/ipam/allocations")).length;
  }

  /** Entries that stand for a pod, in all maps: three for a pod with both families. */
  podEntryCount(): number {
    const isLocal = (route: Route): boolean => route.action === routeAction.local;
    return (
      this.#valuesOf(vifsMap).length +
      this.#valuesOf(routes4Map).filter(isLocal).length +
      this.#valuesOf(routes6Map).filter(isLocal).length
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  /** Not ready, too, while its socket does not answer. */
  async #isReady(): Promise<boolean> {
    try {
      const { cniProblems } = await this.#ask<AgentStatus>("/v1/status");
      return cniProblems.length === 0;
    } catch (error) {
      if (error instanceof CliError) return false;
      throw error;
    }
  }

  async #ask<T>(route: string): Promise<T> {
    return await askAgent<T>(path.join(this.#directory, "run", "agent.sock"), route);
  }

  /** The pins, seen through the agent's mounts. */
  #valuesOf<K, V>(spec: MapSpec<K, V>): V[] {
    const bpffs = path.join(`/proc/${this.#process.pid}/root`, this.#directory, "bpf");
    const pin = path.join(bpffs, "heddle", heddleObject.layoutHash, spec.name);
    using map = new BpfMap(spec, must(getPinnedBpf(pin), `map ${spec.name} is pinned`));
    return [...map.entries()].map(([, value]) => value);
  }
}
