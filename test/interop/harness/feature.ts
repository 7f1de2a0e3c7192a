/** One row of the matrix: a feature, tested against every daemon that has it. */
import { describe, test } from "node:test";
import type { Speaker, SpeakerDeps } from "@heddle/speaker";
import {
  type Daemon,
  type DaemonConfig,
  type DaemonName,
  type DaemonPeer,
  daemonNames,
} from "../daemon.ts";
import { formatObservation } from "../observations.ts";
import { startDaemon } from "../start-daemon.ts";
import { type Host, Lan } from "./lan.ts";
import { type OurConfig, type OurPeer, startSpeaker } from "./our-speaker.ts";
import { listenWithTls, overTls } from "./tls.ts";

const testMsMax = 60_000;
/** Daemons that a feature is tested with at a time; `run.ts` bounds the features. */
const daemonsAtATime = 2;

/** A network of its own for one test, and all that runs on it; it goes in reverse order. */
export class Bed implements AsyncDisposable {
  readonly daemonName: DaemonName;
  readonly lan: Lan;
  readonly us: Host;
  readonly them: Host;
  readonly #running = new AsyncDisposableStack();
  readonly #say: (text: string) => void;

  constructor(daemonName: DaemonName, say: (text: string) => void) {
    this.daemonName = daemonName;
    this.#say = say;
    this.lan = this.#running.use(new Lan());
    this.us = this.lan.addHost("us");
    this.them = this.lan.addHost(daemonName);
  }

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    return this.#running.use(resource);
  }

  /** With Heddle the session to us is inside TLS, unless it has MD5, GTSM or `plain`. */
  async daemon(config: DaemonConfig, host: Host = this.them): Promise<Daemon> {
    const secured = this.daemonName === "heddle" && host === this.them;
    const peers = secured ? config.peers.map((peer) => this.#securedThere(peer)) : config.peers;
    return this.#running.use(await startDaemon[this.daemonName](host, { ...config, peers }));
  }

  async speaker(
    config: OurConfig,
    host: Host = this.us,
    deps: Partial<SpeakerDeps> = {},
  ): Promise<Speaker> {
    const secured = this.daemonName === "heddle" && host === this.us;
    const own = secured ? this.#securedHere(config) : config;
    return this.#running.use(await startSpeaker(host, own, deps));
  }

  #securedThere(peer: DaemonPeer): DaemonPeer {
    const isUs = [this.us.ip4, this.us.ip6].includes(peer.address) || peer.range !== undefined;
    return isUs && allowsTls(peer) ? { ...peer, tls: true } : peer;
  }

  #securedHere(config: OurConfig): OurConfig {
    const isThem = ({ address }: OurPeer): boolean =>
      [this.them.ip4, this.them.ip6].includes(address);
    const { dynamicPeers = [] } = config;
    return {
      ...listenWithTls(this.us, "us"),
      ...config,
      peers: config.peers.map((peer) =>
        isThem(peer) && allowsTls(peer) ? { ...overTls("them"), ...peer } : peer,
      ),
      dynamicPeers: dynamicPeers.map((range) => ({
        ...range,
        template: { tls: {}, ...range.template },
      })),
    };
  }

  /** A line of another table of the matrix: what this daemon did with `what`. */
  observed(what: string, reaction: string): void {
    this.#say(formatObservation({ what, daemon: this.daemonName, reaction }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}

/** Neither goes with TLS, which neither needs. */
function allowsTls(peer: Pick<OurPeer, "md5" | "ttlSecurity" | "plain">): boolean {
  return peer.md5 === undefined && peer.ttlSecurity !== true && peer.plain !== true;
}

/** Why a daemon is not asked; the others are. */
export type Unsupported = Readonly<Partial<Record<DaemonName, string>>>;

/** `name` begins with the RFC; the report of `run.ts` is made of suites and their tests. */
export function feature(
  name: string,
  unsupported: Unsupported,
  body: (bed: Bed) => Promise<void>,
): void {
  const options = { timeout: daemonNames.length * testMsMax, concurrency: daemonsAtATime };
  describe(name, options, () => {
    for (const daemonName of daemonNames) {
      const why = unsupported[daemonName];
      const options = { timeout: testMsMax, ...(why === undefined ? {} : { skip: why }) };
      test(daemonName, options, async (t) => {
        await using bed = new Bed(daemonName, (text) => t.diagnostic(text));
        await body(bed);
      });
    }
  });
}
