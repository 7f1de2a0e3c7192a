/** Prints a comparison and writes the same to `bench/results/NAME.json`. */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { bootstrapRatio, median, type Pair, quantile } from "./stats.ts";

/** One comparison: what was measured, in which unit, against whom. */
export interface Comparison {
  readonly case: string;
  readonly unit: string;
  readonly peerName: string;
  readonly pairs: readonly Pair[];
}

export interface ResultRow {
  readonly case: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: number;
  readonly peerName: string;
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
  readonly runs: number;
}

export function resultRow(comparison: Comparison): ResultRow {
  const { pairs } = comparison;
  const { ratio, low, high } = bootstrapRatio(pairs);
  return {
    case: comparison.case,
    unit: comparison.unit,
    ours: median(pairs.map((pair) => pair.ours)),
    peer: median(pairs.map((pair) => pair.peer)),
    peerName: comparison.peerName,
    ratio,
    ratioLow: low,
    ratioHigh: high,
    runs: pairs.length,
  };
}

export function report(name: string, comparisons: readonly Comparison[]): void {
  const rows = comparisons.map(resultRow);
  const load = os.loadavg().map((value) => value.toFixed(2));
  console.log(
    `${name}: medians [5 %, 95 %]; ratio = ours/peer [95 % interval]; load ${load.join(" ")}`,
  );
  for (const [i, row] of rows.entries()) {
    const { pairs } = comparisons[i] as Comparison;
    console.log(
      `  ${row.case.padEnd(34)} ${row.unit.padEnd(8)} ours ${spread(pairs.map((p) => p.ours))}` +
        `  ${row.peerName} ${spread(pairs.map((p) => p.peer))}` +
        `  ratio ${show(row.ratio)} [${show(row.ratioLow)}, ${show(row.ratioHigh)}]  n=${row.runs}`,
    );
  }
  const folder = path.join(import.meta.dirname, "..", "results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(rows, null, 2)}\n`);
}

function spread(values: readonly number[]): string {
  return `${show(median(values))} [${show(quantile(values, 0.05))}, ${show(quantile(values, 0.95))}]`;
}

function show(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
