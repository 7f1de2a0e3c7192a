/**
 * What an `ImportTable` tells, as kernel state of a host: MAC entries and floods in the FDBs of its
 * VXLAN devices, neighbors on its bridges, routes over the L3 VNI. One VRF, in the main table.
 */
import { formatIp, formatMac, formatPrefix } from "@heddle/inet";
import type { ImportChange, RouteHop, TunnelHop } from "@heddle/vpn";
import type { Host } from "../harness/lan.ts";
import { runIn } from "../harness/netns-process.ts";
import { bridgeName, vxlanName } from "./vpn-tenant.ts";

type Command = readonly [program: "bridge" | "ip", ...args: string[]];

/** Commands that make a change true, and those that take it back. */
interface Installed {
  readonly add: readonly Command[];
  readonly remove: readonly Command[];
}

const allZero = "00:00:00:00:00:00";

export class VpnKernel {
  readonly #host: Host;
  readonly #l2Vnis: ReadonlyMap<string, number>;
  readonly #installed: Map<string, Installed> = new Map();

  /** `l2Vnis` by the names of subnets. */
  constructor(host: Host, l2Vnis: ReadonlyMap<string, number>) {
    this.#host = host;
    this.#l2Vnis = l2Vnis;
  }

  async apply(changes: readonly ImportChange[]): Promise<void> {
    for (const change of changes) {
      const key = keyOf(change);
      for (const command of this.#installed.get(key)?.remove ?? []) await this.#run(command, true);
      this.#installed.delete(key);
      const installed = this.#stateOf(change);
      if (installed === undefined) continue;
      for (const command of installed.add) await this.#run(command, false);
      this.#installed.set(key, installed);
    }
  }

  /** An entry that the kernel has given up by itself, as a MAC address that moved, may be gone. */
  async #run([program, ...args]: Command, mayBeGone: boolean): Promise<void> {
    try {
      await runIn(this.#host.netns, program, args);
    } catch (error) {
      const isGone = error instanceof Error && /No such|Cannot find/.test(error.message);
      if (!mayBeGone || !isGone) throw error;
    }
  }

  #stateOf(change: ImportChange): Installed | undefined {
    if (change.value === undefined) return undefined;
    switch (change.kind) {
      case "mac": {
        const vni = this.#vniOf(change.subnet);
        return fdbEntry(formatMac(change.mac), vni, tunnelOf(change.value.hops[0], vni));
      }
      case "neighbor": {
        const bridge = bridgeName(this.#vniOf(change.subnet));
        return neighbor(formatIp(change.ip), formatMac(change.value.mac), bridge);
      }
      case "flood": {
        const vni = this.#vniOf(change.subnet);
        const ends = change.value.map((hop) => tunnelOf(hop, vni));
        return {
          add: ends.map((end) => ["bridge", "fdb", "append", ...flood(vni, end)]),
          remove: ends.map((end) => ["bridge", "fdb", "del", ...flood(vni, end)]),
        };
      }
      case "route":
        return this.#routeOver(formatPrefix(change.prefix), change.value.hops);
      case "segment":
        return undefined;
    }
  }

  /** Over an L2 VNI the neighbors of the subnet know the host (RFC 9135 6). */
  #routeOver(prefix: string, hops: readonly RouteHop[]): Installed {
    const [hop] = hops;
    const isAsymmetric = hop?.kind === "vxlan" && [...this.#l2Vnis.values()].includes(hop.vni);
    if (!isAsymmetric) return routeOverL3(prefix, hops);
    const on = [prefix, "dev", bridgeName(hop.vni), "proto", "bgp", "scope", "link"];
    return { add: [["ip", "route", "replace", ...on]], remove: [["ip", "route", "del", ...on]] };
  }

  #vniOf(subnet: string): number {
    const vni = this.#l2Vnis.get(subnet);
    if (vni === undefined) throw new Error(`subnet ${subnet} has no device`);
    return vni;
  }
}

function keyOf(change: ImportChange): string {
  switch (change.kind) {
    case "mac":
      return `mac ${change.subnet} ${change.mac}`;
    case "neighbor":
      return `neighbor ${change.subnet} ${change.ip}`;
    case "flood":
      return `flood ${change.subnet}`;
    case "route":
      return `route ${change.vrf} ${formatPrefix(change.prefix)}`;
    case "segment":
      return `segment ${change.esi}`;
  }
}

/** The end point of a tunnel with just that VNI, which the device puts in. */
function tunnelOf(hop: RouteHop | undefined, vni: number): string {
  if (hop?.kind !== "vxlan" || hop.vni !== vni) throw new Error(`no tunnel over VNI ${vni}`);
  return formatIp(hop.endpoint);
}

function flood(vni: number, end: string): string[] {
  return [allZero, "dev", vxlanName(vni), "dst", end, "self"];
}

/** In the bridge, which then does not flood, and in the VXLAN device. */
function fdbEntry(mac: string, vni: number, end: string): Installed {
  const on = [mac, "dev", vxlanName(vni)];
  return {
    add: [
      ["bridge", "fdb", "replace", ...on, "master", "dynamic", "extern_learn"],
      ["bridge", "fdb", "replace", ...on, "dst", end, "self", "static"],
    ],
    remove: [
      ["bridge", "fdb", "del", ...on, "dst", end, "self"],
      ["bridge", "fdb", "del", ...on, "master"],
    ],
  };
}

function neighbor(address: string, mac: string, bridge: string): Installed {
  const on = [address, "dev", bridge];
  return {
    add: [["ip", "neigh", "replace", ...on, "lladdr", mac, "nud", "noarp", "extern_learn"]],
    remove: [["ip", "neigh", "del", ...on]],
  };
}

/** RFC 9135 5: to the router of the other node, whose address stands for its MAC address. */
function routeOverL3(prefix: string, hops: readonly RouteHop[]): Installed {
  const tunnels = hops.filter((hop): hop is TunnelHop => "endpoint" in hop);
  const via: string[] = [];
  const add: Command[] = [];
  for (const hop of tunnels) {
    if (hop.kind !== "vxlan" || hop.innerMac === undefined) continue;
    const [end, mac] = [formatIp(hop.endpoint), formatMac(hop.innerMac)];
    // The kernel has no IPv6 routes over IPv4 next hops, but the mapped address does as well.
    const next = prefix.includes(":") ? `::ffff:${end}` : end;
    add.push(...fdbEntry(mac, hop.vni, end).add);
    add.push(...neighbor(next, mac, bridgeName(hop.vni)).add);
    via.push("nexthop", "via", next, "dev", bridgeName(hop.vni), "onlink");
  }
  if (via.length === 0) throw new Error(`no way to ${prefix} over VXLAN`);
  return {
    add: [...add, ["ip", "route", "replace", prefix, "proto", "bgp", ...via]],
    remove: [["ip", "route", "del", prefix, "proto", "bgp"]],
  };
}
