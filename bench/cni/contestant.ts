/** A CNI plugin with its node: how it is called, and what must be true after each call. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatIp, parseInterfaceAddress } from "@heddle/inet";
import { type Fd, withNetns } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import { assert } from "@heddle/std";
import { inNetns } from "../../packages/dataplane/src/testing/topology.ts";
import { ExecTimer, type Timed } from "./exec-timer.ts";
import type { PodNamespaces } from "./pod-namespaces.ts";

export interface Plugin {
  /** Names files and namespaces. */
  readonly name: string;
  readonly program: string;
  /** Network configuration. */
  readonly config: object;
  /** The node's network namespace. */
  readonly node: Fd;
  environment(index: number): Readonly<Record<string, string>>;
  /**
   * `given` maps every address that is in use to its pod. @throws when the node has more, less or
   * something else
   */
  verifyState(given: ReadonlyMap<string, number>): Promise<void>;
}

/** One pod in so many is pinged from its node. */
const pingEvery = 10;

/** One packet: the first after ADD should arrive, and the second must. */
const pingOptions = ["-n", "-q", "-c", "1", "-W", "1"];

interface Result {
  readonly ips: readonly { readonly address: string }[];
}

export class Contestant implements AsyncDisposable {
  readonly #plugin: Plugin;
  readonly #directory: string;
  readonly #timer: ExecTimer;
  readonly #namespaces: PodNamespaces;
  /** First packets to new pods that got no answer. */
  lostCount = 0;
  /** Every address in use, with the pod that has it. */
  readonly #given = new Map<string, number>();

  /** `directory` exists and is for files of this contestant alone; `namespaces` are borrowed. */
  constructor(plugin: Plugin, directory: string, namespaces: PodNamespaces) {
    this.#plugin = plugin;
    this.#directory = directory;
    writeFileSync(path.join(directory, "config.json"), JSON.stringify(plugin.config));
    this.#namespaces = namespaces;
    this.#timer = new ExecTimer(plugin.node);
  }

  /** The result is checked after the time was taken. */
  async add(index: number): Promise<Timed> {
    const timed = await this.#call("ADD", index);
    const { ips }: Result = JSON.parse(this.#output());
    const addresses = ips.map(({ address }) => formatIp(parseInterfaceAddress(address).address));
    this.#verifyAdded(index, addresses);
    return timed;
  }

  async del(index: number): Promise<Timed> {
    const timed = await this.#call("DEL", index);
    using netns = this.#namespaces.open(index);
    using rtnetlink = new Rtnetlink(netns);
    assert(rtnetlink.link({ name: "eth0" }) === undefined, "DEL removes the interface");
    for (const [address, pod] of this.#given) if (pod === index) this.#given.delete(address);
    return timed;
  }

  /** @throws when the node does not have exactly what ADDs and DELs have left */
  async verifyState(): Promise<void> {
    await this.#plugin.verifyState(this.#given);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#timer[Symbol.asyncDispose]();
  }

  async #call(command: "ADD" | "DEL", index: number): Promise<Timed> {
    const { program, name } = this.#plugin;
    const timed = await this.#timer.run({
      program,
      stdinFile: path.join(this.#directory, "config.json"),
      stdoutFile: path.join(this.#directory, "result.json"),
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: `${name}-${index}`,
        CNI_NETNS: this.#namespaces.path(index),
        CNI_IFNAME: "eth0",
        CNI_PATH: path.dirname(program),
        ...this.#plugin.environment(index),
      },
    });
    const isDone = timed.status === 0;
    assert(isDone, `${command} of ${name} ended with ${timed.status}: ${this.#output()}`);
    return timed;
  }

  #output(): string {
    return readFileSync(path.join(this.#directory, "result.json"), "utf8");
  }

  #verifyAdded(index: number, addresses: readonly string[]): void {
    const families = addresses.map((address) => (address.includes(":") ? 6 : 4));
    assert(families.toSorted().join() === "4,6", `want two families, got ${addresses.join()}`);
    for (const address of addresses) {
      const other = this.#given.get(address);
      assert(other === undefined, `${address} of pod ${index} is that of pod ${other}`);
      this.#given.set(address, index);
    }
    using netns = this.#namespaces.open(index);
    using rtnetlink = new Rtnetlink(netns);
    const link = rtnetlink.link({ name: "eth0" });
    assert(link !== undefined, "ADD makes the interface");
    const found = rtnetlink
      .addresses({ ifindex: link.ifindex })
      .map(({ address }) => formatIp(address));
    for (const address of addresses) assert(found.includes(address), `eth0 has ${address}`);
    if (index % pingEvery !== 0) return;
    for (const address of addresses) this.#ping(address);
  }

  /** @throws when neither of two packets is answered */
  #ping(address: string): void {
    const { node } = this.#plugin;
    const { status } = withNetns(node, () => spawnSync("ping", [...pingOptions, address]));
    if (status === 0) return;
    this.lostCount += 1;
    inNetns(node, "ping", ...pingOptions, address);
  }
}
