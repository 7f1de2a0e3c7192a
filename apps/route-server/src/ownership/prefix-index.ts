/**
 * Prefixes that a node owns, asked with the words of `PrefixVisitor6`. The owner of a prefix may
 * announce every part of it that is not somebody else's.
 */
import { wordOfIp6 } from "@heddle/bgp";
import type { Family, Prefix } from "@heddle/inet";

type Words = ArrayLike<number>;
type Key = number | string;

/** By length, the prefixes of one address family. */
class LengthTable {
  readonly #byLength: Map<number, Set<Key>> = new Map();

  add(words: Words, family: Family, length: number): void {
    const known = this.#byLength.get(length);
    const key = keyOf(words, family, length);
    if (known === undefined) this.#byLength.set(length, new Set([key]));
    else known.add(key);
  }

  has(words: Words, family: Family, length: number): boolean {
    return this.#byLength.get(length)?.has(keyOf(words, family, length)) === true;
  }

  covers(words: Words, family: Family, length: number): boolean {
    for (const [own, keys] of this.#byLength) {
      if (own <= length && keys.has(keyOf(words, family, own))) return true;
    }
    return false;
  }
}

export class PrefixIndex {
  readonly #owned: Record<Family, LengthTable> = { 4: new LengthTable(), 6: new LengthTable() };
  readonly #away: Record<Family, LengthTable> = { 4: new LengthTable(), 6: new LengthTable() };

  add(prefix: Prefix): void {
    this.#owned[prefix.family].add(wordsOf(prefix), prefix.family, prefix.length);
  }

  /** The address is inside a prefix of ours and somebody else's at present. */
  addLoan(host: Prefix): void {
    this.#away[host.family].add(wordsOf(host), host.family, host.length);
  }

  /** Whether the prefix is a part of an own one, and not exactly what is lent. */
  covers(words: Words, family: Family, length: number): boolean {
    if (this.#away[family].has(words, family, length)) return false;
    return this.#owned[family].covers(words, family, length);
  }
}

/** The first `length` bits; IPv4 in the first word. */
function keyOf(words: Words, family: Family, length: number): Key {
  if (family === 4) return masked(words[0] ?? 0, length);
  let text = "";
  for (let i = 0; i < 4; i += 1) text += `${masked(words[i] ?? 0, length - 32 * i)},`;
  return text;
}

function masked(word: number, length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? word >>> 0 : (word & -(2 ** (32 - length))) >>> 0;
}

function wordsOf({ address }: Prefix): number[] {
  if (typeof address === "number") return [address];
  return ([0, 1, 2, 3] as const).map((index) => wordOfIp6(address, index));
}
