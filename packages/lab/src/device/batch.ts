/** Input of `ip -batch`: one command per line. Every word was checked when it was parsed. */
import type { Device } from "./device.ts";

/**
 * Runs the lines inside the device, in the named network namespace if one is given; stops at the
 * first error.
 */
export async function runBatch(
  device: Device,
  lines: readonly string[],
  netns?: string,
): Promise<void> {
  if (lines.length === 0) return;
  const options = netns === undefined ? {} : { netns };
  await device.run(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n`, ...options });
}

/** Names of the interfaces in the device's namespace or in one of its named ones. */
export async function interfacesOf(device: Device, netns?: string): Promise<Set<string>> {
  const options = netns === undefined ? {} : { netns };
  const { stdout } = await device.run(["ip", "-json", "link", "show"], options);
  return new Set((JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname));
}

/**
 * Names of the network namespaces that live inside the device: the VRFs of a switch, the pods of a
 * node.
 */
export async function netnsOf(device: Device): Promise<Set<string>> {
  const { stdout } = await device.run(["ip", "-json", "netns", "list"]);
  if (stdout.trim() === "") return new Set();
  return new Set((JSON.parse(stdout) as { name: string }[]).map(({ name }) => name));
}
