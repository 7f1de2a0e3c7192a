/**
 * The conditions of a term that look at the key of a route, compiled for matching: prefix rules as
 * one hash lookup per distinct length among them, and EVPN route types.
 */
import { type Family, type Prefix, widthOf } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import { wordOfIp6 } from "../packet/nlri.ts";
import { PrefixTable } from "../rib/prefix-table.ts";
import type { PrefixRule } from "./policy.ts";

/** Inclusive bounds of the length of a matching prefix. */
interface LengthRange {
  readonly min: number;
  readonly max: number;
}

/** Enough to tell the usual prefixes apart, few enough for the fastest memory. */
const headBits = 12;

/** The rules of one IP version. */
class PrefixRules {
  readonly #table: PrefixTable;
  /** By id of `#table`. */
  readonly #ranges: LengthRange[][] = [];
  /** Distinct lengths of the rules' prefixes, ascending. */
  readonly #lengths: readonly number[];
  /**
   * By the first bits of an address: whether a rule's prefix can contain it. Lists of prefixes to
   * refuse match few routes, and the others are spared a look-up per length.
   */
  readonly #heads: Uint8Array = new Uint8Array(1 << headBits);

  constructor(rules: readonly PrefixRule[], family: Family) {
    this.#table = new PrefixTable(family === 4 ? 1 : 4, 0);
    const lengths = new Set<number>();
    for (const rule of rules) {
      if (rule.prefix.family !== family) continue;
      lengths.add(rule.prefix.length);
      const id = this.#add(rule.prefix);
      this.#ranges[id] ??= [];
      this.#ranges[id].push(rangeOf(rule));
      this.#markHeads(rule.prefix);
    }
    this.#lengths = [...lengths].sort((a, b) => a - b);
  }

  matches(w0: number, w1: number, w2: number, w3: number, length: number): boolean {
    if (this.#heads[w0 >>> (32 - headBits)] === 0) return false;
    for (const base of this.#lengths) {
      if (base > length) return false;
      const id = this.#table.find(
        maskWord(w0, base),
        maskWord(w1, base - 32),
        maskWord(w2, base - 64),
        maskWord(w3, base - 96),
        base,
      );
      if (id >= 0 && isInAny(this.#ranges[id]!, length)) return true;
    }
    return false;
  }

  #markHeads(prefix: Prefix): void {
    const word = prefix.family === 4 ? prefix.address : wordOfIp6(prefix.address, 0);
    const first = word >>> (32 - headBits);
    this.#heads.fill(1, first, first + 2 ** Math.max(0, headBits - prefix.length));
  }

  #add(prefix: Prefix): number {
    if (prefix.family === 4) return this.#table.add(prefix.address | 0, 0, 0, 0, prefix.length);
    const word = (index: 0 | 1 | 2 | 3): number => wordOfIp6(prefix.address, index);
    return this.#table.add(word(0), word(1), word(2), word(3), prefix.length);
  }
}

/** What one term asks of a key. */
interface KeyCondition {
  /** The IP version of the prefixes in keys of the family, where it is always the same. */
  readonly family: Family | undefined;
  /** The term has prefix rules, of these versions. */
  readonly hasRules: boolean;
  readonly rules4: PrefixRules | undefined;
  readonly rules6: PrefixRules | undefined;
  /** Undefined: of any type. */
  readonly routeTypes: ReadonlySet<number> | undefined;
}

/** A set of routes: those that meet the conditions of a term, or of several at once. */
export class PrefixSet {
  readonly #condition: KeyCondition;
  readonly #family: Family | undefined;
  readonly #hasRules: boolean;
  readonly #rules4: PrefixRules | undefined;
  readonly #rules6: PrefixRules | undefined;
  readonly #routeTypes: ReadonlySet<number> | undefined;
  /** A route has to be in this one, too. */
  readonly #within: PrefixSet | undefined;

  private constructor(condition: KeyCondition, within: PrefixSet | undefined) {
    this.#condition = condition;
    this.#family = condition.family;
    this.#hasRules = condition.hasRules;
    this.#rules4 = condition.rules4;
    this.#rules6 = condition.rules6;
    this.#routeTypes = condition.routeTypes;
    this.#within = within;
  }

  /**
   * `family` is that of the table. A prefix rule of the other IP version never matches, nor does an
   * EVPN route type outside `evpn`, where rules of both versions do their work. Without `rules`
   * only the route types count.
   */
  static of(
    rules: readonly PrefixRule[] | undefined,
    family: Family | AddressFamily,
    routeTypes?: readonly number[],
  ): PrefixSet {
    const condition: KeyCondition = {
      family: prefixFamilyOf(family),
      hasRules: rules !== undefined,
      rules4: rulesOf(rules, family, 4),
      rules6: rulesOf(rules, family, 6),
      routeTypes: routeTypes === undefined ? undefined : new Set(routeTypes),
    };
    return new PrefixSet(condition, undefined);
  }

  /** The routes of this set, made by `of`, that are in `outer`. */
  within(outer: PrefixSet): PrefixSet {
    return new PrefixSet(this.#condition, outer);
  }

  /**
   * Words as in {@link PrefixTable}; a `length` of -1 says that the key holds no prefix.
   * `prefixFamily` is that of the words, needed where the table's family leaves it open, and
   * `routeType` that of an EVPN route.
   */
  matches(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
    length: number,
    prefixFamily: Family | undefined = this.#family,
    routeType = 0,
  ): boolean {
    if (this.#routeTypes?.has(routeType) === false) return false;
    if (this.#hasRules) {
      const rules = prefixFamily === 4 ? this.#rules4 : this.#rules6;
      if (prefixFamily === undefined || rules === undefined) return false;
      if (!rules.matches(w0, w1, w2, w3, length)) return false;
    }
    const outer = this.#within;
    return outer?.matches(w0, w1, w2, w3, length, prefixFamily, routeType) !== false;
  }
}

/** The IP version that keys of a family hold; undefined where it differs from key to key. */
export function prefixFamilyOf(family: Family | AddressFamily): Family | undefined {
  switch (family) {
    case 4:
    case "ipv4-unicast":
    case "ipv4-vpn":
    case "ipv4-flowspec":
      return 4;
    case 6:
    case "ipv6-unicast":
    case "ipv6-vpn":
    case "ipv6-flowspec":
      return 6;
    case "evpn":
    case "route-target":
      return undefined;
  }
}

function rulesOf(
  rules: readonly PrefixRule[] | undefined,
  family: Family | AddressFamily,
  version: Family,
): PrefixRules | undefined {
  const holds = prefixFamilyOf(family);
  const isHeld = family === "evpn" || holds === version;
  return rules === undefined || !isHeld ? undefined : new PrefixRules(rules, version);
}

function isInAny(ranges: readonly LengthRange[], length: number): boolean {
  for (const { min, max } of ranges) if (length >= min && length <= max) return true;
  return false;
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
