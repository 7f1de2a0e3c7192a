/** One run of one speaker in one case. */
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../harness/stats.ts";
import type { Case, FirstRouteCase } from "./cases.ts";
import type { Contestant } from "./contestant.ts";
import type { Network } from "./network.ts";
import { SpeakerProcess } from "./speaker-process.ts";
import { TrafficProcess } from "./traffic-process.ts";

/** Quantities by name, each a row of the report. */
export type Sample = Readonly<Record<string, Quantity>>;

export interface Quantity {
  readonly value: number;
  readonly unit: string;
}

/** After the sessions are up: what speakers do then, and their timers, are not measured. */
const settleMs = 1000;
const probeEveryMs = 50;
/** For a busy machine; idle, the slowest case takes a quarter of it. */
const goalTimeoutMs = 180_000;

/** The generator of one case; it serves all runs. */
export interface Traffic extends AsyncDisposable {
  readonly senders: TrafficProcess;
  /** The same process as `senders` where each client is both. */
  readonly receivers: TrafficProcess;
}

export async function startTraffic(network: Network, what: Case): Promise<Traffic> {
  await using owned = new AsyncDisposableStack();
  const start = async (role: "senders" | "receiver" | "clients"): Promise<TrafficProcess> =>
    owned.use(await TrafficProcess.start(network.traffic, what, role));
  const isOne = what.kind === "reflector";
  const senders = await start(isOne ? "clients" : "senders");
  const receivers = isOne ? senders : await start("receiver");
  const kept = owned.move();
  return { senders, receivers, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** @throws Error when the speaker does not do its work, or not correctly */
export async function measure(
  contestant: Contestant,
  what: Case,
  network: Network,
  traffic: Traffic,
): Promise<Sample> {
  await using speaker = await SpeakerProcess.start(contestant, what, network.speaker);
  const processes = new Set([traffic.senders, traffic.receivers]);
  try {
    for (const one of processes) await one.connect();
    await sleep(settleMs);
    await speaker.settle();
    return what.kind === "first-route"
      ? await measureProbes(what, speaker, traffic)
      : await measureTable(speaker, traffic);
  } finally {
    for (const one of processes) await one.disconnect();
  }
}

async function measureTable(speaker: SpeakerProcess, traffic: Traffic): Promise<Sample> {
  const announced = await phase(speaker, traffic, "announcements");
  const peakMiB = speaker.peakMiB;
  const withdrawn = await phase(speaker, traffic, "withdrawals");
  return {
    "last route": { value: announced.elapsedMs / 1000, unit: "s" },
    CPU: { value: announced.cpuMs / 1000, unit: "s" },
    "peak RSS": { value: peakMiB, unit: "MiB" },
    "withdraw all": { value: withdrawn.elapsedMs / 1000, unit: "s" },
    "withdraw CPU": { value: withdrawn.cpuMs / 1000, unit: "s" },
  };
}

interface Phase {
  /** From the first octet sent until the last receiver had what it should. */
  readonly elapsedMs: number;
  /** Until the speaker was idle again. */
  readonly cpuMs: number;
}

async function phase(
  speaker: SpeakerProcess,
  { senders, receivers }: Traffic,
  what: "announcements" | "withdrawals",
): Promise<Phase> {
  const before = speaker.cpuMs;
  const goal = what === "announcements" ? "complete" : "empty";
  const reaching = receivers.reach(goal, goalTimeoutMs);
  const [{ atMs }, startMs] = await Promise.all([reaching, senders.send(what)]);
  await speaker.settle();
  return { elapsedMs: atMs - startMs, cpuMs: speaker.cpuMs - before };
}

/** The median of single routes, one after the other, each to an idle speaker. */
async function measureProbes(
  what: FirstRouteCase,
  speaker: SpeakerProcess,
  traffic: Traffic,
): Promise<Sample> {
  await phase(speaker, traffic, "announcements");
  const timesMs: number[] = [];
  for (let index = 0; index < what.probeCount; index += 1) {
    const route = what.routeCount + index;
    const reaching = traffic.receivers.reach({ route }, goalTimeoutMs);
    const [{ atMs }, startMs] = await Promise.all([reaching, traffic.senders.sendProbe(index)]);
    timesMs.push(atMs - startMs);
    await sleep(probeEveryMs);
  }
  return { "route to route": { value: median(timesMs), unit: "ms" } };
}
