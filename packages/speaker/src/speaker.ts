/**
 * The BGP speaker of a node or a reflector: TCP, timers and BFD around the pure engine of
 * @heddle/bgp. One event loop drives all sessions and the RIB in bounded pieces; BFD has a thread
 * of its own.
 */
import {
  ceaseSubcodes,
  ceaseWithText,
  type NotificationCause,
  type PeerIndex,
  Rib,
  type RibPath,
  type RibPeer,
  type RouteFilter,
} from "@heddle/bgp";
import type { Ip, Prefix } from "@heddle/inet";
import { type Fd, openNetns } from "@heddle/native";
import type { Clock, Log, Rng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { type BfdDown, type BfdHandle, BfdThread } from "./bfd/bfd.ts";
import {
  type AnnounceOptions,
  checkConfig,
  defaultGracefulRestart,
  defaultSessionTimers,
  type PeerConfig,
  type SpeakerConfig,
} from "./config.ts";
import { Convergence, type ConvergenceReason } from "./convergence.ts";
import { SpeakerError } from "./errors.ts";
import type { FibSink } from "./fib-sink.ts";
import { cease, Peer, type PeerContext } from "./peer/peer.ts";
import { RibDriver } from "./rib-driver.ts";
import type { PeerStatus } from "./status.ts";
import { Listener } from "./tcp/listener.ts";

export interface SpeakerDeps {
  readonly log: Log;
  readonly fib: FibSink;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly rng?: Rng;
  /** Path of the network namespace to live in; default: the process's own. */
  readonly netns?: string;
  /** Module of the BFD thread, for a bundle that puts it elsewhere. */
  readonly bfdEntry?: URL;
}

/** A path of the RIB, with the address of the peer that it came from. */
export type Route = Omit<RibPath, "peer"> & {
  /** Undefined for what this speaker announces itself. */
  readonly from: Ip | undefined;
};

export interface RoutesFilter extends Omit<RouteFilter, "peer"> {
  /** Only paths of this peer. */
  readonly from?: Ip;
}

export class Speaker implements AsyncDisposable {
  readonly #deps: SpeakerDeps;
  readonly #rib: Rib;
  readonly #driver: RibDriver;
  readonly #selection: Convergence;
  readonly #sweep: Convergence;
  readonly #netns: Fd | undefined;
  readonly #bfd: BfdThread;
  readonly #cx: PeerContext;
  readonly #peers: Map<Ip, Peer> = new Map();
  readonly #addresses: Map<PeerIndex, Ip> = new Map();
  readonly #listeners: Listener[] = [];
  #config: SpeakerConfig;
  #stopped = false;

  private constructor(config: SpeakerConfig, deps: SpeakerDeps) {
    const clock = deps.clock ?? systemClock;
    const rng = deps.rng ?? systemRng;
    const graceful = config.gracefulRestart;
    this.#config = config;
    this.#deps = deps;
    this.#netns = deps.netns === undefined ? undefined : openNetns(deps.netns);
    this.#rib = newRib(config, rng);
    if (graceful?.restarting === true) this.#rib.holdBestPath();
    this.#driver = new RibDriver(this.#rib, deps.fib, deps.log);
    const { deferralMs } = graceful ?? defaultGracefulRestart;
    const addresses = config.peers.map((peer) => peer.address);
    this.#selection = new Convergence("selection", addresses, clock, deferralMs, (why) =>
      this.#select(why),
    );
    this.#sweep = new Convergence("sweep", addresses, clock, deferralMs, (why) => this.#clean(why));
    const entry = deps.bfdEntry ?? new URL("./bfd/bfd-worker.ts", import.meta.url);
    this.#bfd = new BfdThread(clock, deps.log, entry, { netns: deps.netns }, rng.uint32());
    this.#cx = {
      speaker: config,
      gracefulRestart: graceful,
      rib: this.#rib,
      driver: this.#driver,
      selection: this.#selection,
      sweep: this.#sweep,
      clock,
      rng,
      log: deps.log,
      timers: { ...defaultSessionTimers, ...config.timers },
      netns: this.#netns,
      watchBfd: (peer, down) => this.#watchBfd(peer, down),
    };
  }

  /**
   * Starts to listen and to connect.
   * @throws SpeakerError `config`, SystemError when an address cannot be listened on
   */
  static async start(config: SpeakerConfig, deps: SpeakerDeps): Promise<Speaker> {
    checkConfig(config);
    const speaker = new Speaker(config, deps);
    try {
      await speaker.#listen(config);
      speaker.#setPeers(config.peers);
      return speaker;
    } catch (error) {
      await speaker[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Makes the peers equal to those of `config`. Sessions whose configuration did not change go on;
   * new policies take effect without a reset. What belongs to the speaker as a whole cannot change.
   * @throws SpeakerError `config`, before anything has changed
   */
  reconfigure(config: SpeakerConfig): void {
    checkConfig(config);
    const { peers: _next, ...next } = config;
    const { peers: _current, ...current } = this.#config;
    if (!isSame(next, current)) {
      const message =
        "Cannot reconfigure the BGP speaker: more than its peers changed, want a new speaker";
      throw new SpeakerError("config", message);
    }
    this.#config = config;
    this.#setPeers(config.peers);
  }

  /** Originates a route, or changes its attributes. */
  announce(prefix: Prefix, options?: AnnounceOptions): void {
    this.#rib.originate(prefix, options);
    this.#driver.schedule();
  }

  /** False when the prefix was not announced. */
  withdraw(prefix: Prefix): boolean {
    const withdrawn = this.#rib.withdraw(prefix);
    this.#driver.schedule();
    return withdrawn;
  }

  peers(): PeerStatus[] {
    return [...this.#peers.values()].map((peer) => peer.status());
  }

  /** What the RIB holds; read it before control returns to the event loop. */
  *routes(filter: RoutesFilter = {}): IterableIterator<Route> {
    const { from, ...rest } = filter;
    const peer = from === undefined ? undefined : this.#peers.get(from);
    if (from !== undefined && peer === undefined) return;
    const ribFilter = peer === undefined ? rest : { ...rest, peer: peer.index };
    for (const path of this.#rib.routes(ribFilter)) yield this.#routeOf(path);
  }

  /** The paths of the longest prefix that contains `address`. */
  longestMatch(address: Ip): Route[] {
    return this.#rib.longestMatch(address).map((path) => this.#routeOf(path));
  }

  /** False while a started speaker still waits for its peers' tables. */
  get isConverged(): boolean {
    return this.#selection.isOver && this.#sweep.isOver;
  }

  /** Where connections are accepted. */
  get listening(): readonly { readonly address: Ip; readonly port: number }[] {
    return this.#listeners.map(({ address, port }) => ({ address, port }));
  }

  /**
   * Ends all sessions with Cease and `text` for the peers' operators (RFC 9003): they drop our
   * routes.
   */
  async stop(text = "shut down"): Promise<void> {
    await this.#stop(ceaseWithText(ceaseSubcodes.administrativeShutdown, text), false);
  }

  /**
   * Closes all connections without a NOTIFICATION: peers with graceful restart keep our routes
   * until we are back or the restart time is over (RFC 4724 4.1).
   */
  async stopForRestart(): Promise<void> {
    await this.#stop(cease(ceaseSubcodes.administrativeShutdown), true);
  }

  /** As `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(cause: NotificationCause, silent: boolean): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#selection.stop();
    this.#sweep.stop();
    await this.#driver.stop();
    for (const peer of this.#peers.values()) peer.stop(cause, silent);
    const closing = this.#listeners.map((listener) => listener[Symbol.asyncDispose]());
    const ended = silent ? this.#bfd.abandon() : this.#bfd[Symbol.asyncDispose]();
    await Promise.all([...closing, ended]);
    this.#netns?.close();
  }

  async #listen(config: SpeakerConfig): Promise<void> {
    for (const at of config.listen) {
      const listener = await Listener.open(
        at,
        this.#netns,
        (address, connection) => this.#peers.get(address)?.accept(connection),
        (remote) => this.#deps.log.warn("BGP connection from an unknown address", { remote }),
      );
      this.#listeners.push(listener);
    }
  }

  #setPeers(peers: readonly PeerConfig[]): void {
    const wanted = new Map(peers.map((peer) => [peer.address, peer]));
    for (const [address, peer] of this.#peers) {
      const next = wanted.get(address);
      if (next === undefined) this.#remove(peer, ceaseSubcodes.peerDeconfigured);
      else if (!isSame(sessionPartOf(next), sessionPartOf(peer.config))) {
        this.#remove(peer, ceaseSubcodes.otherConfigurationChange);
      } else this.#setPolicies(peer, next);
    }
    const listenPeers = peers.map(({ address, md5, ttlSecurity }) => ({
      address,
      md5,
      ttlSecurity: ttlSecurity === true,
    }));
    for (const listener of this.#listeners) listener.setPeers(listenPeers);
    for (const peer of peers) if (!this.#peers.has(peer.address)) this.#add(peer);
    this.#driver.schedule();
  }

  #add(config: PeerConfig): void {
    const index = this.#rib.addPeer(ribPeerOf(config));
    const peer = new Peer(config, index, this.#cx);
    this.#peers.set(config.address, peer);
    this.#addresses.set(index, config.address);
    peer.start();
  }

  #remove(peer: Peer, subcode: number): void {
    peer.stop(cease(subcode), false);
    this.#rib.removePeer(peer.index);
    this.#peers.delete(peer.config.address);
    this.#addresses.delete(peer.index);
    this.#selection.forget(peer.config.address);
    this.#sweep.forget(peer.config.address);
  }

  #setPolicies(peer: Peer, next: PeerConfig): void {
    const { importPolicy, exportPolicy } = peer.config;
    if (isSame(importPolicy, next.importPolicy) && isSame(exportPolicy, next.exportPolicy)) return;
    peer.takePolicies(next);
    this.#rib.setPolicies(peer.index, next.importPolicy, next.exportPolicy);
  }

  #routeOf(path: RibPath): Route {
    const { peer, ...rest } = path;
    return { ...rest, from: peer === undefined ? undefined : this.#addresses.get(peer) };
  }

  #select(reason: ConvergenceReason): void {
    if (this.#cx.gracefulRestart?.restarting !== true) return;
    this.#deps.log.info("BGP selects routes after its restart", { reason });
    this.#rib.releaseBestPath();
    this.#driver.schedule();
  }

  #clean(reason: ConvergenceReason): void {
    this.#deps.log.info("BGP has heard its peers out", { reason });
    this.#driver.whenSettled(() => {
      this.#deps.fib.converged().catch((error: unknown) => {
        this.#deps.log.error("cannot remove stale kernel routes", { error });
      });
    });
  }

  #watchBfd(peer: PeerConfig, down: BfdDown): BfdHandle | undefined {
    const { bfd, localAddress } = peer;
    if (bfd === undefined || localAddress === undefined) return undefined;
    return this.#bfd.watch(
      {
        local: localAddress,
        remote: peer.address,
        ifindex: peer.ifindex,
        txIntervalMs: bfd.txIntervalMs ?? 300,
        rxIntervalMs: bfd.rxIntervalMs ?? 300,
        detectMultiplier: bfd.detectMultiplier ?? 3,
      },
      down,
    );
  }
}

function newRib(config: SpeakerConfig, rng: Rng): Rib {
  return new Rib({
    localAsn: config.asn,
    routerId: config.routerId,
    ...(config.clusterId === undefined ? {} : { clusterId: config.clusterId }),
    families: config.families,
    multipath: config.multipath,
    forwarding: true,
    hashSeed: rng.uint32(),
  });
}

function ribPeerOf(config: PeerConfig): RibPeer {
  const { localAddress: local } = config;
  const nextHop4 = config.nextHop4 ?? (typeof local === "number" ? local : undefined);
  const nextHop6 = config.nextHop6 ?? (typeof local === "bigint" ? local : undefined);
  return {
    address: config.address,
    asn: config.asn,
    reflectorClient: config.reflectorClient === true,
    ...(config.importPolicy === undefined ? {} : { importPolicy: config.importPolicy }),
    ...(config.exportPolicy === undefined ? {} : { exportPolicy: config.exportPolicy }),
    ...(nextHop4 === undefined ? {} : { nextHop4 }),
    ...(nextHop6 === undefined ? {} : { nextHop6 }),
    nextHopSelf: false,
    ...(config.ifindex === undefined ? {} : { ifindex: config.ifindex }),
    ...(config.prefixCountMax === undefined ? {} : { prefixCountMax: config.prefixCountMax }),
  };
}

/** What cannot change without a new session. */
function sessionPartOf(config: PeerConfig): Omit<PeerConfig, "importPolicy" | "exportPolicy"> {
  const { importPolicy: _import, exportPolicy: _export, ...rest } = config;
  return rest;
}

/** Equality of plain configuration data; the order of keys does not count. */
function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`;
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)));
  });
}
