/** Robust statistics for interleaved pairs of measurements. */
import { seededRng } from "@heddle/std";

/** @throws RangeError on an empty sample. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0)
    throw new RangeError("Cannot take a quantile: empty sample, want values");
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] as number;
  const high = sorted[Math.ceil(at)] as number;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** One round of a comparison: both measured close in time, so that drift hits both. */
export interface Pair {
  readonly ours: number;
  readonly peer: number;
}

export interface Ratio {
  /** Median of ours divided by median of peer. */
  readonly ratio: number;
  /** Bounds of the 95 % bootstrap interval over pairs. */
  readonly low: number;
  readonly high: number;
}

/** Resamples whole pairs, 2000 times, with a fixed seed: the same data give the same interval. */
export function bootstrapRatio(pairs: readonly Pair[]): Ratio {
  const ratioOf = (sample: readonly Pair[]): number =>
    median(sample.map((pair) => pair.ours)) / median(sample.map((pair) => pair.peer));
  const rng = seededRng(20261121);
  const ratios: number[] = [];
  for (let round = 0; round < 2000; round += 1) {
    ratios.push(ratioOf(pairs.map(() => pairs[rng.uint32() % pairs.length] as Pair)));
  }
  return { ratio: ratioOf(pairs), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}
