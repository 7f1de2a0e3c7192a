/**
 * The parts of the route server, wired together. Where there are agents, nothing is told to peers
 * before the owners of addresses are known; from then on it goes on with what it knows when the API
 * server is away.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { AdminServer } from "@heddle/admin";
import { rehearse } from "@heddle/bgp";
import { ConfigError } from "@heddle/config";
import { containsIp, type Ip } from "@heddle/inet";
import { HttpStore } from "@heddle/kube";
import { BmpExporter, KernelFib, noFib, Speaker, type SpeakerConfig } from "@heddle/speaker";
import { type Log, must } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { adminActions, adminRoutes } from "./admin-routes.ts";
import type { RouteServerConfig } from "./config/config.ts";
import { parseConfig } from "./config/parse-config.ts";
import { speakerConfigOf } from "./config/speaker-config.ts";
import { Interfaces } from "./interfaces.ts";
import { RouteServerMetrics } from "./metrics.ts";
import { MetricsListeners } from "./metrics-listeners.ts";
import { Originator } from "./originator.ts";
import { Ownership } from "./ownership/ownership.ts";
import { type Owners, version } from "./parts.ts";
import { readSessionRecord, SessionRecord } from "./session-record.ts";
import { readPassword, readText, readTls } from "./surroundings.ts";

const clock = systemClock;
const rng = systemRng;

type ConfigName = keyof RouteServerConfig;

/** Which fields a running process takes; the others want a new one. */
const isTakenAtOnce: Readonly<Record<ConfigName, boolean>> = {
  ...{ name: false, asn: false, routerId: false, clusterId: false, confederation: false },
  ...{ families: false, listen: false, gracefulRestart: false, timers: false },
  ...{ multipath: false, kernelRoutes: false, kubeconfig: false, runDir: false },
  ...{ tls: true, agents: true, peers: true, dynamicPeers: true, unnumberedPeers: true },
  ...{ policies: true, originate: true, metrics: true, bmp: true },
};

/** What there is once it runs. */
interface Running {
  readonly bmp: BmpExporter;
  readonly originator: Originator;
  readonly listeners: MetricsListeners;
}

/** @throws ConfigError */
export function readConfig(file: string): RouteServerConfig {
  return parseConfig(readText(file), readText);
}

export class RouteServer implements AsyncDisposable {
  readonly #owned: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #log: Log;
  readonly #interfaces: Interfaces;
  #config: RouteServerConfig;
  #owners: Owners | undefined;
  #speaker: Speaker | undefined;
  #running: Running | undefined;
  /** Who had sessions with the process before this one; undefined when there was none. */
  #formerPeers: readonly Ip[] | undefined;

  private constructor(config: RouteServerConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#interfaces = this.#owned.use(new Interfaces(clock, log, () => this.#interfacesChanged()));
  }

  /**
   * Resolves when peers can connect; with agents that needs the API server once.
   * @throws ConfigError, KubeconfigError, SpeakerError, the error of listen(2)
   */
  static async start(config: RouteServerConfig, log: Log): Promise<RouteServer> {
    const server = new RouteServer(config, log);
    try {
      await server.#start();
      return server;
    } catch (error) {
      await server.#owned.disposeAsync();
      throw error;
    }
  }

