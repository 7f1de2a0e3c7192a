/**
 * The BGP speaker of a node over the life of the agent: it exists as soon as the data centre's
 * objects say how, follows their changes, and carries what the node announces.
 *
 * Invariants: every announced route is originated by the speaker that runs, also when that speaker
 * is a later one; only the first speaker after the agent's start is a restarting one (RFC 4724),
 * since only then were routes kept.
 */

import type { Prefix } from "@heddle/inet";
import type {
  AnnounceOptions,
  FibSink,
  PeerStatus,
  Route,
  RouteSink,
  RoutesFilter,
} from "@heddle/speaker";
import { Speaker, type SpeakerConfig, type SpeakerDeps } from "@heddle/speaker";
import type { Log } from "@heddle/std";
import type { OriginatedRoute } from "@heddle/vpn";
import type { NativeAnnouncer } from "../announcer.ts";
import type { VpnSpeaker } from "../vpn/node-vpn.ts";
import { NodeMonitoring } from "./node-monitoring.ts";

/** Takes the VPN routes of one speaker after the other. */
export interface NodeRouteSink extends RouteSink {
  /** A new speaker begins: what the one before has told holds no more. */
  reset(): void;
}

export interface NodeSpeakerDeps extends Omit<SpeakerDeps, "fib" | "log" | "routes"> {
  readonly fib: FibSink;
  readonly log: Log;
}

export class NodeSpeaker implements NativeAnnouncer, VpnSpeaker, AsyncDisposable {
  readonly #deps: NodeSpeakerDeps;
  readonly #announced: Set<Prefix> = new Set();
  /** Of the VPN families, by their ids. */
  readonly #routes: Map<string, OriginatedRoute> = new Map();
  #sink: NodeRouteSink | undefined;
  #options: AnnounceOptions = {};
  #speaker: Speaker | undefined;
  #config: SpeakerConfig | undefined;
  /** Configurations are applied one after the other. */
  #applying: Promise<void> = Promise.resolve();
  #lastError: Error | undefined;
  #closed = false;
  readonly #monitoring: NodeMonitoring;

  constructor(deps: NodeSpeakerDeps) {
    this.#deps = deps;
    this.#monitoring = new NodeMonitoring(deps);
  }

  /** Who watches this speaker, and those after it. */
  get monitoring(): NodeMonitoring {
    return this.#monitoring;
  }

  /** Why the last configuration is not in force; undefined when it is. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  get config(): SpeakerConfig | undefined {
    return this.#config;
  }

  /** Takes the routes of the families that speakers watch; before the first is configured. */
  setRouteSink(sink: NodeRouteSink): void {
    this.#sink = sink;
  }

  /** Attributes of all that is announced from now on, and of what is announced already. */
  setAnnounceOptions(options: AnnounceOptions): void {
    this.#options = options;
    if (this.#speaker !== undefined) this.#announceAll(this.#speaker);
  }

  /** Resolves when the configuration is in force, or `lastError` says why not. */
  configure(config: SpeakerConfig): Promise<void> {
    this.#applying = this.#applying
      .then(() => this.#apply(config))
      .catch((error: unknown) => {
        this.#lastError = error instanceof Error ? error : new Error(String(error));
        this.#deps.log.error("cannot configure the BGP speaker", { error });
      });
    return this.#applying;
  }

  announce(prefix: Prefix): void {
    this.#announced.add(prefix);
    this.#speaker?.announce(prefix, this.#options);
  }

  withdraw(prefix: Prefix): void {
    this.#announced.delete(prefix);
    this.#speaker?.withdraw(prefix);
  }

  announceRoute(route: OriginatedRoute): void {
    this.#routes.set(route.id, route);
    if (this.#speaker !== undefined) this.#announceRoute(this.#speaker, route);
  }

  withdrawRoute({ id, family, key }: OriginatedRoute): void {
    this.#routes.delete(id);
    this.#speaker?.withdrawRoute(family, key);
  }

  #announceRoute(speaker: Speaker, { family, key, payload, attributes }: OriginatedRoute): void {
    speaker.announceRoute(family, key, payload, { ...this.#options, ...attributes });
  }

  #announceAll(speaker: Speaker): void {
    for (const prefix of this.#announced) speaker.announce(prefix, this.#options);
    for (const route of this.#routes.values()) this.#announceRoute(speaker, route);
  }

  /** What the node announces, whether or not a session carries it now. */
  get announced(): readonly Prefix[] {
    return [...this.#announced];
  }

  /** The one that runs now; undefined before there is a configuration, and after the end. */
  get speaker(): Speaker | undefined {
    return this.#speaker;
  }

  peers(): readonly PeerStatus[] {
    return this.#speaker === undefined ? [] : this.#speaker.peers();
  }

  routes(filter?: RoutesFilter): Iterable<Route> {
    return this.#speaker === undefined ? [] : this.#speaker.routes(filter);
  }

  /** Leaves the peers' routes in place for the next start of the agent (RFC 4724 4.1). */
  async stopForRestart(): Promise<void> {
    this.#closed = true;
    await this.#applying;
    const ended = this.#monitoring.follow(undefined);
    await this.#speaker?.stopForRestart();
    await ended;
    this.#speaker = undefined;
  }

  /** Ends the sessions for good: peers drop what this node announced. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#applying;
    const ended = this.#monitoring.follow(undefined);
    await this.#speaker?.stop("the agent was stopped");
    await ended;
    this.#speaker = undefined;
  }

  async #apply(config: SpeakerConfig): Promise<void> {
    if (this.#closed) return;
    if (this.#speaker !== undefined && this.#config !== undefined) {
      if (isSamePerSpeaker(this.#config, config)) {
        const next = withRestart(config, this.#config);
        this.#speaker.reconfigure(next);
        this.#config = next;
        this.#lastError = undefined;
        return;
      }
      this.#deps.log.info("the BGP speaker starts anew: its AS, router id or timers changed");
      await this.#monitoring.follow(undefined);
      await this.#speaker.stop("the node is reconfigured");
      this.#speaker = undefined;
    }
    const started = this.#config === undefined ? config : afterFirst(config);
    const sink = this.#sink;
    sink?.reset();
    const routes = sink === undefined ? {} : { routes: sink };
    const speaker = await Speaker.start(started, { ...this.#deps, ...routes });
    // In one step: what is announced from now on goes to this speaker.
    this.#announceAll(speaker);
    this.#speaker = speaker;
    this.#config = started;
    this.#lastError = undefined;
    await this.#monitoring.follow(speaker);
  }
}

function afterFirst(config: SpeakerConfig): SpeakerConfig {
  const { gracefulRestart } = config;
  if (gracefulRestart === undefined) return config;
  return { ...config, gracefulRestart: { ...gracefulRestart, restarting: false } };
}

/** `config`, and a restart where `running` is one: that belongs to the speaker. */
function withRestart(config: SpeakerConfig, running: SpeakerConfig): SpeakerConfig {
  const { gracefulRestart } = running;
  return gracefulRestart === undefined ? config : { ...config, gracefulRestart };
}

/** Equal in everything but the peers and certificates, and but whether it is a restart. */
function isSamePerSpeaker(a: SpeakerConfig, b: SpeakerConfig): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf({ peers: _peers, tls: _tls, ...config }: SpeakerConfig): string {
  return JSON.stringify(afterFirst({ ...config, peers: [] }), (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
