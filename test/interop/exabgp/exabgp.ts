/** ExaBGP, told through lines of text and heard through lines of JSON. */
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Announcement, Daemon, DaemonConfig, Path } from "../daemon.ts";
import { eventually } from "../harness/eventually.ts";
import type { Host } from "../harness/lan.ts";
import { Folder, NetnsProcess } from "../harness/netns-process.ts";
import { controlScript, type ExabgpFiles, exabgpConfig } from "./exabgp-config.ts";
import { type ExabgpEvent, pathsOf } from "./exabgp-paths.ts";

export class Exabgp implements Daemon {
  readonly name = "exabgp" as const;
  readonly host: Host;
  readonly #folder = new Folder();
  readonly #files: ExabgpFiles;
  /** What stands in front of a path that is given, which ExaBGP sends as it is. */
  readonly #ownAs: readonly number[];
  #process: NetnsProcess | undefined;

  private constructor(host: Host, config: DaemonConfig) {
    this.host = host;
    this.#ownAs = config.peers.every(({ asn }) => asn === config.asn) ? [] : [config.asn];
    this.#files = {
      commands: this.#folder.at("commands"),
      events: this.#folder.at("events"),
      script: this.#folder.at("control.sh"),
    };
    writeFileSync(this.#folder.at("exabgp.conf"), exabgpConfig(host, config, this.#files));
    writeFileSync(this.#files.script, controlScript(this.#files));
    writeFileSync(this.#files.commands, "");
    chmodSync(this.#folder.path, 0o777);
  }

  static async start(host: Host, config: DaemonConfig): Promise<Exabgp> {
    const exabgp = new Exabgp(host, config);
    try {
      await exabgp.#start();
      return exabgp;
    } catch (error) {
      await exabgp[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    writeFileSync(this.#files.events, "");
    const env = {
      ...{
        exabgp_daemon_user: "root",
        exabgp_tcp_bind: `${this.host.ip4} ${this.host.ip6}`,
        exabgp_tcp_port: "179",
      },
      ...{ exabgp_api_ack: "false", exabgp_api_cli: "false", exabgp_log_network: "true" },
      ...{ exabgp_daemon_drop: "false", exabgp_log_short: "true" },
    };
    const args = [this.#folder.at("exabgp.conf")];
    const child = new NetnsProcess(this.host.netns, "exabgp", args, env);
    this.#process = child;
    await eventually("exabgp runs its process", () => {
      if (!child.isRunning) throw new Error(`it has ended: ${child.output}`);
      if (!existsSync(this.#files.events)) throw new Error("no events yet");
    });
  }

  /** What it logged. */
  get log(): string {
    return this.#process?.output ?? "";
  }

  /** All events of the daemon's life. */
  events(): ExabgpEvent[] {
    return readFileSync(this.#files.events, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as ExabgpEvent);
  }

  command(line: string): void {
    appendFileSync(this.#files.commands, `${line}\n`);
  }

  async requireEstablished(peer: string): Promise<void> {
    const states = this.events().filter(
      ({ type, neighbor }) => type === "state" && neighbor?.address?.peer === peer,
    );
    const state = states.at(-1)?.neighbor?.state;
    if (state !== "up") throw new Error(`ExaBGP: ${peer} is ${state}: ${this.log.slice(-400)}`);
  }

  async paths(prefix: string): Promise<Path[]> {
    return pathsOf(this.events(), prefix);
  }

  async announce(route: Announcement): Promise<void> {
    const list = (name: string, values: readonly (string | number)[] | undefined): string =>
      values === undefined ? "" : `${name} [ ${values.join(" ")} ]`;
    const words = [
      `announce route ${route.prefix} next-hop ${route.nextHop ?? "self"}`,
      route.origin === undefined ? "" : `origin ${route.origin}`,
      list("as-path", route.asPath === undefined ? undefined : [...this.#ownAs, ...route.asPath]),
      route.med === undefined ? "" : `med ${route.med}`,
      list("community", route.communities),
      list("large-community", route.largeCommunities),
      list("extended-community", route.extendedCommunities?.map(extendedText)),
    ];
    this.command(words.filter((word) => word !== "").join(" "));
  }

  async withdraw(prefix: string): Promise<void> {
    this.command(`withdraw route ${prefix} next-hop self`);
  }

  async refresh(peer: string): Promise<void> {
    this.command(`neighbor ${peer} announce route-refresh ipv4 unicast`);
  }

  async shutdownPeer(peer: string, text: string): Promise<void> {
    this.command(`neighbor ${peer} teardown 2 "${text}"`);
  }

  async lastReset(): Promise<string> {
    return this.events()
      .map(({ neighbor }) => neighbor?.reason ?? "")
      .filter((reason) => reason !== "")
      .join("; ");
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.#start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

function extendedText(text: string): string {
  return text.replace(/^rt:/, "target:").replace(/^soo:/, "origin:");
}
