/** Process records in the state directory. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isErrno, type ProcessIdentity } from "./process.ts";

export interface ProcessRecord extends ProcessIdentity {
  /** Unique in the device: `holder`, `bgpd`, `agent`. */
  readonly label: string;
  readonly argv: readonly string[];
  readonly logFile: string | undefined;
}

/** Replaces the record of that label; a reader sees the old or the new one. */
export function writeRecord(directory: string, record: ProcessRecord): void {
  const file = recordFile(directory, record.label);
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

export function readRecord(directory: string, label: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(directory, label), "utf8")) as ProcessRecord;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Sorted by label; empty when the device has no directory. */
export function readRecords(directory: string): ProcessRecord[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
  const labels = names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
  const records = labels.sort().map((label) => readRecord(directory, label));
  return records.filter((record) => record !== undefined);
}

export function removeRecord(directory: string, label: string): void {
  rmSync(recordFile(directory, label), { force: true });
}

function recordFile(directory: string, label: string): string {
  return path.join(directory, `${label}.json`);
}
