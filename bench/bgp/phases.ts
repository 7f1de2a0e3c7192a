/** Where the engine's time goes, by the profiler's samples: self time by source file. */
import { type Profiler, Session } from "node:inspector";

const samplingIntervalUs = 100;

/** The first pattern that a file's URL matches names its phase. */
const phases: readonly (readonly [name: string, file: RegExp])[] = [
  ["encode", /\/bgp\/src\/packet\/(encode-|update-builder)/],
  ["encode", /\/bgp\/src\/rib\/(export|update-batch|group-|catch-up|.*sync|add-path-out)/],
  ["parse", /\/bgp\/src\/packet\//],
  ["parse", /\/bgp\/src\/rib\/update-receiver/],
  ["intern", /\/bgp\/src\/(policy\/|rib\/(blocks|classes|import|residue|payload-table))/],
  ["decide", /\/bgp\/src\/rib\//],
];
const other = "other";

export class Phases {
  readonly #msByPhase: ReadonlyMap<string, number>;

  /** Runs `work`, which must be synchronous, under the profiler. */
  constructor(work: () => void) {
    const session = new Session();
    session.connect();
    try {
      post(session, "Profiler.enable");
      post(session, "Profiler.setSamplingInterval", { interval: samplingIntervalUs });
      post(session, "Profiler.start");
      work();
      this.#msByPhase = selfTimes(stop(session));
    } finally {
      session.disconnect();
    }
  }

  /** One line; `routeCount` makes times per route of them. */
  text(routeCount: number): string {
    const names = [...new Set([...phases.map(([name]) => name), other])];
    const parts = names.map((name) => {
      const ms = this.#msByPhase.get(name) ?? 0;
      return `${name} ${((ms * 1e6) / routeCount).toFixed(0)}`;
    });
    return `ns per route: ${parts.join(", ")}`;
  }
}

function selfTimes({
  nodes,
  samples = [],
  timeDeltas = [],
}: Profiler.Profile): Map<string, number> {
  const phaseById = new Map(nodes.map(({ id, callFrame }) => [id, phaseOf(callFrame.url)]));
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const phase = phaseById.get(id) ?? other;
    // A delta is the time before its sample; it belongs to the sample before.
    const deltaUs = timeDeltas[i + 1] ?? 0;
    times.set(phase, (times.get(phase) ?? 0) + deltaUs / 1000);
  }
  return times;
}

function phaseOf(url: string): string {
  return phases.find(([, file]) => file.test(url))?.[0] ?? other;
}

/** Answers of a session to the own thread come before `post` returns. */
function post(session: Session, method: string, params?: object): void {
  session.post(method, params, (error) => {
    if (error !== null) throw new Error(`Cannot profile: ${method}`, { cause: error });
  });
}

function stop(session: Session): Profiler.Profile {
  let profile: Profiler.Profile | undefined;
  session.post("Profiler.stop", (error, result) => {
    if (error === null) profile = result.profile;
  });
  if (profile === undefined) throw new Error("Cannot profile: no answer to Profiler.stop");
  return profile;
}
