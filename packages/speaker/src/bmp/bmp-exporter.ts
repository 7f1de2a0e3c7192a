/**
 * BMP (RFC 7854): tells monitoring stations what the peers of a speaker send. No station slows
 * another one, or BGP.
 */

import type { Clock, Log, Rng } from "@heddle/std";
import { systemClock, systemRng } from "@heddle/system";
import type { Speaker } from "../speaker.ts";
import { BmpStation } from "./bmp-station.ts";
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

export class BmpExporter implements AsyncDisposable {
  readonly #stations: readonly { readonly at: BmpStationConfig; readonly station: BmpStation }[];
  readonly #observation: Disposable;

  constructor(stations: readonly BmpStationConfig[], deps: BmpExporterDeps) {
    const { speaker, clock = systemClock, rng = systemRng } = deps;
    const common = { ...deps, clock, rng };
    this.#stations = stations.map((at) => ({ at, station: new BmpStation(at, common) }));
    this.#observation = speaker.observe({
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

  /** To be called when import policies or owners have changed. */
  reevaluated(): void {
    for (const { station } of this.#stations) station.reevaluated();
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
    this.#observation[Symbol.dispose]();
    await Promise.all(this.#stations.map(({ station }) => station[Symbol.asyncDispose]()));
  }
}
