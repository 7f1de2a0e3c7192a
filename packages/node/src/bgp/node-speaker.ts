/**
 * The BGP speaker of a node over the life of the agent: it exists as soon as the data centre's
 * objects say how, follows their changes, and carries what the node announces.
 *
 * Invariants: every announced prefix is originated by the speaker that runs, also when that speaker
 * is a later one; only the first speaker after the agent's start is a restarting one (RFC 4724),
 * since only then were routes kept.
 */

import type { Prefix } from "@heddle/inet";
import type { AnnounceOptions, FibSink, PeerStatus, Route, RoutesFilter } from "@heddle/speaker";
import { Speaker, type SpeakerConfig, type SpeakerDeps } from "@heddle/speaker";
import type { Log } from "@heddle/std";
import type { Announcer } from "../announcer.ts";

export interface NodeSpeakerDeps extends Omit<SpeakerDeps, "fib" | "log"> {
  readonly fib: FibSink;
  readonly log: Log;
}

export class NodeSpeaker implements Announcer, AsyncDisposable {
  readonly #deps: NodeSpeakerDeps;
  readonly #announced: Set<Prefix> = new Set();
  #options: AnnounceOptions = {};
  #speaker: Speaker | undefined;
  #config: SpeakerConfig | undefined;
  /** Configurations are applied one after the other. */
  #applying: Promise<void> = Promise.resolve();
  #lastError: Error | undefined;
  #closed = false;

  constructor(deps: NodeSpeakerDeps) {
    this.#deps = deps;
  }

  /** Why the last configuration is not in force; undefined when it is. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  get config(): SpeakerConfig | undefined {
    return this.#config;
  }

  /** Attributes of all that is announced from now on, and of what is announced already. */
  setAnnounceOptions(options: AnnounceOptions): void {
    this.#options = options;
    for (const prefix of this.#announced) this.#speaker?.announce(prefix, options);
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
    await this.#speaker?.stopForRestart();
    this.#speaker = undefined;
  }

  /** Ends the sessions for good: peers drop what this node announced. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#applying;
    await this.#speaker?.stop("the agent was stopped");
    this.#speaker = undefined;
  }

  async #apply(config: SpeakerConfig): Promise<void> {
    if (this.#closed) return;
    if (this.#speaker !== undefined && this.#config !== undefined) {
      if (isSamePerSpeaker(this.#config, config)) {
        this.#speaker.reconfigure({ ...this.#config, peers: config.peers });
        this.#config = { ...this.#config, peers: config.peers };
        this.#lastError = undefined;
        return;
      }
      this.#deps.log.info("the BGP speaker starts anew: its AS, router id or timers changed");
      await this.#speaker.stop("the node is reconfigured");
      this.#speaker = undefined;
    }
    const started = this.#config === undefined ? config : afterFirst(config);
    const speaker = await Speaker.start(started, this.#deps);
    for (const prefix of this.#announced) speaker.announce(prefix, this.#options);
    this.#speaker = speaker;
    this.#config = started;
    this.#lastError = undefined;
  }
}

function afterFirst(config: SpeakerConfig): SpeakerConfig {
  const { gracefulRestart } = config;
  if (gracefulRestart === undefined) return config;
  return { ...config, gracefulRestart: { ...gracefulRestart, restarting: false } };
}

/** Equal in everything but the peers, and but whether it is a restart. */
function isSamePerSpeaker(a: SpeakerConfig, b: SpeakerConfig): boolean {
  return keyOf(a) === keyOf(b);
}

function keyOf({ peers: _peers, ...config }: SpeakerConfig): string {
  return JSON.stringify(afterFirst({ ...config, peers: [] }), (_key, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
}
