/** Everything that an attachment leaves on a node while it exists, to compare before and after. */
import path from "node:path";
import type { LabFixture } from "./lab-fixture.ts";

/** Sorted texts, so that two of them compare with deepEqual. */
export interface NodeTraces {
  readonly interfaces: readonly string[];
  /** Routes to pods: protocol 72, over a pod's interface. */
  readonly routes: readonly string[];
  readonly neighbours: readonly string[];
  /** `vifs KEY`, `routes4 KEY`, `routes6 KEY` of the eBPF tables. */
  readonly tableEntries: readonly string[];
  /** From the agent's journal. */
  readonly allocations: readonly string[];
  /** Port objects of the node. */
  readonly ports: readonly string[];
}

/**
 * First byte of the keys of pods: 32 bits of VRF and the whole address. Blocks come and go with the
 * node's supply, not with a pod.
 */
const hostKeyBits: Readonly<Record<string, number>> = { routes4: 64, routes6: 160 };

const podInterface = /^hv[0-9a-f]{11}$/;

export async function nodeTraces(fixture: LabFixture, node: string): Promise<NodeTraces> {
  const ip = async (...args: string[]): Promise<readonly Record<string, unknown>[]> =>
    JSON.parse(await fixture.inDevice(node, "ip", "-json", ...args)) as Record<string, unknown>[];
  const ofPods = (rows: readonly Record<string, unknown>[]): string[] =>
    rows
      .filter(({ dev }) => podInterface.test(String(dev)))
      .map(({ dst, dev }) => `${dst} ${dev}`)
      .sort();
  const links = (await ip("link")).map(({ ifname }) => String(ifname));
  const route = ["route", "show", "table", "all", "proto", "72"];
  return {
    interfaces: links.filter((name) => podInterface.test(name)).sort(),
    routes: [...ofPods(await ip("-4", ...route)), ...ofPods(await ip("-6", ...route))],
    neighbours: ofPods(await ip("neigh", "show", "nud", "permanent")),
    tableEntries: await tableEntries(fixture, node),
    allocations: await allocations(fixture, node),
    ports: await ports(fixture, node),
  };
}

async function tableEntries(fixture: LabFixture, node: string): Promise<string[]> {
  const argv = ["find", "/sys/fs/bpf/heddle", "-name", "vifs", "-o", "-name", "routes[46]"];
  const pins = (await fixture.inDevice(node, ...argv)).trim().split("\n");
  const entries: string[] = [];
  for (const pin of pins) {
    const text = await fixture.inDevice(node, "bpftool", "-j", "map", "dump", "pinned", pin);
    const table = path.basename(pin);
    for (const { key } of JSON.parse(text) as { key: readonly string[] }[]) {
      const bits = hostKeyBits[table];
      if (bits === undefined || Number(key[0]) === bits) entries.push(`${table} ${key.join("")}`);
    }
  }
  return entries.sort();
}

async function allocations(fixture: LabFixture, node: string): Promise<string[]> {
  const { exitCode, stdout, stderr } = await fixture.heddle(
    ...["-o", "json", "ipam", "show", "--allocations", "--node", node],
  );
  if (exitCode !== 0) throw new Error(stderr);
  const rows = JSON.parse(stdout) as { address: string; containerId: string }[];
  return rows.map(({ address, containerId }) => `${address} ${containerId}`).sort();
}

async function ports(fixture: LabFixture, node: string): Promise<string[]> {
  interface PortView {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly node: string };
  }
  const { items } = await fixture.get<{ items: readonly PortView[] }>("ports", "--all-namespaces");
  return items
    .filter(({ spec }) => spec.node === node)
    .map(({ metadata }) => metadata.name)
    .sort();
}
