/**
 * A list of prefix rules compiled for matching: one hash lookup per distinct length among the
 * rules.
 */
import { type Family, type Prefix, widthOf } from "@heddle/inet";
import { wordOfIp6 } from "../packet/nlri.ts";
import { PrefixTable } from "../rib/prefix-table.ts";
import type { PrefixRule } from "./policy.ts";

/** Inclusive bounds of the length of a matching prefix. */
interface LengthRange {
  readonly min: number;
  readonly max: number;
}

export class PrefixSet {
  readonly #table: PrefixTable;
  /** By id of `#table`. */
  readonly #ranges: LengthRange[][] = [];
  /** Distinct lengths of the rules' prefixes, ascending. */
  readonly #lengths: readonly number[];

  /** Takes the rules of one family; those of the other never match. */
  constructor(rules: readonly PrefixRule[], family: Family) {
    this.#table = new PrefixTable(family === 4 ? 1 : 4, 0);
    const lengths = new Set<number>();
    for (const rule of rules) {
      if (rule.prefix.family !== family) continue;
      lengths.add(rule.prefix.length);
      const id = this.#add(rule.prefix);
      this.#ranges[id] ??= [];
      this.#ranges[id].push(rangeOf(rule));
    }
    this.#lengths = [...lengths].sort((a, b) => a - b);
  }

  /** Words as in {@link PrefixTable}. */
  matches(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    for (const base of this.#lengths) {
      if (base > length) return false;
      const id = this.#table.find(
        maskWord(w0, base),
        maskWord(w1, base - 32),
        maskWord(w2, base - 64),
        maskWord(w3, base - 96),
        base,
      );
      if (id >= 0 && this.#ranges[id]!.some((r) => length >= r.min && length <= r.max)) return true;
    }
    return false;
  }

  #add(prefix: Prefix): number {
    if (prefix.family === 4) return this.#table.add(prefix.address | 0, 0, 0, 0, prefix.length);
    const word = (index: 0 | 1 | 2 | 3): number => wordOfIp6(prefix.address, index);
    return this.#table.add(word(0), word(1), word(2), word(3), prefix.length);
  }
}

function rangeOf(rule: PrefixRule): LengthRange {
  const exact = rule.ge === undefined && rule.le === undefined;
  return {
    min: rule.ge ?? rule.prefix.length,
    max: rule.le ?? (exact ? rule.prefix.length : widthOf(rule.prefix.family)),
  };
}

/** Keeps the first `bits` bits of a word; all for 32 and more, none for 0 and less. */
function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : word & (-1 << (32 - bits));
}
