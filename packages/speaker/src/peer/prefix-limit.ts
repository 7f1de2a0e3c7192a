/** Warns before a peer reaches its prefix limit, which the RIB enforces. */
import type { AddressFamily } from "@heddle/bgp";
import type { Clock, Log } from "@heddle/std";
import type { PeerConfig } from "../config.ts";

/** Counting looks at the whole table, so not every UPDATE is worth it. */
const checkIntervalMs = 1000;

export class PrefixLimit {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #warned: Set<AddressFamily> = new Set();
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Families that have come near the limit in this session. */
  get warned(): readonly AddressFamily[] {
    return [...this.#warned];
  }

  /** A new session begins. */
  reset(): void {
    this.#warned.clear();
    this.#checkedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** An UPDATE has been taken; `countOf` gives the prefixes held of a family. */
  heard(config: PeerConfig, countOf: (family: AddressFamily) => number): void {
    const { prefixCountMax, prefixWarningPercent } = config;
    if (prefixCountMax === undefined || prefixWarningPercent === undefined) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#checkedAtMs < checkIntervalMs) return;
    this.#checkedAtMs = nowMs;
    const threshold = Math.floor((prefixCountMax * prefixWarningPercent) / 100);
    for (const family of config.families) {
      const count = countOf(family);
      if (count <= threshold || this.#warned.has(family)) continue;
      this.#warned.add(family);
      this.#log.warn("peer comes near its prefix limit", { family, count, prefixCountMax });
    }
  }
}
