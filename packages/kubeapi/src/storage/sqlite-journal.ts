/** The journal in a thread of its own. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Journal, JournalEntry } from "@heddle/kube";
import { StorageError } from "./database.ts";
import type { JournalAnswer, JournalRequest } from "./journal-worker.ts";

const defaultWorkerFile = new URL("./journal-worker.ts", import.meta.url);

export interface SqliteJournalOptions {
  /** The database file; locked by the caller. */
  readonly path: string;
  /** Where the module of the thread is, for a bundle. */
  readonly workerFile?: URL;
  /** Called once when the thread is gone and nothing can be written any more. */
  readonly onFailure: (error: Error) => void;
}

export class SqliteJournal implements Journal {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #onFailure: (error: Error) => void;
  #pending: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;
  #closing = false;

  constructor({ path, workerFile, onFailure }: SqliteJournalOptions) {
    this.#path = path;
    this.#onFailure = onFailure;
    const file = workerFile === undefined ? defaultWorkerFile : workerFile;
    this.#worker = new Worker(file, { workerData: path, name: "journal" });
    this.#worker.on("message", (answer: JournalAnswer) => this.#answered(answer));
    this.#worker.on("error", (error) => this.#failed(errorOf(error)));
    this.#worker.on("exit", () => this.#failed(new Error("its thread has ended")));
  }

  /** @throws StorageError; after the thread has ended every call fails. */
  append(entries: readonly JournalEntry[], compactedRevision: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#error(this.#failure.message));
    this.#pending = Promise.withResolvers<void>();
    // The thread reads the earlier states from its own tables; sending them would double the
    // copying.
    const sent = entries.map((entry) => ({ ...entry, before: undefined }));
    this.#send({ kind: "write", entries: sent, compactedRevision });
    return this.#pending.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#failure !== undefined || this.#closing) return;
    this.#closing = true;
    const exit = once(this.#worker, "exit");
    this.#send({ kind: "close" });
    await exit;
  }

  #send(request: JournalRequest): void {
    this.#worker.postMessage(request);
  }

  #answered({ error }: JournalAnswer): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (error === undefined) pending?.resolve();
    else pending?.reject(this.#error(error));
  }

  #failed(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#pending?.reject(this.#error(error.message));
    this.#pending = undefined;
    if (!this.#closing) this.#onFailure(this.#error(error.message));
  }

  #error(why: string): StorageError {
    return new StorageError("write", `Cannot write ${this.#path}: ${why}`);
  }
}

function errorOf(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
