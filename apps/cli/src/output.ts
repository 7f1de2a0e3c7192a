/** Tables for people, JSON for programs. */
import Table from "cli-table3";

export type OutputFormat = "table" | "json";

export interface Column<T> {
  readonly header: string;
  readonly cell: (row: T) => string;
}

/** Prints `rows` as a table with `columns`, or as the JSON list of the rows themselves. */
export function printRows<T>(
  format: OutputFormat,
  rows: readonly T[],
  columns: readonly Column<T>[],
): void {
  if (format === "json") {
    printJson(rows);
    return;
  }
  const table = new Table({
    head: columns.map((column) => column.header),
    chars: plainBorders,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  for (const row of rows) table.push(columns.map((column) => column.cell(row)));
  process.stdout.write(`${table.toString()}\n`);
}

export function printJson(value: unknown): void {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === "bigint" ? item.toString() : item),
    2,
  );
  process.stdout.write(`${text}\n`);
}

/** No lines: the look of kubectl, and easy to cut with awk. */
const plainBorders = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
} as const;

/** 0.123 ms, 12.3 ms, 1.23 s. */
export function formatLatency(ms: number | null): string {
  if (ms === null) return "-";
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${(ms / 1000).toPrecision(3)} s`;
}

/** 12s, 3m, 4h, 5d: the ages of kubectl. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
