/**
 * Where a store keeps its changes so that they outlive the process. The store decides and keeps
 * everything in memory; the journal only makes a batch of changes durable, all or none.
 */
export interface JournalEntry {
  readonly revision: number;
  readonly resource: string;
  readonly key: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** JSON text of the state after the change; for DELETED the last state. */
  readonly after: string;
  /** JSON text of the state before the change. */
  readonly before: string | undefined;
  /** Wall-clock milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface Journal extends AsyncDisposable {
  /**
   * Resolves when every entry is durable; rejects when none is. Not called again before it settles.
   * Events up to `compactedRevision` may be forgotten.
   */
  append(entries: readonly JournalEntry[], compactedRevision: number): Promise<void>;
}

/** Keeps nothing. */
export const volatileJournal: Journal = {
  async append(): Promise<void> {},
  async [Symbol.asyncDispose](): Promise<void> {},
};
