/** BIRD, with its socket and configuration in a folder of its own. */
import { writeFileSync } from "node:fs";
import type { Announcement, Daemon, DaemonConfig, Path } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import type { Host } from "../harness/lan.ts";
import { Folder, NetnsProcess, runIn } from "../harness/netns-process.ts";
import { birdConfig, protocolName } from "./bird-config.ts";
import { pathOf, splitRoutes } from "./bird-paths.ts";

export class Bird implements Daemon {
  readonly name = "bird" as const;
  readonly host: Host;
  readonly #config: DaemonConfig;
  readonly #folder = new Folder();
  readonly #own: Map<string, Announcement> = new Map();
  #process: NetnsProcess | undefined;

  private constructor(host: Host, config: DaemonConfig) {
    this.host = host;
    this.#config = config;
  }

  static async start(host: Host, config: DaemonConfig): Promise<Bird> {
    const bird = new Bird(host, config);
    try {
      await bird.#start();
      return bird;
    } catch (error) {
      await bird[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(recover = false): Promise<void> {
    this.#write();
    const { path } = this.#folder;
    const args = ["-f", "-c", `${path}/bird.conf`, "-s", `${path}/bird.ctl`];
    args.push("-P", `${path}/bird.pid`, ...(recover ? ["-R"] : []));
    const child = new NetnsProcess(this.host.netns, "/usr/sbin/bird", args);
    this.#process = child;
    await eventually("bird answers", async () => {
      if (!child.isRunning) throw new Error(`it has ended: ${child.output}`);
      await this.birdc("show status");
    });
  }

  #write(): void {
    const text = birdConfig(this.host, this.#config, this.#own.values());
    writeFileSync(this.#folder.at("bird.conf"), text);
  }

  birdc(...command: string[]): Promise<string> {
    const args = ["-s", this.#folder.at("bird.ctl"), ...command];
    return runIn(this.host.netns, "birdc", args);
  }

  async #configure(): Promise<void> {
    this.#write();
    const said = await this.birdc("configure");
    if (!/Reconfigured|Reconfiguration in progress/.test(said)) {
      throw new Error(`Cannot configure BIRD: ${said}`);
    }
  }

  async requireEstablished(peer: string): Promise<void> {
    const said = await this.birdc("show", "protocols", "all", protocolName(peer));
    const state = /BGP state:\s+(.*)/.exec(said)?.[1];
    if (state !== "Established") throw new Error(`BIRD: ${peer} is ${state}: ${said}`);
  }

  /** The protocol as `show protocols all` has it. */
  protocol(peer: string): Promise<string> {
    return this.birdc("show", "protocols", "all", protocolName(peer));
  }

  async paths(prefix: string): Promise<Path[]> {
    return splitRoutes(await this.routes(prefix, "all")).map(pathOf);
  }

  /** `show route`; empty when there is none, which birdc takes for an error. */
  async routes(...what: string[]): Promise<string> {
    try {
      return await this.birdc("show", "route", ...what);
    } catch (error) {
      if (String((error as { stdout?: string }).stdout).includes("Network not found")) return "";
      throw error;
    }
  }

  async announce(route: Announcement): Promise<void> {
    this.#own.set(route.prefix, route);
    await this.#configure();
  }

  async withdraw(prefix: string): Promise<void> {
    this.#own.delete(prefix);
    await this.#configure();
  }

  async refresh(peer: string): Promise<void> {
    await this.birdc("reload", "in", protocolName(peer));
  }

  async shutdownPeer(peer: string, text: string): Promise<void> {
    await this.birdc("disable", protocolName(peer), `"${text}"`);
  }

  async lastReset(peer: string): Promise<string> {
    const said = await this.protocol(peer);
    const lines = said.split("\n").filter((line) => /Last error:|Message:/.test(line));
    return `${lines.map((line) => line.trim()).join("; ")} ${said.split("\n")[2]}`;
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#start(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}
