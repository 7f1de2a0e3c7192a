/** Calls CNI plugins as a container runtime does (CNI specification 1.1, sections 2 and 4). */
import path from "node:path";
import type { Device } from "../device/device.ts";
import type { PodRecord } from "./pod-runtime.ts";
import { PodStartError } from "./pod-runtime.ts";

/** A network configuration list (`*.conflist`), as its JSON. */
export interface CniNetworkList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (Readonly<Record<string, unknown>> & { readonly type: string })[];
}

export interface CniRuntimeOptions {
  readonly network: CniNetworkList;
  /** Directories with plugins, as the node sees them. */
  readonly path: readonly string[];
}

/** The result of the last plugin of a chain. */
export type CniDocument = Readonly<Record<string, unknown>>;

const ifname = "eth0";
const callLimitMs = 75_000;

/** Runs the chain in order; each plugin sees the result of the one before. @throws PodStartError */
export async function cniAdd(
  node: Device,
  options: CniRuntimeOptions,
  record: PodRecord,
): Promise<CniDocument> {
  let previous: CniDocument | undefined;
  for (const plugin of options.network.plugins) {
    const text = await call(node, options, record, "ADD", plugin, previous);
    previous = parseDocument("ADD", plugin.type, text);
  }
  if (previous === undefined) throw new PodStartError("the CNI network has no plugin");
  return previous;
}

/** Runs the chain backwards. @throws PodStartError */
export async function cniDel(
  node: Device,
  options: CniRuntimeOptions,
  record: PodRecord,
  result: CniDocument | undefined,
): Promise<void> {
  for (const plugin of [...options.network.plugins].reverse()) {
    await call(node, options, record, "DEL", plugin, result);
  }
}

/** Addresses of the pod's own interface, IPv4 first, without their prefix lengths. */
export function addressesOf(result: CniDocument): string[] {
  const { ips } = result as { readonly ips?: readonly { readonly address?: string }[] };
  if (ips === undefined) throw new PodStartError("the CNI result has no addresses");
  const addresses = ips.map(({ address }) => String(address).split("/")[0] as string);
  return addresses.sort((a, b) => Number(a.includes(":")) - Number(b.includes(":")));
}

async function call(
  node: Device,
  { network, path: directories }: CniRuntimeOptions,
  record: PodRecord,
  command: "ADD" | "DEL",
  plugin: CniNetworkList["plugins"][number],
  previous: CniDocument | undefined,
): Promise<string> {
  const { cniVersion, name } = network;
  const prevResult = previous === undefined ? {} : { prevResult: previous };
  const { stdout, stderr, exitCode } = await node.run([programOf(plugin.type, directories)], {
    input: JSON.stringify({ ...plugin, cniVersion, name, ...prevResult }),
    env: environmentOf(record, command, directories),
    timeoutMs: callLimitMs,
    allowFailure: true,
  });
  if (exitCode === 0) return stdout;
  throw new PodStartError(`CNI ${command} by ${plugin.type}: ${explain(stdout, stderr)}`);
}

/** The first directory that has it decides; with one directory there is nothing to look up. */
function programOf(type: string, directories: readonly string[]): string {
  const [first] = directories;
  if (first === undefined) throw new PodStartError("CNI_PATH is empty");
  return path.join(first, path.basename(type));
}

function environmentOf(
  record: PodRecord,
  command: string,
  directories: readonly string[],
): Record<string, string> {
  const args = {
    IgnoreUnknown: "1",
    K8S_POD_NAMESPACE: record.namespace,
    K8S_POD_NAME: record.name,
    K8S_POD_INFRA_CONTAINER_ID: record.containerId,
    K8S_POD_UID: record.uid,
  };
  const pairs = Object.entries(args).map(([key, value]) => `${key}=${value}`);
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: command,
    CNI_CONTAINERID: record.containerId,
    CNI_NETNS: `/run/netns/${record.netns}`,
    CNI_IFNAME: ifname,
    CNI_ARGS: pairs.join(";"),
    CNI_PATH: directories.join(":"),
  };
}

function parseDocument(command: string, type: string, text: string): CniDocument {
  try {
    return JSON.parse(text) as CniDocument;
  } catch (cause) {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new PodStartError(`CNI ${command} by ${type} answered ${shown}, want JSON`, { cause });
  }
}

/** Plugins print an error document on stdout: {code, msg, details}. */
function explain(stdout: string, stderr: string): string {
  try {
    const { code, msg, details } = JSON.parse(stdout) as Record<string, unknown>;
    return [`error ${code}: ${msg}`, details].filter((part) => part !== undefined).join(": ");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return stderr.trim() === "" ? "no explanation" : stderr.trim().slice(-300);
  }
}
