/**
 * Patterns over AS paths: a small typed language of regular expressions whose letters are sets of
 * AS numbers, matched against the whole path. A pattern compiles to its position automaton
 * (Glushkov), whose states are the letters of the pattern, and is run on all of them at once: the
 * cost is the length of the path times the number of positions, whatever a peer sends.
 *
 * The path is read from the neighbour to the origin. An AS_SET is one letter, which matches where
 * any of its members does; confederation segments are passed over (RFC 5065 5.3 counts them 0).
 */
import type { Asn } from "@heddle/inet";
import type { AsPathSegment } from "../packet/path-attributes.ts";

/** Inclusive. */
export interface AsnRange {
  readonly from: Asn;
  readonly to: Asn;
}

export type AsPathPattern =
  /** Any one AS. */
  | { readonly kind: "any" }
  /** One AS out of these. */
  | { readonly kind: "in"; readonly asns: readonly (Asn | AsnRange)[] }
  /** One AS that is none of these. */
  | { readonly kind: "not-in"; readonly asns: readonly (Asn | AsnRange)[] }
  /** One after the other; none: the empty path. */
  | { readonly kind: "sequence"; readonly items: readonly AsPathPattern[] }
  | { readonly kind: "alternatives"; readonly items: readonly AsPathPattern[] }
  /** `min` to `max` times; without `max` as often as there are ASes. */
  | {
      readonly kind: "repeat";
      readonly item: AsPathPattern;
      readonly min: number;
      readonly max?: number;
    };

/** Most letters of a pattern after its repetitions are written out. */
export const patternPositionCountMax = 128;
/** Most levels of nesting. */
export const patternDepthMax = 16;

/** Letters of the pattern with its repetitions written out; infinite below `depthMax` levels. */
export function positionCountOf(
  pattern: AsPathPattern,
  depthMax: number = patternDepthMax,
): number {
  if (depthMax === 0) return Number.POSITIVE_INFINITY;
  switch (pattern.kind) {
    case "any":
    case "in":
    case "not-in":
      return 1;
    case "sequence":
    case "alternatives":
      // An empty item still costs a visit, so it counts.
      return pattern.items.reduce(
        (sum, item) => sum + Math.max(1, positionCountOf(item, depthMax - 1)),
        0,
      );
    case "repeat":
      return (
        Math.max(1, positionCountOf(pattern.item, depthMax - 1)) *
        Math.max(1, pattern.max ?? pattern.min)
      );
  }
}

type Letter = Extract<AsPathPattern, { kind: "any" | "in" | "not-in" }>;

/** What the construction knows of a part of the pattern; positions are indices of letters. */
interface Part {
  readonly nullable: boolean;
  readonly first: readonly number[];
  readonly last: readonly number[];
}

const empty: Part = { nullable: true, first: [], last: [] };

export class AsPathMatcher {
  readonly #letters: Letter[] = [];
  readonly #follow: Int32Array;
  readonly #wordCount: number;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #nullable: boolean;

  /** Takes a pattern that `checkPolicy` accepts: its positions are within the limit. */
  constructor(pattern: AsPathPattern) {
    const count = positionCountOf(pattern);
    this.#wordCount = (count + 31) >> 5;
    this.#follow = new Int32Array(count * this.#wordCount);
    const whole = this.#build(pattern);
    this.#nullable = whole.nullable;
    this.#first = this.#setOf(whole.first);
    this.#last = this.#setOf(whole.last);
  }

  matches(path: readonly AsPathSegment[]): boolean {
    let reachable = this.#first;
    let accepted = this.#nullable;
    for (const { type, asns } of path) {
      if (type === "set") {
        ({ reachable, accepted } = this.#read(reachable, asns));
      } else if (type === "sequence") {
        for (const asn of asns) {
          ({ reachable, accepted } = this.#read(reachable, [asn]));
          if (isEmpty(reachable) && !accepted) return false;
        }
      }
    }
    return accepted;
  }

  /** One letter of the path: the positions that may come next, and whether it may end here. */
  #read(reachable: Int32Array, asns: readonly Asn[]): { reachable: Int32Array; accepted: boolean } {
    const words = this.#wordCount;
    const next = new Int32Array(words);
    let accepted = false;
    for (let position = 0; position < this.#letters.length; position += 1) {
      if (!has(reachable, position)) continue;
      const letter = this.#letters[position]!;
      if (!asns.some((asn) => isLetter(letter, asn))) continue;
      accepted ||= has(this.#last, position);
      const row = position * words;
      for (let word = 0; word < words; word += 1) next[word]! |= this.#follow[row + word]!;
    }
    return { reachable: next, accepted };
  }

  #build(pattern: AsPathPattern): Part {
    switch (pattern.kind) {
      case "any":
      case "in":
      case "not-in": {
        const at = [this.#letters.push(pattern) - 1];
        return { nullable: false, first: at, last: at };
      }
      case "sequence":
        return pattern.items.reduce((all, item) => this.#join(all, this.#build(item)), empty);
      case "alternatives": {
        const parts = pattern.items.map((item) => this.#build(item));
        return {
          nullable: parts.some((part) => part.nullable),
          first: parts.flatMap((part) => part.first),
          last: parts.flatMap((part) => part.last),
        };
      }
      case "repeat":
        return this.#repeat(pattern.item, pattern.min, pattern.max);
    }
  }

  #repeat(item: AsPathPattern, min: number, max: number | undefined): Part {
    let all = empty;
    for (let i = 0; i < min - 1; i += 1) all = this.#join(all, this.#build(item));
    if (max === undefined) {
      const loop = this.#build(item);
      this.#link(loop.last, loop.first);
      return this.#join(all, { ...loop, nullable: loop.nullable || min === 0 });
    }
    if (min > 0) all = this.#join(all, this.#build(item));
    for (let i = min; i < max; i += 1) {
      all = this.#join(all, { ...this.#build(item), nullable: true });
    }
    return all;
  }

  #join(a: Part, b: Part): Part {
    this.#link(a.last, b.first);
    return {
      nullable: a.nullable && b.nullable,
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
    };
  }

  #link(from: readonly number[], to: readonly number[]): void {
    for (const position of from) {
      const row = position * this.#wordCount;
      for (const next of to) this.#follow[row + (next >> 5)]! |= 1 << (next & 31);
    }
  }

  #setOf(positions: readonly number[]): Int32Array {
    const set = new Int32Array(this.#wordCount);
    for (const position of positions) set[position >> 5]! |= 1 << (position & 31);
    return set;
  }
}

function has(set: Int32Array, position: number): boolean {
  return (set[position >> 5]! & (1 << (position & 31))) !== 0;
}

function isEmpty(set: Int32Array): boolean {
  return set.every((word) => word === 0);
}

function isLetter(letter: Letter, asn: Asn): boolean {
  if (letter.kind === "any") return true;
  const isIn = letter.asns.some((one) =>
    typeof one === "number" ? one === asn : asn >= one.from && asn <= one.to,
  );
  return isIn === (letter.kind === "in");
}
