/**
 * The database of the API server: the objects as they are, the recent changes, and how far both go.
 * One process at a time; the write-ahead log is synced at every commit, so a committed change
 * survives a power cut.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { JournalEntry } from "@heddle/kube";

/** Raised when a table changes; an older program refuses a newer file. */
const formatVersion = 1;

const settings = `
  PRAGMA busy_timeout = 5000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
`;
const setFormat = `PRAGMA user_version = ${formatVersion}`;
const begin = "BEGIN IMMEDIATE";
const beginExclusive = "BEGIN EXCLUSIVE";
const commit = "COMMIT";
const rollback = "ROLLBACK";

const tables = `
  CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (resource, key)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (
    revision INTEGER PRIMARY KEY,
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    type TEXT NOT NULL,
    after TEXT NOT NULL,
    before TEXT,
    before_revision INTEGER,
    at_ms INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    compacted_revision INTEGER NOT NULL
  );
  INSERT OR IGNORE INTO progress VALUES (1, 0, 0);
`;

export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: "format" | "locked" | "write" | "closed";

  constructor(code: StorageError["code"], message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}

/** Opens or makes the file. @throws StorageError when another version of the program wrote it */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(settings);
  const row = database.prepare("PRAGMA user_version").get();
  const found = Number(row?.["user_version"]);
  if (found > formatVersion) {
    database.close();
    const why = `it has format ${found}, want at most ${formatVersion}`;
    throw new StorageError("format", `Cannot open ${path}: ${why}`);
  }
  database.exec(tables);
  database.exec(setFormat);
  return database;
}

/**
 * Keeps every other process away from the file at `path` until disposed, or until this process
 * ends.
 * @throws StorageError when another one has it
 */
export function lockDatabase(path: string): Disposable {
  const lock = new DatabaseSync(`${path}.lock`);
  try {
    lock.exec(beginExclusive);
  } catch (error) {
    lock.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new StorageError(
      "locked",
      `Cannot lock ${path}: ${why}, want no other process on it`,
      error,
    );
  }
  return { [Symbol.dispose]: () => lock.close() };
}

/** Writes batches of changes, each all or nothing. */
export class ChangeWriter {
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #log: StatementSync;
  readonly #forget: StatementSync;
  readonly #advance: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#put = database.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)");
    this.#remove = database.prepare("DELETE FROM objects WHERE resource = ? AND key = ?");
    this.#log = database.prepare(
      "INSERT INTO events SELECT ?, ?, ?, ?, ?, text, revision, ? FROM " +
        "(SELECT 1) LEFT JOIN objects ON resource = ? AND key = ?",
    );
    this.#forget = database.prepare("DELETE FROM events WHERE revision <= ?");
    this.#advance = database.prepare(
      "UPDATE progress SET revision = ?, compacted_revision = max(compacted_revision, ?)",
    );
  }

  /**
   * Returns when the batch is on disk. @throws what SQLite throws; then nothing of the batch is
   * there.
   */
  write(entries: readonly JournalEntry[], compactedRevision: number): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    this.#database.exec(begin);
    try {
      for (const entry of entries) this.#writeEntry(entry);
      this.#forget.run(compactedRevision);
      this.#advance.run(last.revision, compactedRevision);
      this.#database.exec(commit);
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec(rollback);
      throw error;
    }
  }

  /** The state before a change is what the objects table still holds, so it need not travel. */
  #writeEntry({ revision, resource, key, type, after, atMs }: JournalEntry): void {
    this.#log.run(revision, resource, key, type, after, atMs, resource, key);
    if (type === "DELETED") this.#remove.run(resource, key);
    else this.#put.run(resource, key, revision, after);
  }
}
