/**
 * A node of the fabric played by FRR: it announces what it is told to, and has the addresses on its
 * loopback.
 */
import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  defaultTools,
  execInDevice,
  labPaths,
  processInDevice,
  spawnInNode,
  stopInDevice,
} from "@heddle/lab";

export interface StandIn {
  readonly name: string;
  readonly routerId: string;
  readonly asn: number;
  readonly leaves: readonly string[];
  readonly prefixes: readonly string[];
  /** On the loopback interface: what answers inside the prefixes. */
  readonly addresses: readonly string[];
}

const daemons = ["zebra", "bfdd", "bgpd"] as const;

export class StandInNode {
  readonly #stateDir: string;
  readonly it: StandIn;

  constructor(stateDir: string, it: StandIn) {
    this.#stateDir = stateDir;
    this.it = it;
  }

  /** Starts FRR and the echo server; FRR alone after {@link crash}. */
  async start(): Promise<void> {
    const { name, addresses } = this.it;
    const options = { stateDir: this.#stateDir };
    for (const address of addresses) {
      await execInDevice(name, ["ip", "address", "replace", address, "dev", "lo"], options);
    }
    const run = this.#directory();
    this.#write(path.join(run, "frr.conf"), this.#configuration());
    this.#write(path.join(run, "vtysh.conf"), "");
    for (const daemon of daemons) await this.#startDaemon(daemon, run);
    await execInDevice(name, ["vtysh", "--config_dir", "/run/frr", "-b"], options);
    if (processInDevice(name, "echo", options) !== undefined) return;
    spawnInNode(name, [defaultTools.echo, "8080", "7"], { ...options, ...this.#log("echo") });
  }

  /** SIGKILL to the routing daemons but zebra, as when an agent dies: kernel routes stay. */
  async crash(): Promise<void> {
    for (const daemon of ["bgpd", "bfdd"]) {
      const record = processInDevice(this.it.name, daemon, { stateDir: this.#stateDir });
      if (record !== undefined) process.kill(record.pid, "SIGKILL");
    }
  }

  async stop(): Promise<void> {
    const options = { stateDir: this.#stateDir };
    for (const daemon of [...daemons].reverse()) await stopInDevice(this.it.name, daemon, options);
  }

  async vtysh(...commands: string[]): Promise<string> {
    const argv = ["vtysh", ...commands.flatMap((command) => ["-c", command])];
    return (await execInDevice(this.it.name, argv, { stateDir: this.#stateDir })).stdout;
  }

  async #startDaemon(daemon: string, run: string): Promise<void> {
    const options = { stateDir: this.#stateDir };
    if (processInDevice(this.it.name, daemon, options) !== undefined) return;
    const socket = path.join(run, daemon === "zebra" ? "zserv.api" : `${daemon}.vty`);
    rmSync(socket, { force: true });
    const argv = [`/usr/lib/frr/${daemon}`, "-P", "0", "-f", `/run/frr/${daemon}.conf`];
    spawnInNode(this.it.name, argv, { ...options, ...this.#log(daemon) });
    await until(`${daemon} of ${this.it.name} listens`, async () => existsSync(socket));
  }

  #log(label: string): { label: string; logFile: string } {
    const { logs } = labPaths(this.#stateDir).device(this.it.name);
    return { label, logFile: path.join(logs, `${label}.out`) };
  }

  #directory(): string {
    const directory = path.join(labPaths(this.#stateDir).device(this.it.name).run, "frr");
    mkdirSync(directory, { recursive: true });
    chownSync(directory, ...frrIds());
    return directory;
  }

  #write(file: string, text: string): void {
    writeFileSync(file, text);
    chownSync(file, ...frrIds());
  }

  #configuration(): string {
    const { name, asn, routerId, leaves, prefixes } = this.it;
    const family = (word: "ipv4" | "ipv6"): string[] => [
      ` address-family ${word} unicast`,
      ...leaves.map((leaf) => `  neighbor ${leaf} activate`),
      ...prefixes
        .filter((prefix) => prefix.includes(":") === (word === "ipv6"))
        .map((prefix) => `  network ${prefix}`),
      " exit-address-family",
    ];
    const lines = [
      "frr defaults datacenter",
      `hostname ${name}`,
      "bfd",
      " profile fast",
      "  receive-interval 300",
      "  transmit-interval 300",
      " exit",
      "exit",
      `router bgp ${asn}`,
      ` bgp router-id ${routerId}`,
      " no bgp ebgp-requires-policy",
      " no bgp network import-check",
      " no bgp default ipv4-unicast",
      " bgp graceful-restart",
      " bgp graceful-restart preserve-fw-state",
      " bgp graceful-restart restart-time 30",
      ...leaves.flatMap((leaf) => [
        ` neighbor ${leaf} remote-as 65201`,
        ` neighbor ${leaf} bfd profile fast`,
        ` neighbor ${leaf} timers connect 1`,
      ]),
      ...family("ipv4"),
      ...family("ipv6"),
      "exit",
    ];
    return `${lines.join("\n")}\n`;
  }
}

function frrIds(): [number, number] {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("frr:"));
  const fields = (line as string).split(":");
  return [Number(fields[2]), Number(fields[3])];
}

/** Polls until `condition` holds; the limit only ends a test that has failed. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) throw new Error(`never happened: ${what}`);
    await sleep(100);
  }
}
