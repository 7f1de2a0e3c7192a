/**
 * A node between pods and a small fabric, in unnamed network namespaces that end with the test:
 *
 *     pod1 ─┐        ┌─ up1 ── leaf1 ─┐
 *     pod2 ─┤  node  │                ├─ outside (203.0.113.1, 2001:db8::1)
 *     ...   ┘        └─ up2 ── leaf2 ─┘
 *
 * The node's default routes go over both leaves; the leaves send the node's blocks to it.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { localMac, parseIp, parsePrefix, parseVrfId } from "@heddle/inet";
import { createNetns, type Fd, withNetns } from "@heddle/native";
import type { NodeInterfaces, PodInterface } from "../dataplane.ts";

export const blocks: NonNullable<NodeInterfaces["blocks"]> = [
  { vrf: parseVrfId(0), prefix: parsePrefix("10.244.0.0/26") },
  { vrf: parseVrfId(0), prefix: parsePrefix("fd00:10:244::/122") },
];

export const nodeInterfaces: NodeInterfaces = { uplinks: ["up1", "up2"], podPrefixes: [], blocks };

export const outside = { ip4: "203.0.113.1", ip6: "2001:db8::1" } as const;
export const nodeAddress = { ip4: "192.0.2.1", ip6: "fd00:2::1" } as const;

/** What a command left behind. */
export interface Ran {
  readonly status: number;
  readonly output: string;
}

export class Topology implements Disposable {
  readonly node: Fd;
  readonly leaf1: Fd;
  readonly leaf2: Fd;
  readonly outside: Fd;
  /** A directory for the node's bpf file system. */
  readonly bpffsPath: string;
  readonly #owned = new DisposableStack();
  readonly #directory: string;

  constructor() {
    const make = (): Fd => this.#owned.use(createNetns());
    [this.node, this.leaf1, this.leaf2, this.outside] = [make(), make(), make(), make()];
    this.#directory = mkdtempSync(path.join(tmpdir(), "ht-"));
    this.bpffsPath = path.join(this.#directory, "bpf");
    try {
      this.#build();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    // Fails where nothing is mounted: the test ended before the data plane was set up.
    spawnSync("umount", ["-q", this.bpffsPath]);
    rmSync(this.#directory, { recursive: true, force: true });
    this.#owned.dispose();
  }

  /** A namespace for a pod; it ends with the topology. */
  pod(): Fd {
    return this.#owned.use(createNetns());
  }

  #build(): void {
    for (const netns of [this.node, this.leaf1, this.leaf2, this.outside]) {
      inNetns(netns, "ip", "link", "set", "lo", "up");
      // A router without a link-local address, as during duplicate detection, solicits no neighbor.
      inNetns(netns, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0");
    }
    const leaves = [this.leaf1, this.leaf2];
    for (const [index, leaf] of leaves.entries()) this.#buildLeaf(index + 1, leaf);
    const { ip4, ip6 } = nodeAddress;
    batch(this.node, [
      `addr add ${ip4}/32 dev lo`,
      `addr add ${ip6}/128 dev lo nodad`,
      "route add default src 192.0.2.1 proto bgp nexthop via 172.16.1.1 nexthop via 172.16.2.1",
      "route add ::/0 src fd00:2::1 proto bgp nexthop via fd00:16:1::1 nexthop via fd00:16:2::1",
    ]);
    batch(this.outside, [
      `addr add ${outside.ip4}/32 dev lo`,
      `addr add ${outside.ip6}/128 dev lo nodad`,
      ...["10.244.0.0/16", "192.0.2.1/32"].map(
        (prefix) =>
          `route add ${prefix} src ${outside.ip4} nexthop via 172.20.1.1 nexthop via 172.20.2.1`,
      ),
      ...["fd00:10:244::/48", "fd00:2::1/128"].map(
        (prefix) =>
          `route add ${prefix} src ${outside.ip6} ` +
          "nexthop via fd00:20:1::1 nexthop via fd00:20:2::1",
      ),
    ]);
  }

  /** Joins a leaf to the node (as `up<n>`) and to the outside (as `x<n>`). */
  #buildLeaf(n: number, leaf: Fd): void {
    const pathOf = (netns: Fd): string => `/proc/${process.pid}/fd/${netns.number}`;
    inNetns(leaf, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
    batch(leaf, [
      `link add south type veth peer name up${n} netns ${pathOf(this.node)}`,
      `link add north type veth peer name x${n} netns ${pathOf(this.outside)}`,
      "link set south up",
      "link set north up",
      `addr add 172.16.${n}.1/31 dev south`,
      `addr add fd00:16:${n}::1/127 dev south nodad`,
      `addr add 172.20.${n}.1/31 dev north`,
      `addr add fd00:20:${n}::1/127 dev north nodad`,
    ]);
    batch(this.node, [
      `link set up${n} up`,
      `addr add 172.16.${n}.0/31 dev up${n}`,
      `addr add fd00:16:${n}::/127 dev up${n} nodad`,
    ]);
    batch(this.outside, [
      `link set x${n} up`,
      `addr add 172.20.${n}.0/31 dev x${n}`,
      `addr add fd00:20:${n}::/127 dev x${n} nodad`,
    ]);
    batch(leaf, [
      `route add 10.244.0.0/16 via 172.16.${n}.0`,
      `route add 192.0.2.1/32 via 172.16.${n}.0`,
      `route add fd00:10:244::/48 via fd00:16:${n}::`,
      `route add fd00:2::1/128 via fd00:16:${n}::`,
      `route add ${outside.ip4}/32 via 172.20.${n}.0`,
      `route add ${outside.ip6}/128 via fd00:20:${n}::`,
    ]);
  }
}

/** The `index`-th pod of the node, in `netns`. */
export function podInterface(netns: Fd, index: number, vrf = 0): PodInterface {
  return {
    netnsPath: `/proc/${process.pid}/fd/${netns.number}`,
    ifname: "eth0",
    hostIfname: `hv${index}`,
    mac: localMac(index),
    hostMac: localMac(256 + index),
    mtu: 1500,
    vrf: parseVrfId(vrf),
    addresses: [parseIp(`10.244.0.${index}`), parseIp(`fd00:10:244::${index}`)],
    infrastructureAddresses: [],
  };
}

/** Runs a command in `netns` and returns its output. @throws when it fails */
export function inNetns(netns: Fd, command: string, ...args: string[]): string {
  return withNetns(netns, () => execFileSync(command, args, { encoding: "utf8" }));
}

/** Runs `ip` commands. */
export function batch(netns: Fd, lines: readonly string[]): void {
  const input = `${lines.join("\n")}\n`;
  withNetns(netns, () =>
    execFileSync("ip", ["-batch", "-"], { input, stdio: ["pipe", "ignore", "inherit"] }),
  );
}

/** Starts a command in `netns`; resolves when it ends, also when it fails. */
export function startIn(netns: Fd, command: string, ...args: string[]): Promise<Ran> {
  const child = withNetns(netns, () => spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] }));
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code === null ? -1 : code, output }));
  });
}

/** A few quick pings; resolves with what ping printed. */
export function ping(netns: Fd, target: string, ...options: string[]): Promise<Ran> {
  return startIn(netns, "ping", "-n", "-c", "3", "-i", "0.02", "-W", "2", ...options, target);
}
