/**
 * The data plane in a thread of its own, so that the kernel's RTNL lock (a deletion holds it for 18
 * ms) blocks nobody else. The thread lives in the network namespace of the thread that starts it.
 */
import { Worker } from "node:worker_threads";
import { CallingDataplane } from "./calling-dataplane.ts";
import type { Answer, Call } from "./calls.ts";
import { DataplaneError } from "./dataplane-error.ts";
import type { KernelDataplaneOptions } from "./kernel-dataplane.ts";
import type { WorkerMessage, WorkerReply } from "./worker-message.ts";

/**
 * Calls that wait for the worker. A node has hundreds of pods: more waiting calls mean that
 * something is stuck.
 */
const pendingCountMax = 1024;

export interface WorkerDataplaneOptions extends KernelDataplaneOptions {
  /** The worker's entry; default: beside this file. A bundle names its own. */
  readonly workerFile?: URL;
}

interface Pending {
  resolve(answer: Answer): void;
  reject(error: DataplaneError): void;
}

export class WorkerDataplane extends CallingDataplane {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #ended: DataplaneError | undefined;

  constructor(options: WorkerDataplaneOptions) {
    super();
    const { workerFile = new URL("./kernel-worker.ts", import.meta.url), ...kernel } = options;
    this.#worker = new Worker(workerFile, { workerData: kernel, name: "heddle-kernel" });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    this.#worker.on("message", (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on("error", (error: unknown) => this.#end(error));
    this.#worker.on("exit", () => {
      this.#end(undefined);
      resolve();
    });
  }

  /** Lets the calls that wait be answered, then ends the worker. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) this.#post({ kind: "close" });
    await this.#exited;
  }

  protected override send(call: Call): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#pending.size >= pendingCountMax) {
      const message = `Cannot call ${call.method}: ${pendingCountMax} calls wait, want fewer`;
      return Promise.reject(new DataplaneError("overloaded", message));
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#post({ kind: "call", id, call });
    });
  }

  #post(message: WorkerMessage): void {
    this.#worker.postMessage(message);
  }

  #settle({ id, answer }: WorkerReply): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.resolve(answer);
  }

  /** Whatever waits, and whatever comes, fails with the reason of the end. */
  #end(cause: unknown): void {
    if (this.#ended !== undefined) return;
    const why = cause instanceof Error ? cause.message : "it was closed";
    const message = `Cannot reach the kernel worker: ${why}`;
    this.#ended = new DataplaneError("worker-ended", message, undefined, { cause });
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
