/**
 * The node's own memory of what it has given out: an append-only file on local disk. After a
 * restart it is the truth about local allocations; the API and the kernel are compared with it.
 *
 * Invariants: an append that resolved is on disk (the file is open with O_DSYNC: what a write has
 * answered is durable, with the file's size); an append that rejected may or may not be, and the
 * caller treats it as not given. Appends that arrive while one write runs share the next one. After
 * any I/O error the file is not trusted any more (a failed write may have dropped pages that a
 * later one does not report): the next append writes a new file from memory.
 *
 * It does not know what the records mean beyond replacing one with another.
 */
import { type FileHandle, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "@heddle/std";
import { replaceFile } from "../durable-file.ts";
import { NodeError } from "../errors.ts";
import {
  type Allocation,
  blockKeyOf,
  type JournalRecord,
  keyOf,
  type OwnedBlock,
  type Stranger,
} from "./allocation.ts";
import { encodeRecord, type JournalScan, journalHeader, scanJournal } from "./journal-text.ts";

export interface JournalState {
  /** By attachment key, in the order of allocation. */
  readonly allocations: ReadonlyMap<string, Allocation>;
  /** By VRF and prefix. */
  readonly blocks: ReadonlyMap<string, OwnedBlock>;
  /** By host interface. */
  readonly strangers: ReadonlyMap<string, Stranger>;
}

/** Appends waiting for the disk; more are refused. */
const pendingCountMax = 4096;

/** The file is rewritten when it has this many records more than twice what is alive. */
const garbageCountMax = 1024;

interface Pending {
  readonly record: JournalRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Journal implements AsyncDisposable {
  readonly #directory: string;
  readonly #log: Log;
  readonly #allocations = new Map<string, Allocation>();
  readonly #blocks = new Map<string, OwnedBlock>();
  readonly #strangers = new Map<string, Stranger>();
  #file: FileHandle | undefined;
  #recordCount = 0;
  #pending: Pending[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;
  /** How the file was found. `missing`: there was none. */
  readonly condition: JournalScan["condition"] | "missing";

  private constructor(directory: string, log: Log, scan: JournalScan | undefined) {
    this.#directory = directory;
    this.#log = log;
    this.condition = scan === undefined ? "missing" : scan.condition;
    for (const record of scan?.records ?? []) this.#play(record);
  }

  /**
   * Reads the journal of the directory, or starts one. A torn tail is dropped; a damaged file is
   * kept aside under another name and what could be read of it goes on.
   */
  static async open(directory: string, log: Log): Promise<Journal> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const path = join(directory, fileName);
    const text = await readText(path);
    const scan = text === undefined ? undefined : scanJournal(text);
    if (scan?.condition === "torn") {
      log.warn("journal ends in an incomplete record, which was never acknowledged: dropped", {
        path,
      });
    } else if (scan?.condition === "damaged") {
      const aside = join(directory, `${fileName}.damaged`);
      await rename(path, aside);
      log.error("journal is damaged: what could be read goes on, the file is kept aside", {
        aside,
        badLineCount: scan.badLineCount,
        recordCount: scan.records.length,
      });
    }
    const journal = new Journal(directory, log, scan);
    await journal.#rewrite();
    return journal;
  }

  /** What is durable. The maps are live views. */
  get state(): JournalState {
    return {
      allocations: this.#allocations,
      blocks: this.#blocks,
      strangers: this.#strangers,
    };
  }

  /** The blocks of one fixed address that the allocation has. */
  fixedBlocksOf({ vrf, addresses }: Allocation): OwnedBlock[] {
    return [...this.#blocks.values()].filter(
      (block) =>
        block.claim !== undefined && block.vrf === vrf && addresses.includes(block.prefix.address),
    );
  }

  /**
   * Resolves when the record is on disk and {@link state} shows it.
   * @throws NodeError JournalFailed, JournalClosed
   */
  async append(record: JournalRecord): Promise<void> {
    if (this.#closed)
      throw new NodeError("JournalClosed", "Cannot append to journal: it is closed");
    if (this.#pending.length >= pendingCountMax) {
      const why = `${pendingCountMax} records are waiting for the disk`;
      throw new NodeError("JournalFailed", `Cannot append to journal: ${why}`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.push({ record, resolve, reject });
    this.#flushing ??= this.#flushAll();
    await promise;
  }

  /** Waits for what was appended and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #flushAll(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      await this.#flush(batch);
    }
    this.#flushing = undefined;
  }

  async #flush(batch: readonly Pending[]): Promise<void> {
    try {
      const file = this.#file ?? (await this.#rewrite());
      await file.appendFile(batch.map(({ record }) => encodeRecord(record)).join(""));
    } catch (cause) {
      await this.#abandonFile();
      const error = new NodeError("JournalFailed", "Cannot write journal to disk", { cause });
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const { record, resolve } of batch) {
      this.#play(record);
      resolve();
    }
    const alive = this.#allocations.size + this.#blocks.size + this.#strangers.size;
    if (this.#recordCount > 2 * alive + garbageCountMax) await this.#compact();
  }

  async #compact(): Promise<void> {
    try {
      await this.#rewrite();
    } catch (error) {
      await this.#abandonFile();
      this.#log.warn("journal could not be compacted; the next append tries again", { error });
    }
  }

  /** Writes a new file from memory and puts it in place of the old one. */
  async #rewrite(): Promise<FileHandle> {
    const path = join(this.#directory, fileName);
    const records = recordsOf(this.state);
    const text = journalHeader + records.map(encodeRecord).join("");
    const file = await replaceFile(path, text);
    await this.#file?.close();
    this.#file = file;
    this.#recordCount = records.length;
    return file;
  }

  async #abandonFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (error) {
      this.#log.warn("journal file did not close after a write error", { error });
    }
  }

  #play(record: JournalRecord): void {
    this.#recordCount += 1;
    switch (record.op) {
      case "allocate": {
        const key = keyOf(record.allocation);
        // Delete first: the map's order is the order of allocation.
        this.#allocations.delete(key);
        this.#allocations.set(key, record.allocation);
        break;
      }
      case "release":
        this.#allocations.delete(record.key);
        break;
      case "own":
        this.#blocks.set(blockKeyOf(record.block), record.block);
        break;
      case "disown":
        this.#blocks.delete(blockKeyOf(record));
        break;
      case "quarantine":
        this.#strangers.set(record.stranger.hostIfname, record.stranger);
        break;
      case "dismiss":
        this.#strangers.delete(record.hostIfname);
        break;
    }
  }
}

const fileName = "allocations.journal";

function recordsOf({ allocations, blocks, strangers }: JournalState): JournalRecord[] {
  return [
    ...[...blocks.values()].map((block): JournalRecord => ({ op: "own", block })),
    ...[...strangers.values()].map((stranger): JournalRecord => ({ op: "quarantine", stranger })),
    ...[...allocations.values()].map(
      (allocation): JournalRecord => ({ op: "allocate", allocation }),
    ),
  ];
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
