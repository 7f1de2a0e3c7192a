/** The store of the API server: objects in memory, changes in an SQLite file. */
import { type Journal, VersionedStore, type VersionedStoreOptions } from "@heddle/kube";
import { lockDatabase, openDatabase } from "./database.ts";
import { loadSnapshot } from "./load-snapshot.ts";
import { SqliteJournal, type SqliteJournalOptions } from "./sqlite-journal.ts";

export interface SqliteStoreOptions
  extends Omit<VersionedStoreOptions, "journal" | "snapshot">,
    SqliteJournalOptions {}

/**
 * Locks the file, which is made when it does not exist, reads it and starts the journal.
 * @throws StorageError
 */
export function openSqliteStore(options: SqliteStoreOptions): VersionedStore {
  using owned = new DisposableStack();
  const lock = owned.use(lockDatabase(options.path));
  const snapshot = readSnapshot(options.path);
  owned.move();
  return new VersionedStore({ ...options, snapshot, journal: locked(lock, options) });
}

function readSnapshot(path: string): VersionedStoreOptions["snapshot"] {
  const database = openDatabase(path);
  try {
    return loadSnapshot(database);
  } finally {
    database.close();
  }
}

/** The lock lasts until the journal's last write is done. */
function locked(lock: Disposable, options: SqliteJournalOptions): Journal {
  const journal = new SqliteJournal(options);
  return {
    append: (entries, compactedRevision) => journal.append(entries, compactedRevision),
    async [Symbol.asyncDispose](): Promise<void> {
      await journal[Symbol.asyncDispose]();
      lock[Symbol.dispose]();
    },
  };
}
