/** The agent's command line. Everything else is in the API. */

import { type LogLevel, logLevels } from "@heddle/system";
import { InvalidArgumentError, Option } from "commander";

export interface AgentConfig {
  /** Name of the Node object. */
  readonly node: string;
  readonly kubeconfig: string;
  /** Sockets; must be gone after a reboot. */
  readonly runDir: string;
  /** The journal; must survive a reboot. */
  readonly stateDir: string;
  readonly bpffs: string;
  /** MTU of pods; that of the uplinks when absent. */
  readonly mtu?: number;
  readonly bgpPort: number;
  readonly logLevel: LogLevel;
}

export const agentOptions: readonly Option[] = [
  new Option("--node <name>", "name of this node's Node object")
    .env("HEDDLE_NODE")
    .makeOptionMandatory(),
  new Option("--kubeconfig <file>", "how to reach the API server")
    .env("KUBECONFIG")
    .makeOptionMandatory(),
  new Option("--run-dir <path>", "sockets: cni.sock and agent.sock").default("/run/heddle"),
  new Option("--state-dir <path>", "the journal of allocations, on local disk").default(
    "/var/lib/heddle",
  ),
  new Option("--bpffs <path>", "where eBPF state is pinned").default("/sys/fs/bpf"),
  new Option("--mtu <bytes>", "MTU of pods; default: the smallest of the uplinks'").argParser(
    (text) => integer(text, 1280, 65_535),
  ),
  new Option("--bgp-port <port>", "TCP port to accept BGP on; 0 accepts none")
    .default(179)
    .argParser((text) => integer(text, 0, 65_535)),
  new Option("--log-level <level>", "lines below it are not written")
    .choices(logLevels)
    .default("info"),
];

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(`want an integer from ${min} to ${max}`);
  }
  return value;
}
