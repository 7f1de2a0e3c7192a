/** FRR: zebra and bgpd, bfdd when a peer has BFD, with sockets and files in a folder of its own. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import type { Announcement, Daemon, DaemonConfig, Path } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import type { Host } from "../harness/lan.ts";
import { Folder, NetnsProcess, runIn } from "../harness/netns-process.ts";
import { frrConfig } from "./frr-config.ts";
import { type FrrPath, pathOf } from "./frr-paths.ts";

type FrrDaemon = "zebra" | "bfdd" | "bgpd";

export class Frr implements Daemon {
  readonly name = "frr" as const;
  readonly host: Host;
  readonly #asn: number;
  readonly #folder = new Folder();
  readonly #daemons: readonly FrrDaemon[];
  readonly #running: Map<FrrDaemon, NetnsProcess> = new Map();
  #mapCount = 0;

  private constructor(host: Host, config: DaemonConfig) {
    this.host = host;
    this.#asn = config.asn;
    const usesBfd = config.peers.some((peer) => peer.bfd === true);
    this.#daemons = usesBfd ? ["zebra", "bfdd", "bgpd"] : ["zebra", "bgpd"];
    writeFileSync(this.#folder.at("frr.conf"), frrConfig(host, config));
    execFileSync("chown", ["-R", "frr:frr", this.#folder.path]);
    chmodSync(this.#folder.path, 0o755);
  }

  static async start(host: Host, config: DaemonConfig): Promise<Frr> {
    const frr = new Frr(host, config);
    try {
      for (const daemon of frr.#daemons) await frr.startDaemon(daemon);
      return frr;
    } catch (error) {
      await frr[Symbol.asyncDispose]();
      throw error;
    }
  }

  async startDaemon(daemon: FrrDaemon): Promise<void> {
    const at = (file: string): string => this.#folder.at(file);
    const own: Readonly<Record<FrrDaemon, string[]>> = {
      bfdd: ["--bfdctl", at("bfdd.sock")],
      zebra: ["-s", "8388608"],
      bgpd: ["-M", "bgpd_bmp"],
    };
    const args = ["-f", at("frr.conf"), "-i", at(`${daemon}.pid`), "-z", at("zserv.sock")];
    args.push("--vty_socket", this.#folder.path, "-P", "0", "--log", "stdout", ...own[daemon]);
    const child = new NetnsProcess(this.host.netns, `/usr/lib/frr/${daemon}`, args);
    this.#running.set(daemon, child);
    await eventually(`${daemon} answers`, async () => {
      if (!child.isRunning) throw new Error(`it has ended: ${child.output}`);
      await this.vtysh("show version", daemon);
    });
  }

  vtysh(command: string, daemon: FrrDaemon = "bgpd"): Promise<string> {
    const args = ["--vty_socket", this.#folder.path, "-d", daemon, "-c", command];
    return runIn(this.host.netns, "vtysh", args);
  }

  async json<T>(command: string, daemon: FrrDaemon = "bgpd"): Promise<T> {
    return JSON.parse(await this.vtysh(`${command} json`, daemon)) as T;
  }

  /** @throws Error when FRR does not take a line */
  configure(...lines: string[]): Promise<void> {
    return this.configureDaemon("bgpd", ...lines);
  }

  async configureDaemon(daemon: FrrDaemon, ...lines: string[]): Promise<void> {
    const commands = ["configure terminal", ...lines].flatMap((line) => ["-c", line]);
    const args = ["--vty_socket", this.#folder.path, "-d", daemon, ...commands];
    const said = await runIn(this.host.netns, "vtysh", args);
    if (/^%/m.test(said)) throw new Error(`Cannot configure FRR: ${said}`);
  }

  async neighbor(peer: string): Promise<Readonly<Record<string, unknown>>> {
    type Neighbors = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    const found = (await this.json<Neighbors>(`show bgp neighbors ${peer}`))[peer];
    if (found === undefined) throw new Error(`FRR has no neighbor ${peer}`);
    return found;
  }

  async requireEstablished(peer: string): Promise<void> {
    const { bgpState } = await this.neighbor(peer);
    if (bgpState !== "Established") throw new Error(`FRR: ${peer} is ${bgpState}`);
  }

  async frrPaths(prefix: string): Promise<readonly FrrPath[]> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    type Shown = { readonly paths?: readonly FrrPath[] };
    return (await this.json<Shown>(`show bgp ${family} unicast ${prefix}`)).paths ?? [];
  }

  async paths(prefix: string): Promise<Path[]> {
    return (await this.frrPaths(prefix)).map(pathOf);
  }

  async announce(route: Announcement): Promise<void> {
    this.#mapCount += 1;
    const map = `announce-${this.#mapCount}`;
    const set = (what: string, values: readonly string[] | undefined): string =>
      values === undefined ? "" : `set ${what} ${values.join(" ")}`;
    const { med, origin, nextHop, asPath, extendedCommunities = [] } = route;
    const named = (name: string): string[] | undefined => {
      const found = extendedCommunities.filter((text) => text.startsWith(`${name}:`));
      return found.length === 0 ? undefined : found.map((text) => text.slice(name.length + 1));
    };
    const hop = route.prefix.includes(":") ? "ipv6 next-hop global" : "ip next-hop";
    const lines = [
      `route-map ${map} permit 10`,
      set("community", route.communities),
      set("large-community", route.largeCommunities),
      set("extcommunity rt", named("rt")),
      set("extcommunity soo", named("soo")),
      set("as-path prepend", asPath?.map(String)),
      set("metric", med === undefined ? undefined : [String(med)]),
      set("origin", origin === undefined ? undefined : [origin]),
      set(hop, nextHop === undefined ? undefined : [nextHop]),
      "exit",
      ...this.#network(`network ${route.prefix} route-map ${map}`, route.prefix),
    ];
    await this.configure(...lines.filter((line) => line !== ""));
  }

  async withdraw(prefix: string): Promise<void> {
    await this.configure(...this.#network(`no network ${prefix}`, prefix));
  }

  #network(line: string, prefix: string): string[] {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    return [`router bgp ${this.#asn}`, `address-family ${family} unicast`, line];
  }

  async refresh(peer: string): Promise<void> {
    await this.vtysh(`clear bgp ipv4 unicast ${peer} soft in`);
  }

  async shutdownPeer(peer: string, text: string): Promise<void> {
    const line = `neighbor ${peer} shutdown message ${text}`;
    await this.configure(`router bgp ${this.#asn}`, line);
  }

  async lastReset(peer: string): Promise<string> {
    const { lastShutdownDescription, lastResetDueTo, lastNotificationReason } =
      await this.neighbor(peer);
    return [lastResetDueTo, lastNotificationReason, lastShutdownDescription]
      .filter((text) => text !== undefined)
      .join("; ");
  }

  async kill(): Promise<void> {
    await this.#running.get("bgpd")?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.startDaemon("bgpd");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [...this.#running.values()].reverse()) {
      await daemon[Symbol.asyncDispose]();
    }
    this.#folder[Symbol.dispose]();
  }
}
