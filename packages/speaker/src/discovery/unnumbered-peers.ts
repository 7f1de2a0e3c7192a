/**
 * The interfaces on which sessions run without configured addresses: discovers the router at the
 * other end of each and says what peer it makes.
 */
import type { Ifindex, Ip6 } from "@heddle/inet";
import { type Fd, Icmp6Socket, SystemError } from "@heddle/native";
import { Rtnetlink } from "@heddle/netlink";
import type { Clock, Log, Rng, Timer } from "@heddle/std";
import { defaultAdvertisementIntervalMs, type UnnumberedPeerConfig } from "../config.ts";
import { isLinkLocal } from "../peer/peer-key.ts";
import { RouterDiscovery } from "./router-discovery.ts";

/** Before an interface that cannot be used is tried again. */
const retryDelayMs = 5000;

export interface UnnumberedDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly netns: Fd | undefined;
}

/** The neighbour of an interface, and our own address there, which is our next hop. */
export interface FoundNeighbor {
  readonly address: Ip6;
  readonly own: Ip6;
}

export class UnnumberedPeers implements Disposable {
  readonly #deps: UnnumberedDeps;
  readonly #found: (config: UnnumberedPeerConfig, neighbor: FoundNeighbor) => void;
  readonly #running: Map<Ifindex, { config: UnnumberedPeerConfig; discovery: RouterDiscovery }> =
    new Map();
  #wanted: readonly UnnumberedPeerConfig[] = [];
  #retry: Timer | undefined;

  /** `found` is called with every advertisement. */
  constructor(
    deps: UnnumberedDeps,
    found: (config: UnnumberedPeerConfig, neighbor: FoundNeighbor) => void,
  ) {
    this.#deps = deps;
    this.#found = found;
  }

  /** Discovers on these interfaces and no others; one that is not there is tried again. */
  set(configs: readonly UnnumberedPeerConfig[]): void {
    this.#wanted = configs;
    const wanted = new Map(configs.map((config) => [config.ifindex, config]));
    for (const [ifindex, running] of this.#running) {
      const next = wanted.get(ifindex);
      const { advertisementIntervalMs } = running.config;
      if (next !== undefined && next.advertisementIntervalMs === advertisementIntervalMs) {
        running.config = next;
      } else {
        running.discovery[Symbol.dispose]();
        this.#running.delete(ifindex);
      }
    }
    this.#startAll();
  }

  #startAll(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    const { clock, log } = this.#deps;
    for (const config of this.#wanted) {
      if (this.#running.has(config.ifindex)) continue;
      try {
        this.#start(config);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        log.warn("cannot discover routers; it is tried again", { interface: config.name, error });
        this.#retry ??= clock.after(retryDelayMs, () => this.#startAll());
      }
    }
  }

  [Symbol.dispose](): void {
    this.#retry?.cancel();
    this.#wanted = [];
    for (const { discovery } of this.#running.values()) discovery[Symbol.dispose]();
    this.#running.clear();
  }

  #start(config: UnnumberedPeerConfig): void {
    const { clock, rng, log, netns } = this.#deps;
    const { ifindex, name, advertisementIntervalMs } = config;
    const discovery = new RouterDiscovery(
      ifindex,
      new Icmp6Socket(ifindex, netns),
      clock,
      rng,
      advertisementIntervalMs ?? defaultAdvertisementIntervalMs,
      (router) => this.#take(ifindex, router),
      (error) => log.warn("router discovery failed", { interface: name, error }),
    );
    this.#running.set(ifindex, { config, discovery });
  }

  #take(ifindex: Ifindex, router: Ip6): void {
    const running = this.#running.get(ifindex);
    const own = this.#ownAddressOf(ifindex);
    // Without an own address there is no next hop yet; the next advertisement comes.
    if (running !== undefined && own !== undefined) {
      this.#found(running.config, { address: router, own });
    }
  }

  #ownAddressOf(ifindex: Ifindex): Ip6 | undefined {
    using rtnetlink = new Rtnetlink(this.#deps.netns);
    for (const { address, ifindex: at } of rtnetlink.addresses()) {
      if (at === ifindex && typeof address === "bigint" && isLinkLocal(address)) return address;
    }
    return undefined;
  }
}
