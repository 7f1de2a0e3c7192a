/** A BGP speaker that can be measured: how it is started, and which cases are beyond it. */
import type { Case } from "./cases.ts";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

export interface Contestant {
  readonly name: string;
  /** CPU time that it uses in a quarter of a second with nothing to do; default 15. */
  readonly idleCpuMs?: number;
  /** Why it does not take part; undefined when it does. */
  refusal(what: Case): string | undefined;
  /** Writes its configuration into `directory`, which is its own. */
  prepare(what: Case, directory: string): Command;
}
