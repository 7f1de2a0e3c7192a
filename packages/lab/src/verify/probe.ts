/** What goes into and comes out of a probe process (`probe-main.ts`), as JSON. */
import type { FlowProtocol, ProbeResult } from "./flow.ts";

export interface Probe {
  readonly protocol: FlowProtocol;
  /** Destination, text. */
  readonly address: string;
  /** Of the echo server; unused by ICMP. */
  readonly port: number;
  readonly timeoutMs: number;
  /** How often to try before the probe fails. */
  readonly attempts: number;
}

export type ProbeAnswer = ProbeResult;
