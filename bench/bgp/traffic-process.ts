/** A generator process as the run sees it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Fd, withNetns } from "@heddle/native";
import { assert } from "@heddle/std";
import type { Case } from "./cases.ts";
import type {
  Goal,
  Numbered,
  ReachedAnswer,
  TrafficAnswer,
  TrafficRequest,
} from "./traffic-protocol.ts";
import type { TrafficRole } from "./workload.ts";

const main = path.join(import.meta.dirname, "traffic-main.ts");

export class TrafficProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: TrafficAnswer) => void>();
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", ({ id, body }: Numbered<TrafficAnswer>) => this.#settle(id, body));
    child.on("exit", () => {
      for (const id of this.#waiting.keys()) {
        this.#settle(id, { kind: "failed", why: "the generator ended" });
      }
    });
  }

  /** Makes the workload of `what`; sessions come later. */
  static async start(netns: Fd, what: Case, role: TrafficRole): Promise<TrafficProcess> {
    const child = withNetns(netns, () =>
      spawn(process.execPath, [main], { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
    const traffic = new TrafficProcess(child);
    await traffic.#ask({ kind: "prepare", what, role });
    return traffic;
  }

  async connect(): Promise<void> {
    await this.#ask({ kind: "connect" });
  }

  /** The time at which the first octet was handed over. */
  async send(what: "announcements" | "withdrawals"): Promise<number> {
    return startOf(await this.#ask({ kind: "send", what }));
  }

  /** As `send`. */
  async sendProbe(index: number): Promise<number> {
    return startOf(await this.#ask({ kind: "send", what: "probe", index }));
  }

  /** @throws Error that says what is missing after `timeoutMs`, or that a session was lost */
  async reach(goal: Goal, timeoutMs: number): Promise<ReachedAnswer> {
    const answer = await this.#ask({ kind: "await", goal, timeoutMs });
    assert(answer.kind === "reached", "an awaited goal is reached or fails");
    return answer;
  }

  async disconnect(): Promise<void> {
    if (this.#child.connected) await this.#ask({ kind: "disconnect" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#child.connected) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }

  async #ask(request: TrafficRequest): Promise<TrafficAnswer> {
    if (!this.#child.connected) throw new Error(`Cannot ${request.kind}: the generator ended`);
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = new Promise<TrafficAnswer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, body: request } satisfies Numbered<TrafficRequest>);
    const answer = await answered;
    if (answer.kind === "failed") throw new Error(`Cannot ${request.kind}: ${answer.why}`);
    return answer;
  }

  #settle(id: number, answer: TrafficAnswer): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }
}

function startOf(answer: TrafficAnswer): number {
  assert(answer.kind === "sent", "what is to be sent is sent or fails");
  return answer.startMs;
}
