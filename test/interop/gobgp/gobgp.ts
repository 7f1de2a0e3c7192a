/** GoBGP: the daemon, asked and told by its command-line client. */
import { writeFileSync } from "node:fs";
import type { Announcement, Daemon, DaemonConfig, Path } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import type { Host } from "../harness/lan.ts";
import { Folder, NetnsProcess, runIn } from "../harness/netns-process.ts";
import { gobgpConfig } from "./gobgp-config.ts";
import { type GobgpPath, pathOf } from "./gobgp-paths.ts";

const established = 6;
const states = ["unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

interface GobgpNeighbor {
  readonly state?: { readonly session_state?: number; readonly neighbor_address?: string };
  readonly [field: string]: unknown;
}

export class Gobgp implements Daemon {
  readonly name = "gobgp" as const;
  readonly host: Host;
  readonly #folder = new Folder();
  readonly #own: Map<string, Announcement> = new Map();
  readonly #graceful: boolean;
  #process: NetnsProcess | undefined;

  private constructor(host: Host, config: DaemonConfig) {
    this.host = host;
    this.#graceful = config.gracefulRestart !== undefined;
    writeFileSync(this.#folder.at("gobgpd.toml"), gobgpConfig(host, config));
  }

  static async start(host: Host, config: DaemonConfig): Promise<Gobgp> {
    const gobgp = new Gobgp(host, config);
    try {
      await gobgp.#start();
      return gobgp;
    } catch (error) {
      await gobgp[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(recover = false): Promise<void> {
    const args = ["-f", this.#folder.at("gobgpd.toml"), "--pprof-disable", "-l", "debug", "-p"];
    args.push("--api-hosts", "127.0.0.1:50051", ...(recover ? ["-r"] : []));
    const child = new NetnsProcess(this.host.netns, "gobgpd", args);
    this.#process = child;
    await eventually("gobgpd answers", async () => {
      if (!child.isRunning) throw new Error(`it has ended: ${child.output}`);
      await this.run("global");
    });
  }

  /** What it logged. */
  get log(): string {
    return this.#process?.output ?? "";
  }

  run(...args: string[]): Promise<string> {
    return runIn(this.host.netns, "gobgp", args);
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.run(...args, "-j")) as T;
  }

  neighbor(peer: string): Promise<GobgpNeighbor> {
    return this.json<GobgpNeighbor>("neighbor", peer);
  }

  async requireEstablished(peer: string): Promise<void> {
    const state = (await this.neighbor(peer)).state?.session_state ?? 0;
    if (state !== established) throw new Error(`GoBGP: ${peer} is ${states[state]}`);
  }

  /** All paths of a family by their NLRI, as `gobgp global rib -a` has them. */
  async table(family: string): Promise<Readonly<Record<string, readonly GobgpPath[]>>> {
    const said = await this.run("global", "rib", "-a", family, "-j");
    return said.trim() === "" ? {} : JSON.parse(said);
  }

  async paths(prefix: string): Promise<Path[]> {
    const table = await this.table(prefix.includes(":") ? "ipv6" : "ipv4");
    return (table[prefix] ?? []).map(pathOf);
  }

  async announce(route: Announcement): Promise<void> {
    this.#own.set(route.prefix, route);
    const family = route.prefix.includes(":") ? "ipv6" : "ipv4";
    const list = (name: string, values: readonly (string | number)[] | undefined): string[] =>
      values === undefined || values.length === 0 ? [] : [name, values.join(",")];
    const args = [
      ...["global", "rib", "add", "-a", family, route.prefix],
      ...list("nexthop", route.nextHop === undefined ? undefined : [route.nextHop]),
      ...list("origin", route.origin === undefined ? undefined : [route.origin]),
      ...list("aspath", route.asPath),
      ...list("med", route.med === undefined ? undefined : [route.med]),
      ...list("community", route.communities),
      ...list("large-community", route.largeCommunities),
    ];
    if (route.extendedCommunities !== undefined) {
      await this.#addOnExport(route.prefix, route.extendedCommunities);
    }
    await this.run(...args);
  }

  /** The client takes no extended communities with a unicast route, so a policy adds them. */
  async #addOnExport(prefix: string, communities: readonly string[]): Promise<void> {
    const name = `extended-${prefix}`;
    const statement = ["policy", "statement", name];
    await this.run("policy", "prefix", "add", name, prefix);
    await this.run("policy", "statement", "add", name);
    await this.run(...statement, "add", "condition", "prefix", name);
    await this.run(...statement, "add", "action", "ext-community", "add", ...communities);
    await this.run(...statement, "add", "action", "accept");
    await this.run("policy", "add", name, name);
    await this.run("global", "policy", "export", "add", name, "default", "accept");
  }

  /** Routes that carry GRACEFUL_SHUTDOWN get LOCAL_PREF 1 from now on (RFC 8326): 0 is no value. */
  async yieldToGracefulShutdown(): Promise<void> {
    const name = "graceful-shutdown";
    const statement = ["policy", "statement", name, "add"];
    await this.run("policy", "community", "add", name, "65535:0");
    await this.run("policy", "statement", "add", name);
    await this.run(...statement, "condition", "community", name);
    await this.run(...statement, "action", "local-pref", "1");
    await this.run(...statement, "action", "accept");
    await this.run("policy", "add", name, name);
    await this.run("global", "policy", "import", "add", name, "default", "accept");
  }

  async withdraw(prefix: string): Promise<void> {
    this.#own.delete(prefix);
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    await this.run("global", "rib", "del", "-a", family, prefix);
  }

  async refresh(peer: string): Promise<void> {
    await this.run("neighbor", peer, "softresetin");
  }

  async shutdownPeer(peer: string, text: string): Promise<void> {
    await this.run("neighbor", peer, "shutdown", "--reason", text);
  }

  lastReset(_peer: string): Promise<string> {
    const lines = this.log.split("\n").filter((line) => /notification|Communication/i.test(line));
    return Promise.resolve(lines.slice(-4).join("; "));
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#start(this.#graceful);
    for (const route of this.#own.values()) await this.announce(route);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
