/** Rows that come page by page: printed as they come, so that a table of any size needs no room. */
import process from "node:process";
import { CliError, exitCodes } from "./exit.ts";
import type { Column, OutputFormat } from "./output.ts";

/**
 * A table for people, whose columns widen when a later page needs it; or a JSON list with one row a
 * line.
 */
export class RowStream<T> {
  readonly #format: OutputFormat;
  readonly #columns: readonly Column<T>[];
  readonly #widths: number[];
  #rowCount = 0;

  constructor(format: OutputFormat, columns: readonly Column<T>[]) {
    this.#format = format;
    this.#columns = columns;
    this.#widths = columns.map(({ header }) => header.length);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  async push(rows: readonly T[]): Promise<void> {
    if (rows.length === 0) return;
    const text = this.#format === "json" ? this.#json(rows) : this.#table(rows);
    this.#rowCount += rows.length;
    await write(text);
  }

  /** After the last page. */
  async end(): Promise<void> {
    if (this.#format === "json") await write(this.#rowCount === 0 ? "[]\n" : "\n]\n");
    else if (this.#rowCount === 0) await write(this.#line(this.#columns.map((c) => c.header)));
  }

  #json(rows: readonly T[]): string {
    const lines = rows.map((row) => JSON.stringify(row)).join(",\n");
    return `${this.#rowCount === 0 ? "[\n" : ",\n"}${lines}`;
  }

  #table(rows: readonly T[]): string {
    const cells = rows.map((row) => this.#columns.map(({ cell }) => cell(row)));
    for (const line of cells) {
      for (const [i, text] of line.entries()) {
        this.#widths[i] = Math.max(this.#widths[i] ?? 0, text.length);
      }
    }
    const head = this.#rowCount === 0 ? [this.#columns.map(({ header }) => header)] : [];
    return [...head, ...cells].map((line) => this.#line(line)).join("");
  }

  #line(cells: readonly string[]): string {
    const padded = cells.map((text, i) => text.padEnd(this.#widths[i] ?? 0));
    return `${padded.join("  ").trimEnd()}\n`;
  }
}

/** Resolves when there is room for more; whoever reads us may be slow, or have seen enough. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { stdout } = process;
    const failed = (error: Error): void => {
      const isEnough = "code" in error && error.code === "EPIPE";
      reject(isEnough ? new CliError("", exitCodes.ok) : error);
    };
    stdout.once("error", failed);
    stdout.write(text, (error) => {
      if (error !== null && error !== undefined) return;
      stdout.removeListener("error", failed);
      resolve();
    });
  });
}
