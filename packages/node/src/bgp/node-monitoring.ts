/**
 * The monitoring stations of a node (BMP, RFC 7854), over the life of the agent: one exporter for
 * the speaker that runs, another one for the next speaker.
 */
import type { MonitoringStation } from "@heddle/api";
import {
  BmpExporter,
  type BmpExporterDeps,
  type BmpIdentity,
  type BmpStationConfig,
  type BmpStationStatus,
  type BmpView,
  type Speaker,
} from "@heddle/speaker";

export type NodeMonitoringDeps = Omit<BmpExporterDeps, "speaker" | "identity">;

const views: Readonly<Record<MonitoringStation["views"][number], BmpView>> = {
  PrePolicy: "pre-policy",
  PostPolicy: "post-policy",
  LocRib: "loc-rib",
  AdjRibOut: "adj-rib-out",
};

/** In the words of the speaker. */
export function stationConfigOf(station: MonitoringStation): BmpStationConfig {
  return {
    host: station.address,
    port: station.port,
    views: station.views.map((view) => views[view]),
    statisticsMs: station.statisticsSeconds * 1000,
  };
}

export class NodeMonitoring {
  readonly #deps: NodeMonitoringDeps;
  #identity: BmpIdentity | undefined;
  #stations: readonly BmpStationConfig[] = [];
  #speaker: Speaker | undefined;
  #exporter: BmpExporter | undefined;

  constructor(deps: NodeMonitoringDeps) {
    this.#deps = deps;
  }

  get status(): readonly BmpStationStatus[] {
    return this.#exporter?.status ?? [];
  }

  /** `identity` counts for stations that come. Those that are as before stay connected. */
  setStations(stations: readonly MonitoringStation[], identity: BmpIdentity): void {
    this.#identity = identity;
    this.#stations = stations.map(stationConfigOf);
    if (this.#exporter === undefined) this.#open();
    else this.#exporter.reconfigure(this.#stations);
  }

  /** What the stations are told of the speaker before ends first. Undefined: that was the last. */
  async follow(speaker: Speaker | undefined): Promise<void> {
    const before = this.#exporter;
    this.#exporter = undefined;
    this.#speaker = speaker;
    await before?.[Symbol.asyncDispose]();
    this.#open();
  }

  #open(): void {
    const speaker = this.#speaker;
    const identity = this.#identity;
    // Stations may have come while the exporter before was ending.
    if (speaker === undefined || identity === undefined || this.#exporter !== undefined) return;
    this.#exporter = new BmpExporter(this.#stations, { ...this.#deps, speaker, identity });
  }
}
