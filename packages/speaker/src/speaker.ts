/**
 * The BGP speaker of a node or a reflector: TCP, timers and BFD around the pure engine of
 * @heddle/bgp. One event loop drives all sessions and the RIB in bounded pieces; BFD has a thread
 * of its own.
 */
import {
  type AddressFamily,
  ceaseSubcodes,
  ceaseWithText,
  type KeyedFamily,
  type NotificationCause,
  type PeerIndex,
  Rib,
  type RibPath,
  type RibReader,
  type RouteFilter,
} from "@heddle/bgp";
import { type Asn, formatIp, type Ifindex, type Ip, type Ip4, type Prefix } from "@heddle/inet";
import { type Fd, openNetns } from "@heddle/native";
import type { Clock, Log, Rng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { type BfdHandle, BfdThread, type BfdWatcher } from "./bfd/bfd.ts";
import { checkConfig } from "./check-config.ts";
import {
  type AnnounceOptions,
  defaultGracefulRestart,
  defaultSessionTimers,
  type PeerConfig,
  type SpeakerConfig,
} from "./config.ts";
import { awaitedPeersOf, Convergence, type ConvergenceReason } from "./convergence.ts";
import { UnnumberedPeers } from "./discovery/unnumbered-peers.ts";
import { SpeakerError } from "./errors.ts";
import type { FibSink, RouteSink } from "./fib-sink.ts";
import type { ObservedSession, SpeakerObserver } from "./observe/observer.ts";
import { Observers } from "./observe/observers.ts";
import { cease } from "./peer/failure.ts";
import type { Peer } from "./peer/peer.ts";
import type { PeerContext } from "./peer/peer-context.ts";
import { isLinkLocal, peerNameOf } from "./peer/peer-key.ts";
import type { PeerName } from "./peer/peer-name.ts";
import type { RecordingOptions } from "./peer/session-recorder.ts";
import { PeerTable } from "./peer-table.ts";
import { RibDriver } from "./rib-driver.ts";
import { isSame } from "./same-config.ts";
import type { PeerStatus } from "./status.ts";
import { Listener } from "./tcp/listener.ts";

export interface SpeakerDeps {
  readonly log: Log;
  readonly fib: FibSink;
  /** Takes the routes of `SpeakerConfig.watchedFamilies`. */
  readonly routes?: RouteSink;
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

export interface PeerIdentity {
  readonly address: Ip;
  /** Undefined over plain TCP, or without a session. */
  readonly certificateName: string | undefined;
}

export interface RoutesFilter extends Omit<RouteFilter, "peer"> {
  /** Only paths of this peer. */
  readonly from?: Ip;
  /** Where `from` belongs, when it is link-local. */
  readonly fromIfindex?: Ifindex;
}

export class Speaker implements AsyncDisposable {
  readonly #deps: SpeakerDeps;
  readonly #observers: Observers;
  readonly #rib: Rib;
  readonly #driver: RibDriver;
  readonly #selection: Convergence;
  readonly #sweep: Convergence;
  readonly #netns: Fd | undefined;
  readonly #bfd: BfdThread;
  readonly #cx: PeerContext;
  readonly #peers: PeerTable;
  readonly #unnumbered: UnnumberedPeers;
  readonly #listeners: Listener[] = [];
  #config: SpeakerConfig;
  #stopped = false;

  private constructor(config: SpeakerConfig, deps: SpeakerDeps) {
    const clock = deps.clock ?? systemClock;
    const rng = deps.rng ?? systemRng;
    const graceful = config.gracefulRestart;
    this.#config = config;
    this.#deps = deps;
    this.#observers = new Observers(clock);
    this.#netns = deps.netns === undefined ? undefined : openNetns(deps.netns);
    this.#rib = newRib(config, rng);
    if (graceful?.restarting === true) this.#rib.holdBestPath(config.families.filter(selects));
    this.#driver = new RibDriver(
      this.#rib,
      { fib: deps.fib, routes: deps.routes },
      clock,
      deps.log,
    );
    const { deferralMs } = graceful ?? defaultGracefulRestart;
    const awaited = awaitedPeersOf(config);
    this.#selection = new Convergence("selection", awaited, clock, deferralMs, (why) =>
      this.#select(why),
    );
    this.#sweep = new Convergence("sweep", awaited, clock, deferralMs, (why) => this.#clean(why));
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
      observers: this.#observers,
      timers: { ...defaultSessionTimers, ...config.timers },
      netns: this.#netns,
      tls: () => this.#config.tls,
      watchBfd: (peer, watcher) => this.#watchBfd(peer, watcher),
    };
    this.#peers = new PeerTable(this.#cx, (peers) => {
      for (const listener of this.#listeners) listener.setPeers(peers);
    });
    const { log } = deps;
    this.#unnumbered = new UnnumberedPeers(
      { clock, rng, log, netns: this.#netns },
      (config, neighbor) => this.#peers.found(config, neighbor),
    );
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
      speaker.#setPeers(config);
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
    const { tls } = config;
    const { tls: before } = this.#config;
    if (!isSame(perSpeaker(config), perSpeaker(this.#config))) {
      const message =
        "Cannot reconfigure the BGP speaker: more than its peers changed, want a new speaker";
      throw new SpeakerError("config", message);
    }
    this.#config = config;
    if (tls !== undefined && !isSame(tls, before)) {
      for (const listener of this.#listeners) listener.setTls(tls);
    }
    this.#setPeers(config);
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

  /**
   * As `announce`, for the families that are not plain unicast; `key` and `payload` are what the
   * encoders of their routes give, and are copied.
   */
  announceRoute(
    family: KeyedFamily,
    key: Uint8Array,
    payload: Uint8Array,
    options?: AnnounceOptions,
  ): void {
    this.#rib.originateRoute(family, key, payload, options);
    this.#driver.schedule();
  }

  /** False when the route was not announced. */
  withdrawRoute(family: KeyedFamily, key: Uint8Array): boolean {
    const withdrawn = this.#rib.withdrawRoute(family, key);
    this.#driver.schedule();
    return withdrawn;
  }

  /** `SpeakerConfig.ownership` may answer differently from now on: it is asked again. */
  recheckOwnership(): void {
    this.#rib.recheckOwnership();
    this.#driver.schedule();
  }

  peers(): PeerStatus[] {
    return [...this.#peers].map((peer) => peer.status());
  }

  // What an operator asks of one peer; each @throws SpeakerError `state` when there is none.

  /** Ends the session with Cease and `text` (RFC 9003); the peer stays down until `enablePeer`. */
  shutdownPeer(peer: PeerName, text = ""): void {
    this.#peer(peer).shutdown(text);
  }

  /** Ends a shutdown, or another wait for an operator. */
  enablePeer(peer: PeerName): void {
    this.#peer(peer).enable();
  }

  /** Ends the session with Cease and `text`, and connects again at once. */
  resetPeer(peer: PeerName, text = ""): void {
    this.#peer(peer).reset(text);
  }

  /**
   * RFC 8326: announces that the session will go, gives traffic `waitMs` to move, and then does what
   * `shutdownPeer` does.
   */
  gracefulShutdownPeer(peer: PeerName, waitMs: number, text = ""): void {
    this.#peer(peer).gracefulShutdown(waitMs, text);
    this.#driver.schedule();
  }

  /**
   * Asks the peer for its routes again, all families without `family` (RFC 2918).
   * @throws SpeakerError `state` without a session that has it
   */
  softResetIn(peer: PeerName, family?: AddressFamily): void {
    this.#peer(peer).softResetIn(family);
  }

  /** Sends the peer our routes again. @throws SpeakerError `state` without a session that has it */
  softResetOut(peer: PeerName, family?: AddressFamily): void {
    this.#peer(peer).softResetOut(family);
  }

  /** Records what the peer's sessions take, for `replay` of @heddle/bgp, until it is disposed of. */
  recordPeer(peer: PeerName, options: RecordingOptions): Disposable {
    return this.#peer(peer).record(options);
  }

  #peer({ address, ifindex }: PeerName): Peer {
    const peer = this.#peers.get(address, ifindex);
    if (peer !== undefined) return peer;
    throw new SpeakerError("state", `Cannot find BGP peer ${formatIp(address)}: there is none`);
  }

  /** Who the peer of that number is, for `RouteOwnership`; undefined when there is none. */
  identityOf(peer: PeerIndex): PeerIdentity | undefined {
    const found = this.#peers.byIndex(peer);
    if (found === undefined) return undefined;
    return { address: found.config.address, certificateName: found.certificateName };
  }

  /** Tells `observer` what happens on all sessions, until it is disposed of. */
  observe(observer: SpeakerObserver): Disposable {
    return this.#observers.add(observer);
  }

  /** The sessions whose OPENs are confirmed. */
  get sessions(): Iterable<ObservedSession> {
    return this.#observers.establishedSessions;
  }

  /** The number of the peer in `rib`; undefined when there is none. */
  indexOf({ address, ifindex }: PeerName): PeerIndex | undefined {
    return this.#peers.get(address, ifindex)?.index;
  }

  /** The name of the peer with that number; undefined when there is none. */
  nameOf(peer: PeerIndex): PeerName | undefined {
    const config = this.#peers.byIndex(peer)?.config;
    return config === undefined ? undefined : peerNameOf(config);
  }

  get asn(): Asn {
    return this.#config.asn;
  }

  get routerId(): Ip4 {
    return this.#config.routerId;
  }

  /** Those that `rib` has tables for. */
  get families(): readonly AddressFamily[] {
    return this.#config.families;
  }

  /** The tables; what is read of them is valid until control returns to the event loop. */
  get rib(): RibReader {
    return this.#rib;
  }

  /** What the RIB holds; read it before control returns to the event loop. */
  *routes(filter: RoutesFilter = {}): IterableIterator<Route> {
    const { from, fromIfindex, ...rest } = filter;
    const peer = from === undefined ? undefined : this.#peers.get(from, fromIfindex);
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
    this.#unnumbered[Symbol.dispose]();
    this.#peers.stop(cause, silent);
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
        at.tls === true ? config.tls : undefined,
        (address, scope, connection) => this.#peers.accept(address, scope, connection),
        (remote, why) => this.#deps.log.warn("BGP connection refused", { remote, why }),
      );
      this.#listeners.push(listener);
    }
  }

  #setPeers(config: SpeakerConfig): void {
    this.#peers.set(config);
    this.#unnumbered.set(config.unnumberedPeers ?? []);
  }

  #routeOf(path: RibPath): Route {
    const { peer, ...rest } = path;
    return {
      ...rest,
      from: peer === undefined ? undefined : this.#peers.byIndex(peer)?.config.address,
    };
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

  #watchBfd(peer: PeerConfig, watcher: BfdWatcher): BfdHandle | undefined {
    const { bfd } = peer;
    const local = bfdAddressOf(peer);
    if (bfd === undefined || local === undefined) return undefined;
    return this.#bfd.watch(
      {
        local,
        remote: peer.address,
        ifindex: peer.ifindex,
        txIntervalMs: bfd.txIntervalMs ?? 300,
        rxIntervalMs: bfd.rxIntervalMs ?? 300,
        detectMultiplier: bfd.detectMultiplier ?? 3,
        hopCountMax: bfd.hopCountMax,
      },
      watcher,
    );
  }
}

