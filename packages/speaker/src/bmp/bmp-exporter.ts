/**
 * BMP (RFC 7854): tells monitoring stations what the peers of a speaker send and are sent, and what
 * it makes of it. No station slows another one, or BGP. It connects from the network namespace of
 * the process, whichever the speaker lives in.
 */

import type { Clock, Log, Rng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import { isSame } from "../same-config.ts";
import type { Speaker } from "../speaker.ts";
import { BmpStation, type BmpStationDeps } from "./bmp-station.ts";
import type { BmpIdentity, BmpStationConfig } from "./config.ts";

export interface BmpExporterDeps {
  readonly speaker: Speaker;
  readonly identity: BmpIdentity;
  readonly log: Log;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly rng?: Rng;
}

export interface BmpStationStatus {
  readonly host: string;
  readonly port: number;
  readonly connected: boolean;
  /** Times that it was cut off because it was too slow. */
  readonly cutOffCount: number;
}

interface Exported {
  readonly at: BmpStationConfig;
  readonly station: BmpStation;
}

export class BmpExporter implements AsyncDisposable {
  readonly #deps: BmpStationDeps;
  /** Without stations nobody looks at the sessions. */
  #observation: Disposable | undefined;
  /** Stations that were taken away and are being told so. */
  readonly #closing: Set<Promise<void>> = new Set();
  #stations: readonly Exported[] = [];

  constructor(stations: readonly BmpStationConfig[], deps: BmpExporterDeps) {
    const { clock = systemClock, rng = systemRng } = deps;
    this.#deps = { ...deps, clock, rng };
    this.reconfigure(stations);
  }

  /** Other stations; those that are configured as before stay connected. */
  reconfigure(stations: readonly BmpStationConfig[]): void {
    const before = [...this.#stations];
    this.#stations = stations.map((at) => {
      const same = before.findIndex((each) => isSame(each.at, at));
      const [kept] = same < 0 ? [] : before.splice(same, 1);
      return kept ?? { at, station: new BmpStation(at, this.#deps) };
    });
    for (const { station } of before) this.#close(station);
    if (stations.length > 0) this.#observation ??= this.#observe();
    else this.#unobserve();
  }

  get status(): readonly BmpStationStatus[] {
    return this.#stations.map(({ at: { host, port }, station }) => ({
      ...{ host, port },
      connected: station.isConnected,
      cutOffCount: station.cutOffCount,
    }));
  }

  /** Tells the stations that this was meant, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.reconfigure([]);
    await Promise.all([...this.#closing]);
  }

  #observe(): Disposable {
    return this.#deps.speaker.observe({
      message: (session, direction, bytes) => {
        for (const { station } of this.#stations) station.message(session, direction, bytes);
      },
      established: (session) => {
        for (const { station } of this.#stations) station.established(session);
      },
      ended: (session, end) => {
        for (const { station } of this.#stations) station.ended(session, end);
      },
    });
  }

  #unobserve(): void {
    this.#observation?.[Symbol.dispose]();
    this.#observation = undefined;
  }

  #close(station: BmpStation): void {
    const closing = station[Symbol.asyncDispose]().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}
