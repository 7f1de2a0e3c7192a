/**
 * The thread that waits for the disk, so that the main thread never does. One message is one
 * transaction.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { JournalEntry } from "@heddle/kube";
import { ChangeWriter, openDatabase, StorageError } from "./database.ts";

export type JournalRequest =
  | {
      readonly kind: "write";
      readonly entries: readonly JournalEntry[];
      readonly compactedRevision: number;
    }
  | { readonly kind: "close" };

export interface JournalAnswer {
  /** What went wrong; undefined when the request is done. */
  readonly error: string | undefined;
}

function main(): void {
  const port = parentPort;
  if (port === null) throw new StorageError("closed", "Cannot run: not a worker thread, want one");
  const database = openDatabase(String(workerData));
  const writer = new ChangeWriter(database);
  port.on("message", (request: JournalRequest) => {
    if (request.kind === "close") {
      database.close();
      port.close();
      return;
    }
    port.postMessage(answer(writer, request.entries, request.compactedRevision));
  });
}

function answer(
  writer: ChangeWriter,
  entries: readonly JournalEntry[],
  compactedRevision: number,
): JournalAnswer {
  try {
    writer.write(entries, compactedRevision);
    return { error: undefined };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

main();
