/**
 * Two network namespaces joined by a veth, with FRR in one of them when wanted. Everything goes on
 * disposal.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openNetns, withNetns } from "@heddle/native";

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Waits until `probe` gives something other than undefined or false; fails after `limitMs`. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false,
  limitMs = 20_000,
): Promise<T> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const value = probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > endMs) throw new Error(`Waited ${limitMs} ms in vain: ${what}`);
    await sleep(25);
  }
}

export class Lab implements AsyncDisposable {
  /** Names of the namespaces, by the names the test uses. */
  readonly #namespaces: Map<string, string> = new Map();
  readonly #daemons: Frr[] = [];

  /** The number in the names keeps runs on one machine apart. */
  addNamespace(name: string): void {
    const full = `ht-${process.pid}-${name}`;
    ip("netns", "add", full);
    this.#namespaces.set(name, full);
    ip("-n", full, "link", "set", "lo", "up");
  }

  link(a: string, b: string, addresses: { readonly a: string[]; readonly b: string[] }): void {
    const [ends, names] = [
      { a, b },
      { a: `to-${b}`, b: `to-${a}` },
    ];
    const left = ["link", "add", names.a, "netns", this.full(ends.a), "type", "veth"];
    ip(...left, "peer", "name", names.b, "netns", this.full(ends.b));
    for (const end of ["a", "b"] as const) {
      for (const address of addresses[end]) {
        const nodad = address.includes(":") ? ["nodad"] : [];
        ip("-n", this.full(ends[end]), "addr", "add", address, "dev", names[end], ...nodad);
      }
      ip("-n", this.full(ends[end]), "link", "set", names[end], "up");
    }
  }

  /** TCP buffers so small that what a peer does not read stays with the process that sent it. */
  limitSocketBuffers(name: string): void {
    using netns = openNetns(this.path(name));
    withNetns(netns, () => {
      for (const file of ["tcp_rmem", "tcp_wmem"]) {
        writeFileSync(`/proc/sys/net/ipv4/${file}`, "4096 65536 131072");
      }
    });
  }

  /** The namespace is a router. */
  forward(name: string): void {
    using netns = openNetns(this.path(name));
    withNetns(netns, () => writeFileSync("/proc/sys/net/ipv4/ip_forward", "1"));
  }

  full(name: string): string {
    const full = this.#namespaces.get(name);
    if (full === undefined) throw new Error(`no namespace ${name}`);
    return full;
  }

  path(name: string): string {
    return `/run/netns/${this.full(name)}`;
  }

  ip(name: string, ...args: string[]): string {
    return execFileSync("ip", ["-n", this.full(name), ...args], { encoding: "utf8" });
  }

  async frr(name: string, daemons: readonly string[], config: string): Promise<Frr> {
    const frr = new Frr(this.full(name), config);
    this.#daemons.push(frr);
    for (const daemon of daemons) await frr.start(daemon);
    return frr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const frr of this.#daemons) await frr[Symbol.asyncDispose]();
    for (const full of this.#namespaces.values()) ip("netns", "del", full);
  }
}

/** FRR daemons of one namespace, with sockets and files in a folder of their own. */
export class Frr implements AsyncDisposable {
  readonly #netns: string;
  readonly #folder: string;
  readonly #running: Map<string, ChildProcess> = new Map();

  constructor(netns: string, config: string) {
    this.#netns = netns;
    this.#folder = mkdtempSync(path.join(tmpdir(), "ht-frr-"));
    writeFileSync(path.join(this.#folder, "frr.conf"), config);
    execFileSync("chown", ["-R", "frr:frr", this.#folder]);
    chmodSync(this.#folder, 0o755);
  }

  async start(daemon: string, ...extra: string[]): Promise<void> {
    const at = (file: string): string => path.join(this.#folder, file);
    const own: Record<string, string[]> = {
      bfdd: ["--bfdctl", at("bfdd.sock")],
      zebra: ["-s", "8388608"],
      bgpd: [],
    };
    const args = ["netns", "exec", this.#netns, `/usr/lib/frr/${daemon}`, "-f", at("frr.conf")];
    args.push("-i", at(`${daemon}.pid`), "-z", at("zserv.sock"), "--vty_socket", this.#folder);
    args.push("-P", "0", "--log", "stdout", ...(own[daemon] ?? []), ...extra);
    const child = spawn("ip", args, { stdio: ["ignore", "ignore", "ignore"] });
    this.#running.set(daemon, child);
    await until(`${daemon} answers`, () => this.#answers(daemon));
  }

  #answers(daemon: string): boolean {
    try {
      this.vtysh(daemon, "show version");
      return true;
    } catch {
      return false;
    }
  }

  vtysh(daemon: string, command: string): string {
    const args = ["--vty_socket", this.#folder, "-d", daemon, "-c", command];
    return execFileSync("vtysh", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  json(daemon: string, command: string): Record<string, unknown> {
    return JSON.parse(this.vtysh(daemon, `${command} json`));
  }

  configure(daemon: string, ...lines: string[]): void {
    const commands = ["configure terminal", ...lines].flatMap((line) => ["-c", line]);
    execFileSync("vtysh", ["--vty_socket", this.#folder, "-d", daemon, ...commands], {
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  signal(daemon: string, signal: NodeJS.Signals): void {
    this.#running.get(daemon)?.kill(signal);
  }

  async kill(daemon: string): Promise<void> {
    const child = this.#running.get(daemon);
    this.#running.delete(daemon);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [...this.#running.keys()]) await this.kill(daemon);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
