/** One row of the table: a feature, tested against every daemon that has it. */
import { describe, test } from "node:test";
import type { Speaker, SpeakerDeps } from "@heddle/speaker";
import { type Daemon, type DaemonConfig, type DaemonName, daemonNames } from "../daemon.ts";
import { startDaemon } from "../start-daemon.ts";
import { type Host, Lan } from "./lan.ts";
import { type OurConfig, startSpeaker } from "./our-speaker.ts";

const featureMsMax = 60_000;

/** A network of its own for one test, and all that runs on it; it goes in reverse order. */
export class Bed implements AsyncDisposable {
  readonly daemonName: DaemonName;
  readonly lan: Lan;
  readonly us: Host;
  readonly them: Host;
  readonly #running = new AsyncDisposableStack();

  constructor(daemonName: DaemonName) {
    this.daemonName = daemonName;
    this.lan = this.#running.use(new Lan());
    this.us = this.lan.addHost("us");
    this.them = this.lan.addHost(daemonName);
  }

  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    return this.#running.use(resource);
  }

  async daemon(config: DaemonConfig, host: Host = this.them): Promise<Daemon> {
    return this.#running.use(await startDaemon[this.daemonName](host, config));
  }

  async speaker(
    config: OurConfig,
    host: Host = this.us,
    deps: Partial<SpeakerDeps> = {},
  ): Promise<Speaker> {
    return this.#running.use(await startSpeaker(host, config, deps));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.disposeAsync();
  }
}

/** Why a daemon is not asked; the others are. */
export type Unsupported = Readonly<Partial<Record<DaemonName, string>>>;

/** `name` begins with the RFC; the report of `run.ts` is made of suites and their tests. */
export function feature(
  name: string,
  unsupported: Unsupported,
  body: (bed: Bed) => Promise<void>,
): void {
  describe(name, { timeout: 4 * featureMsMax }, () => {
    for (const daemonName of daemonNames) {
      const why = unsupported[daemonName];
      const options = { timeout: featureMsMax, ...(why === undefined ? {} : { skip: why }) };
      test(daemonName, options, async () => {
        await using bed = new Bed(daemonName);
        await body(bed);
      });
    }
  });
}
