/** What daemons do where a standard leaves a choice or is not followed, from test to report. */
import { type DaemonName, daemonNames } from "./daemon.ts";

export interface Observation {
  readonly what: string;
  readonly daemon: DaemonName;
  readonly reaction: string;
}

const separator = " | ";
const mark = "observed";

/** One line of a test's diagnostics. */
export function formatObservation({ what, daemon, reaction }: Observation): string {
  return [mark, what, daemon, reaction].join(separator);
}

/** Undefined for a line that is something else. */
export function parseObservation(line: string): Observation | undefined {
  const [first, what, name, reaction] = line.split(separator);
  const daemon = daemonNames.find((known) => known === name);
  if (first !== mark || what === undefined || daemon === undefined || reaction === undefined) {
    return undefined;
  }
  return { what, daemon, reaction };
}
