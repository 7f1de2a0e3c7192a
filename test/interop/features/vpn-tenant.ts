/** Tenants of a test: bridges with VXLAN devices on a host of the `Lan`, and hosts behind them. */
import { type Host, ip, namePrefix } from "../harness/lan.ts";
import { runIn } from "../harness/netns-process.ts";

export interface TenantBridge {
  readonly vni: number;
  /** Of the bridge itself: gateway or router MAC. */
  readonly mac?: string;
  /** Of the bridge itself, with its length. */
  readonly address?: string;
}

export function bridgeName(vni: number): string {
  return `br${vni}`;
}

export function vxlanName(vni: number): string {
  return `vxlan${vni}`;
}

/** A bridge and a VXLAN device in it that learns nothing: EVPN tells what is there. */
export function addBridge(host: Host, { address, mac, vni }: TenantBridge): void {
  const run = (...args: string[]): string => ip("-n", host.netns, ...args);
  const [bridge, vxlan] = [bridgeName(vni), vxlanName(vni)];
  run("link", "add", bridge, ...(mac === undefined ? [] : ["address", mac]), "type", "bridge");
  const kind = ["type", "vxlan", "id", `${vni}`, "dstport", "4789", "local", host.ip4];
  run("link", "add", vxlan, ...kind, "nolearning");
  run("link", "set", vxlan, "master", bridge, "addrgenmode", "none");
  run("link", "set", vxlan, "type", "bridge_slave", "neigh_suppress", "on", "learning", "off");
  if (address !== undefined) run("addr", "add", address, "dev", bridge);
  for (const link of [vxlan, bridge]) run("link", "set", link, "up");
}

/** Lets the host route between its bridges. */
export async function enableForwarding(host: Host): Promise<void> {
  const keys = ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"];
  for (const key of keys) await runIn(host.netns, "sysctl", ["-qw", key]);
}

export interface TenantAddress {
  readonly mac: string;
  /** With its length. */
  readonly address: string;
  readonly gateway?: string;
}

let tenantCount = 0;

/** A host with one interface, in a namespace of its own; `port` is the other end. */
export class TenantHost implements Disposable {
  readonly netns: string;
  readonly port: string;
  #at: Host;

  constructor(at: Host, vni: number, { address, gateway, mac }: TenantAddress) {
    tenantCount += 1;
    this.#at = at;
    this.netns = `${namePrefix}${process.pid}-tenant${tenantCount}`;
    this.port = `tenant${tenantCount}`;
    ip("netns", "add", this.netns);
    const own = ["link", "add", "eth0", "address", mac, "netns", this.netns, "type", "veth"];
    ip(...own, "peer", "name", this.port, "netns", at.netns);
    ip("-n", at.netns, "link", "set", this.port, "master", bridgeName(vni), "up");
    ip("-n", this.netns, "addr", "add", address, "dev", "eth0");
    // Without a link-local address, which FRR would learn at some time or other.
    ip("-n", this.netns, "link", "set", "eth0", "addrgenmode", "none");
    // Without a link-local address, which FRR would announce some time later.
    ip("-n", this.netns, "link", "set", "eth0", "addrgenmode", "none", "up");
    if (gateway !== undefined) ip("-n", this.netns, "route", "add", "default", "via", gateway);
  }

  /** Plugs the host into another bridge; it asks anew who its neighbors are. */
  moveTo(at: Host, vni: number): void {
    ip("-n", this.#at.netns, "link", "set", this.port, "netns", at.netns);
    ip("-n", at.netns, "link", "set", this.port, "master", bridgeName(vni), "up");
    ip("-n", this.netns, "neigh", "flush", "all");
    this.#at = at;
  }

  /** Gives the host an IPv6 address, with its length, and the other default gateway. */
  addIp6(address: string, gateway: string): void {
    ip("-n", this.netns, "addr", "add", address, "dev", "eth0", "nodad");
    ip("-n", this.netns, "route", "add", "default", "via", gateway);
  }

  /** Takes the host off its bridge. */
  unplug(): void {
    ip("-n", this.#at.netns, "link", "set", this.port, "down");
  }

  /** @throws Error when none of three packets is answered */
  async ping(address: string): Promise<void> {
    await runIn(this.netns, "ping", ["-n", "-c", "3", "-i", "0.3", "-W", "1", address]);
  }

  [Symbol.dispose](): void {
    ip("netns", "del", this.netns);
  }
}