/** Our end of a BFD session: on an unnumbered link, the own address that is the next hop there. */
function bfdAddressOf({ address, localAddress, nextHop6 }: PeerConfig): Ip | undefined {
  return localAddress ?? (isLinkLocal(address) ? nextHop6 : undefined);
}

function newRib(config: SpeakerConfig, rng: Rng): Rib {
  return new Rib({
    localAsn: config.asn,
    routerId: config.routerId,
    ...(config.clusterId === undefined ? {} : { clusterId: config.clusterId }),
    families: config.families,
    multipath: config.multipath,
    forwarding: config.forwarding !== false,
    ...(config.watchedFamilies === undefined ? {} : { watchedFamilies: config.watchedFamilies }),
    ...(config.confederation === undefined ? {} : { confederation: config.confederation }),
    ...(config.ownership === undefined ? {} : { ownership: config.ownership }),
    longLivedPartial: config.gracefulRestart?.longLivedPartial === true,
    hashSeed: rng.uint32(),
  });
}

/**
 * Memberships (RFC 4684) choose nothing that is forwarded, and peers wait for them before they send
 * the routes that selection waits for.
 */
function selects(family: AddressFamily): boolean {
  return family !== "route-target";
}

/** What belongs to the speaker as a whole and cannot change. */
function perSpeaker(config: SpeakerConfig): Partial<SpeakerConfig> {
  const {
    peers: _peers,
    dynamicPeers: _dynamic,
    unnumberedPeers: _links,
    tls: _tls,
    ...rest
  } = config;
  return rest;
}
