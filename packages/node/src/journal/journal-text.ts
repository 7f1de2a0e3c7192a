/**
 * The journal's form on disk: a header line, then one line for each record, `CRC32 JSON`, the
 * checksum in eight hexadecimal digits over the bytes of the JSON text. People can read it.
 */
import { crc32 } from "node:zlib";
import { formatRecord, type JournalRecord, parseRecord } from "./allocation.ts";

export const journalHeader = "heddle-journal 1\n";

export function encodeRecord(record: JournalRecord): string {
  const json = JSON.stringify(formatRecord(record));
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

/** What a file held. */
export interface JournalScan {
  readonly records: readonly JournalRecord[];
  /**
   * - `intact`: every byte is accounted for;
   * - `torn`: the last record is incomplete, as after a crash in the middle of a write that was
   *   therefore never acknowledged;
   * - `damaged`: something before the end is wrong. What could be read is in `records`.
   */
  readonly condition: "intact" | "torn" | "damaged";
  /** Lines that could not be read. */
  readonly badLineCount: number;
}

export function scanJournal(text: string): JournalScan {
  const records: JournalRecord[] = [];
  const bad: number[] = [];
  const lines = text.split("\n");
  const tail = lines.pop();
  for (const [i, line] of lines.entries()) {
    if (i === 0 && `${line}\n` === journalHeader) continue;
    const record = i === 0 ? undefined : decodeRecord(line);
    if (record === undefined) bad.push(i);
    else records.push(record);
  }
  const isTorn = tail !== "" || (bad.length === 1 && bad[0] === lines.length - 1);
  const isDamaged = bad.some((i) => i !== lines.length - 1) || (bad.length > 0 && tail !== "");
  const condition = isDamaged ? "damaged" : isTorn ? "torn" : "intact";
  return { records, condition, badLineCount: bad.length + (tail === "" ? 0 : 1) };
}

function decodeRecord(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, "0")} `) return undefined;
  try {
    return parseRecord(JSON.parse(json));
  } catch (error) {
    // A checksum that fits a text that does not parse: written by another version, kept aside.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
