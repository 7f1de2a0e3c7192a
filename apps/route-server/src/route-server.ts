/**
 * The parts of the route server, wired together. Nothing is told to peers before the owners of
 * addresses are known; from then on it goes on with what it knows when the API server is away.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AdminServer } from "@heddle/admin";
import { containsIp } from "@heddle/inet";
import { HttpStore } from "@heddle/kube";
import { BmpExporter, noFib, Speaker, type SpeakerConfig, type TlsConfig } from "@heddle/speaker";
import { type Log, must } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { adminActions, adminRoutes } from "./admin-routes.ts";
import type { RouteServerConfig, TlsFiles } from "./config/config.ts";
import { ConfigError } from "./config/field.ts";
import { parseConfig } from "./config/parse-config.ts";
import { speakerConfigOf } from "./config/speaker-config.ts";
import { RouteServerMetrics } from "./metrics.ts";
import { Ownership } from "./ownership/ownership.ts";
import { version } from "./parts.ts";

const clock = systemClock;
const rng = systemRng;

/** @throws ConfigError */
export function readConfig(file: string): RouteServerConfig {
  return parseConfig(readText(file));
}

export class RouteServer implements AsyncDisposable {
  readonly #owned: AsyncDisposableStack = new AsyncDisposableStack();
  readonly #log: Log;
  #config: RouteServerConfig;
  #ownership: Ownership | undefined;
  #speaker: Speaker | undefined;
  #bmp: BmpExporter | undefined;
  #wasRestart = false;

  private constructor(config: RouteServerConfig, log: Log) {
    this.#config = config;
    this.#log = log;
  }

  /**
   * Resolves when agents can connect, which needs the API server once.
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
   * Puts another configuration in force: peers, agents and certificates can change.
   * @throws ConfigError, SpeakerError; then the one before it stays in force
   */
  reconfigure(config: RouteServerConfig): void {
    const before = this.#config;
    if (JSON.stringify(config.bmp) !== JSON.stringify(before.bmp)) {
      throw new ConfigError("Cannot change bmp: other stations, want a restart");
    }
    this.#config = config;
    try {
      this.#speaker?.reconfigure(this.#speakerConfig(this.#wasRestart));
    } catch (error) {
      this.#config = before;
      throw error;
    }
    this.#reevaluate();
  }

  /** Peers keep our routes until we are back, or the restart time is over (RFC 4724). */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  async #start(): Promise<void> {
    const { runDir, kubeconfig, name } = this.#config;
    mkdirSync(runDir, { recursive: true, mode: 0o700 });
    const startedAtMs = clock.wallMs();
    const store = this.#owned.use(await HttpStore.fromKubeconfig(kubeconfig));
    const ownership = this.#owned.use(
      new Ownership({
        ...{ store, clock, rng, log: this.#log },
        identityOf: (peer) => this.#speaker?.identityOf(peer),
        agentAt: (address) =>
          this.#config.agents.find(({ prefix }) => containsIp(prefix, address))?.identity,
        changed: () => this.#reevaluate(),
      }),
    );
    this.#ownership = ownership;
    this.#log.info("waiting for the API server to say who owns what", { server: store.server });
    await ownership.synced;
    // It lies beside the socket and is gone after a reboot, as what peers keep of us is.
    const marker = path.join(runDir, "route-server.started");
    this.#wasRestart = existsSync(marker);
    const deps = { fib: noFib, log: this.#log, clock, rng, ...bundledBfd() };
    const speaker = await Speaker.start(this.#speakerConfig(this.#wasRestart), deps);
    this.#speaker = speaker;
    this.#owned.defer(() => speaker.stopForRestart());
    writeFileSync(marker, "");
    const { bmp } = this.#config;
    const identity = { sysName: name, sysDescr: `heddle-route-server ${version}` };
    this.#bmp = this.#owned.use(new BmpExporter(bmp, { speaker, identity, log: this.#log }));
    const parts = { config: this.#config, startedAtMs, server: store.server, speaker, ownership };
    const metrics = new RouteServerMetrics(parts);
    const socketPath = path.join(runDir, "route-server.sock");
    this.#owned.use(
      await AdminServer.start({
        ...{ socketPath, log: this.#log },
        routes: adminRoutes(parts),
        actions: adminActions(parts),
        metrics: () => metrics.text(),
      }),
    );
    const listening = speaker.listening.map(({ port }) => port);
    this.#log.info("the route server serves", { name, listening, isRestart: this.#wasRestart });
  }

  #reevaluate(): void {
    this.#speaker?.recheckOwnership();
    this.#bmp?.reevaluated();
  }

  /** @throws ConfigError when a file cannot be read */
  #speakerConfig(restarting: boolean): SpeakerConfig {
    const { tls, peers } = this.#config;
    const files = peers.flatMap(({ passwordFile }) => passwordFile ?? []);
    const passwords = files.map((file) => [file, readText(file).trimEnd()] as const);
    return speakerConfigOf(this.#config, {
      tls: tls === undefined ? undefined : readTls(tls),
      passwords: new Map(passwords),
      ownership: must(this.#ownership, "owners are known before there is a speaker"),
      restarting,
    });
  }
}

function readTls({ certificate, key, authorities }: TlsFiles): TlsConfig {
  return {
    certificate: readText(certificate),
    key: readText(key),
    authorities: readText(authorities),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`Cannot read ${file}: ${why}`, { cause: error });
  }
}

/** The BFD thread is beside a bundle; from source its package knows where it is. */
function bundledBfd(): { readonly bfdEntry?: URL } {
  return import.meta.url.endsWith(".ts")
    ? {}
    : { bfdEntry: new URL("./bfd-worker.mjs", import.meta.url) };
}
