/** The agent's command line. Everything else is in the API. */
import path from "node:path";
import type { BgpTlsFiles } from "@heddle/node";
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
  /** Directory of the node's certificate for BGP inside TLS. */
  readonly bgpTlsDir?: string;
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
  new Option(
    "--bgp-tls-dir <path>",
    "for BGP inside TLS: tls.crt, with the DNS name by which route servers know the node, tls.key, " +
      "and ca.crt, which signs the peers'; read again when they change",
  ),
  new Option("--log-level <level>", "lines below it are not written")
    .choices(logLevels)
    .default("info"),
];

/** The files of a Secret that holds a certificate, as cert-manager names them. */
export function bgpTlsFilesOf({ bgpTlsDir: directory }: AgentConfig): BgpTlsFiles | undefined {
  if (directory === undefined) return undefined;
  return {
    certificate: path.join(directory, "tls.crt"),
    key: path.join(directory, "tls.key"),
    authorities: path.join(directory, "ca.crt"),
  };
}

function integer(text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidArgumentError(`want an integer from ${min} to ${max}`);
  }
  return value;
}