  /**
   * Puts another configuration in force, as far as a running process takes it. Sessions that do not
   * differ go on.
   * @throws ConfigError, SpeakerError, the error of listen(2); then the one before it stays in
   *   force
   */
  async reconfigure(config: RouteServerConfig): Promise<void> {
    const { bmp, originator, listeners } = must(this.#running, "it runs before it is changed");
    const speaker = must(this.#speaker, "it runs before it is changed");
    const before = this.#config;
    refuseOtherProcess(before, config);
    // What changes between this look and the next is noticed by the next.
    this.#interfaces.watch(interfaceNamesOf(config));
    try {
      const speakerConfig = this.#speakerConfig(config);
      await listeners.set(config.metrics);
      speaker.reconfigure(speakerConfig);
    } catch (error) {
      this.#interfaces.watch(interfaceNamesOf(before));
      await listeners.set(before.metrics);
      throw error;
    }
    this.#config = config;
    bmp.reconfigure(config.bmp);
    originator.set(config.originate);
    this.#reevaluate();
  }

  /** Peers keep our routes until we are back, or the restart time is over (RFC 4724). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #start(): Promise<void> {
    const { runDir, kubeconfig, name, asn } = this.#config;
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    const startedAtMs = clock.wallMs();
    if (kubeconfig !== undefined) this.#owners = await this.#startOwners(kubeconfig);
    const record = path.join(runDir, "route-server.sessions");
    this.#formerPeers = readSessionRecord(record, this.#log);
    const fib = await this.#openFib();
    const speaker = await this.#startSpeaker(fib);
    this.#recordSessions(record, speaker);
    const originator = new Originator(speaker);
    originator.set(this.#config.originate);
    const identity = { sysName: name, sysDescr: `heddle-route-server ${version}` };
    const bmpDeps = { speaker, identity, log: this.#log };
    const bmp = this.#owned.use(new BmpExporter(this.#config.bmp, bmpDeps));
    const parts = { config: { name, asn }, startedAtMs, speaker, owners: this.#owners };
    const metrics = new RouteServerMetrics({ ...parts, bmp, fib });
    const source = () => metrics.text();
    const listeners = this.#owned.use(new MetricsListeners(source, this.#log));
    await listeners.set(this.#config.metrics);
    this.#running = { bmp, originator, listeners };
    this.#owned.use(
      await AdminServer.start({
        socketPath: path.join(runDir, "route-server.sock"),
        routes: adminRoutes(parts),
        actions: adminActions(parts),
        metrics: source,
        log: this.#log,
      }),
    );
    const listening = speaker.listening.map(({ port }) => port);
    const isRestart = this.#formerPeers !== undefined;
    this.#log.info("the route server serves", { name, listening, isRestart });
  }

  #recordSessions(file: string, speaker: Speaker): void {
    const formerMs = this.#config.gracefulRestart?.deferralMs ?? 0;
    const former = this.#formerPeers ?? [];
    const record = { file, speaker, former, formerMs, clock, log: this.#log };
    this.#owned.use(new SessionRecord(record));
  }

  /** Resolves when everything has been listed once. */
  async #startOwners(kubeconfig: string): Promise<Owners> {
    const store = this.#owned.use(await HttpStore.fromKubeconfig(kubeconfig));
    const ownership = this.#owned.use(
      new Ownership({
        ...{ store, clock, rng, log: this.#log, asn: this.#config.asn },
        identityOf: (peer) => this.#speaker?.identityOf(peer),
        agentAt: (address) =>
          this.#config.agents.find(({ prefix }) => containsIp(prefix, address))?.identity,
        changed: () => this.#reevaluate(),
      }),
    );
    const { server } = store;
    this.#log.info("waiting for the API server to say who owns what", { server });
    await ownership.synced;
    return { server, ownership };
  }

  async #openFib(): Promise<KernelFib | undefined> {
    const { kernelRoutes } = this.#config;
    if (kernelRoutes === undefined) return undefined;
    return this.#owned.use(await KernelFib.open(kernelRoutes, { log: this.#log, clock, rng }));
  }

  async #startSpeaker(fib: KernelFib | undefined): Promise<Speaker> {
    const deps = { fib: fib ?? noFib, log: this.#log, clock, rng, ...bundledBfd() };
    this.#interfaces.watch(interfaceNamesOf(this.#config));
    const config = this.#speakerConfig(this.#config);
    // Once it listens, tables come all at once.
    rehearse(config.families);
    const speaker = await Speaker.start(config, deps);
    this.#speaker = speaker;
    this.#owned.defer(() => speaker.stopForRestart());
    return speaker;
  }

  #reevaluate(): void {
    this.#speaker?.recheckOwnership();
  }

  #interfacesChanged(): void {
    try {
      this.#speaker?.reconfigure(this.#speakerConfig(this.#config));
      this.#log.info("interfaces have come or gone, and their peers with them");
    } catch (error) {
      this.#log.error("the peers of changed interfaces stay as they are", { error });
    }
  }

  /** @throws ConfigError */
  #speakerConfig(config: RouteServerConfig): SpeakerConfig {
    const { tls } = config;
    const missing = interfaceNamesOf(config).filter(
      (name) => this.#interfaces.indexOf(name) === undefined,
    );
    if (missing.length > 0) {
      this.#log.warn("there is no such interface; its peers wait for it", { missing });
    }
    return speakerConfigOf(config, {
      tls: tls === undefined ? undefined : readTls(tls),
      passwordIn: readPassword,
      ifindexOf: this.#interfaces.indexOf,
      ownership: this.#owners?.ownership,
      formerPeers: this.#formerPeers,
    });
  }
}

/** @throws ConfigError that names what wants a new process */
function refuseOtherProcess(before: RouteServerConfig, after: RouteServerConfig): void {
  const names = Object.keys(isTakenAtOnce) as ConfigName[];
  const changed = names.filter(
    (name) => !isTakenAtOnce[name] && !isDeepStrictEqual(before[name], after[name]),
  );
  if (changed.length === 0) return;
  throw new ConfigError(`Cannot change ${changed.join(", ")} of a running process, want a restart`);
}

/** Those that peers are reached by. */
export function interfaceNamesOf({ peers, unnumberedPeers }: RouteServerConfig): string[] {
  const named = peers.flatMap(({ interfaceName }) => interfaceName ?? []);
  return [...new Set([...named, ...unnumberedPeers.map(({ name }) => name)])];
}

/** The BFD thread is beside a bundle; from source its package knows where it is. */
function bundledBfd(): { readonly bfdEntry?: URL } {
  return import.meta.url.endsWith(".ts")
    ? {}
    : { bfdEntry: new URL("./bfd-worker.mjs", import.meta.url) };
}
