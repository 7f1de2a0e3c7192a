/**
 * One network with a namespace for each host: a bridge, 10.9.0.0/24 and fd09::/64. Names carry the
 * number of the process, so that runs do not meet.
 */
import { execFileSync } from "node:child_process";

/** A host on the network; addresses as text, the notation of daemons. */
export interface Host {
  /** Name of the namespace. */
  readonly netns: string;
  /** Path of the namespace. */
  readonly path: string;
  readonly ip4: string;
  readonly ip6: string;
  /** The link-local address of `ifname`. */
  readonly linkLocal: string;
  readonly ifname: string;
  readonly ifindex: number;
  /** The other end of `ifname`, at the bridge. */
  readonly port: string;
}

/** Names of namespaces and folders begin with it and the number of the process. */
export const namePrefix = "hiop";
const ifname = "eth0";
const bridge = "br0";

/** Runs ip(8) and gives its output. */
export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Runs commands of ip(8) in one process; the first that fails is the last. */
function ipBatch(netns: string, ...commands: string[]): void {
  const input = `${commands.join("\n")}\n`;
  execFileSync("ip", ["-n", netns, "-batch", "-"], { input, stdio: ["pipe", "ignore", "pipe"] });
}

let networkCount = 0;

export class Lan implements Disposable {
  readonly #prefix: string;
  readonly #switch: string;
  readonly #namespaces: string[] = [];
  #hostCount = 0;

  constructor() {
    networkCount += 1;
    this.#prefix = `${namePrefix}${process.pid}-${networkCount}`;
    this.#switch = this.#addNamespace("lan");
    ipBatch(
      this.#switch,
      `link add ${bridge} type bridge mcast_snooping 0`,
      `link set ${bridge} up`,
    );
  }

  addHost(name: string): Host {
    this.#hostCount += 1;
    const id = this.#hostCount;
    const netns = this.#addNamespace(name);
    const port = `port${id}`;
    const mac = `02:09:00:00:00:0${id}`;
    const [ip4, ip6, linkLocal] = [`10.9.0.${id}`, `fd09::${id}`, `fe80::9:${id}`];
    ip(
      ...["link", "add", ifname, "address", mac, "netns", netns, "type", "veth"],
      ...["peer", "name", port, "netns", this.#switch],
    );
    ip("-n", this.#switch, "link", "set", port, "master", bridge, "up");
    ipBatch(
      netns,
      `addr add ${ip4}/24 dev ${ifname}`,
      `addr add ${ip6}/64 dev ${ifname} nodad`,
      `link set ${ifname} addrgenmode none`,
      `link set ${ifname} up`,
      `addr add ${linkLocal}/64 dev ${ifname} nodad`,
    );
    const [link] = JSON.parse(ip("-n", netns, "-j", "link", "show", ifname));
    const path = `/run/netns/${netns}`;
    return { netns, path, ip4, ip6, linkLocal, ifname, ifindex: link.ifindex, port };
  }

  /** Takes the addresses that are not link-local from the host. */
  keepLinkLocal(host: Host): void {
    ip("-n", host.netns, "addr", "flush", "dev", host.ifname, "scope", "global");
  }

  /** Nothing passes from and to the host, although its own interface stays up. */
  disconnect(host: Host): void {
    ip("-n", this.#switch, "link", "set", host.port, "nomaster");
  }

  connect(host: Host): void {
    ip("-n", this.#switch, "link", "set", host.port, "master", bridge);
  }

  #addNamespace(name: string): string {
    const full = `${this.#prefix}-${name}`;
    ip("netns", "add", full);
    this.#namespaces.push(full);
    ip("-n", full, "link", "set", "lo", "up");
    return full;
  }

  [Symbol.dispose](): void {
    for (const netns of this.#namespaces.splice(0)) ip("netns", "del", netns);
  }
}
