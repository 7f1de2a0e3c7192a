/** A generator process: senders, a receiver or reflector clients of one case. */
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { assert, must } from "@heddle/std";
import { textOf } from "./addresses.ts";
import { monotonicMs } from "./clock.ts";
import { GeneratorSession } from "./generator-session.ts";
import { RouteChecker } from "./route-checker.ts";
import type {
  Goal,
  Numbered,
  ReachedAnswer,
  TrafficAnswer,
  TrafficRequest,
} from "./traffic-protocol.ts";
import { type Workload, workloadOf } from "./workload.ts";

/** Recordings are looked at when nothing has come for so long. */
const quietMs = 200;
/** The same while a single route is awaited. */
const probeQuietMs = 5;

const replayTurnMs = 5;

/** Sessions that connect at the same time. */
const connectCountMax = 50;

interface Member {
  readonly session: GeneratorSession;
  readonly checker: RouteChecker | undefined;
  /** When the goal was reached and not left again; undefined: it is not. */
  reachedMs: number | undefined;
}

class Traffic {
  #workload: Workload | undefined;
  #members: readonly Member[] = [];

  async answer(request: TrafficRequest): Promise<TrafficAnswer> {
    switch (request.kind) {
      case "prepare":
        this.#workload = workloadOf(request.what, request.role);
        return { kind: "done" };
      case "connect":
        await this.#connect();
        return { kind: "done" };
      case "send":
        return await this.#send((session) => {
          if (request.what !== "probe") return session.endpoint[request.what];
          return session.endpoint.probes[request.index] as Uint8Array;
        });
      case "await":
        return await this.#await(request.goal, request.timeoutMs);
      case "disconnect":
        for (const { session } of this.#members) session[Symbol.dispose]();
        this.#members = [];
        return { kind: "done" };
    }
  }

  async #connect(): Promise<void> {
    assert(this.#workload !== undefined, "a workload is prepared before sessions");
    const { endpoints, expectation } = this.#workload;
    const members: Member[] = [];
    this.#members = members;
    for (let at = 0; at < endpoints.length; at += connectCountMax) {
      const some = endpoints.slice(at, at + connectCountMax);
      const sessions = await Promise.all(some.map((one) => GeneratorSession.establish(one)));
      for (const session of sessions) {
        const { wanted } = session.endpoint;
        const isChecked = wanted !== undefined && expectation !== undefined;
        const checker = isChecked ? new RouteChecker(expectation, wanted) : undefined;
        members.push({ session, checker, reachedMs: undefined });
      }
    }
  }

  async #send(bytesOf: (session: GeneratorSession) => Uint8Array): Promise<TrafficAnswer> {
    const sessions = this.#members.map(({ session }) => session);
    const startMs = monotonicMs();
    await Promise.all(sessions.map((session) => session.send(bytesOf(session))));
    return { kind: "sent", startMs };
  }

  async #await(goal: Goal, timeoutMs: number): Promise<TrafficAnswer> {
    const endMs = monotonicMs() + timeoutMs;
    const isQuick = typeof goal === "object";
    for (const member of this.#members) member.reachedMs = undefined;
    for (;;) {
      await sleep(isQuick ? 1 : 50);
      const lost = this.#members.find(({ session }) => session.lost !== undefined);
      const lastMs = Math.max(...this.#members.map(({ session }) => session.recording.lastMs));
      const nowMs = monotonicMs();
      if (lost === undefined && nowMs < endMs) {
        const isPending = this.#members.some(({ session }) => session.recording.isPending);
        if (!isPending || nowMs - lastMs < (isQuick ? probeQuietMs : quietMs)) continue;
      }
      for (const member of this.#members) await replay(member, goal);
      if (this.#members.every(({ reachedMs }) => reachedMs !== undefined)) return this.#reached();
      if (lost !== undefined) {
        const { session } = lost;
        throw new Error(`${textOf(session.endpoint.neighbor)}: ${session.lost}`);
      }
      if (nowMs >= endMs)
        throw new Error(
          `${JSON.stringify(goal)}, after ${timeoutMs / 1000} s: ${this.#complaint()}`,
        );
    }
  }

  #reached(): ReachedAnswer {
    const times = this.#members.map(({ reachedMs }) => must(reachedMs, "every goal is reached"));
    return { kind: "reached", atMs: Math.max(...times) };
  }

  /** What the first session lacks that lacks something. */
  #complaint(): string {
    const lacking = this.#members.filter(({ reachedMs }) => reachedMs === undefined);
    const [first] = lacking;
    const name = first === undefined ? "" : textOf(first.session.endpoint.neighbor);
    return `${lacking.length} sessions are not there, ${name} has ${first?.checker?.summary}`;
  }
}

/** Yields now and then: should the speaker go on after a pause, nobody keeps it waiting. */
async function replay(member: Member, goal: Goal): Promise<void> {
  const { checker } = member;
  const { recording } = member.session;
  if (checker === undefined) return;
  let resumedMs = monotonicMs();
  while (recording.isPending) {
    const atMs = recording.replay(checker);
    member.reachedMs = isReached(checker, goal) ? (member.reachedMs ?? atMs) : undefined;
    if (monotonicMs() - resumedMs < replayTurnMs) continue;
    await setImmediate();
    resumedMs = monotonicMs();
  }
}

function isReached(checker: RouteChecker, goal: Goal): boolean {
  if (goal === "complete") return checker.isComplete;
  return goal === "empty" ? checker.isEmpty : checker.holds(goal.route);
}

const traffic = new Traffic();

process.on("message", ({ id, body }: Numbered<TrafficRequest>) => {
  traffic
    .answer(body)
    .catch((error: unknown): TrafficAnswer => ({ kind: "failed", why: String(error) }))
    .then((answer) => process.send?.({ id, body: answer }));
});
process.on("disconnect", () => process.exit());
