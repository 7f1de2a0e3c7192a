/** Configuration of the BMP exporter (RFC 7854). */

export interface BmpStationConfig {
  /** Host name or address of the monitoring station. */
  readonly host: string;
  readonly port: number;
  /** What it gets; default: what came in, before import policy. */
  readonly views?: readonly BmpView[];
  /** Between Statistics Reports; 0 sends none; default 60 s. */
  readonly statisticsMs?: number;
  /**
   * Octets that may wait for a station; one that is slower than that is cut off, and told
   * everything again from the table when it is back. Default 8 MiB.
   */
  readonly queueLengthMax?: number;
}

/**
 * The Adj-RIBs-In before and after import policy (RFC 7854), the Loc-RIB (RFC 9069), and the
 * Adj-RIBs-Out after export policy (RFC 8671).
 */
export type BmpView = "pre-policy" | "post-policy" | "loc-rib" | "adj-rib-out";

export const bmpViews: readonly BmpView[] = [
  ...(["pre-policy", "post-policy", "loc-rib", "adj-rib-out"] as const),
];
export const defaultBmpViews: readonly BmpView[] = ["pre-policy"];
export const defaultStatisticsMs = 60_000;
export const defaultQueueLengthMax: number = 8 * 1024 * 1024;

/** What a station is told of us. */
export interface BmpIdentity {
  readonly sysName: string;
  readonly sysDescr: string;
}
