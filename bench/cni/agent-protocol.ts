/** What the measured agent says on its standard output: one line of JSON each. */

/** The first line: it serves. */
export interface AgentReady {
  readonly kind: "ready";
}

/** The answer to a line on its standard input. */
export interface AgentState {
  readonly kind: "state";
  /** In the journal. */
  readonly allocationCount: number;
  /** In the store, once no write waits. */
  readonly portCount: number;
  /** Pod interfaces that the kernel holds. */
  readonly interfaceCount: number;
  /** Since the last line on its standard input. */
  readonly adds: readonly Spent[];
  readonly dels: readonly Spent[];
}

/** Where the time of one request went, in milliseconds. */
export interface Spent {
  /** When the handler was called, on CLOCK_MONOTONIC. */
  readonly startMs: number;
  readonly handlerMs: number;
  /** Of the handler's time, until the kernel worker had answered. */
  readonly kernelMs: number;
}

export type AgentMessage = AgentReady | AgentState;
