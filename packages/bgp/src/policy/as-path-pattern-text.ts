/**
 * Patterns over AS paths as text, in the notation of regular expressions whose letters are AS
 * numbers: `64510+ [65100-65199]*`. An AS is a number, `.` is any, `[64512-65534 65001]` one of
 * these and `[^65001]` one that is none of these; `( )` groups, `|` separates alternatives, `()` is
 * the empty path, and `*`, `+`, `?`, `{2}`, `{2,}` and `{2,5}` repeat what stands before. The
 * pattern is of the whole path, so there are no anchors.
 */
import { type Asn, ParseError, parseAsn } from "@heddle/inet";
import { type AsnRange, type AsPathPattern, patternDepthMax } from "./as-path-pattern.ts";

/** The longest text, in characters. */
const textLengthMax = 4096;

/** What `checkPolicy` limits, such as the number of letters, is not checked here. @throws ParseError */
export function parseAsPathPattern(text: string): AsPathPattern {
  if (text.length > textLengthMax) {
    throw new ParseError("AS path pattern", text, `want at most ${textLengthMax} characters`);
  }
  const parser = new PatternParser(text);
  return parser.parse();
}

const token = /\s*(\d{1,10}|\[\^|\{\d{1,4}(?:,\d{0,4})?\}|[.[\]()|*+?-])/y;

class PatternParser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  /** @throws ParseError at what is no token */
  constructor(text: string) {
    this.#text = text;
    const { length } = text.trimEnd();
    token.lastIndex = 0;
    for (let at = 0; at < length; at = token.lastIndex) {
      const found = token.exec(text)?.[1];
      if (found === undefined) this.#fail(text.slice(at).trim());
      this.#tokens.push(found);
    }
  }

  parse(): AsPathPattern {
    if (this.#tokens.length === 0) this.#fail("");
    const pattern = this.#alternatives(0);
    return this.#at === this.#tokens.length ? pattern : this.#fail();
  }

  #alternatives(depth: number): AsPathPattern {
    if (depth > patternDepthMax) this.#fail("more groups in each other", String(patternDepthMax));
    const items = [this.#sequence(depth)];
    while (this.#take("|")) items.push(this.#sequence(depth));
    return items.length === 1 ? items[0]! : { kind: "alternatives", items };
  }

  #sequence(depth: number): AsPathPattern {
    const items: AsPathPattern[] = [];
    for (let next = this.#next; next !== undefined && next !== "|" && next !== ")"; ) {
      items.push(this.#repeated(this.#one(depth)));
      next = this.#next;
    }
    if (items.length === 0) this.#fail();
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  #one(depth: number): AsPathPattern {
    if (this.#take(".")) return { kind: "any" };
    if (this.#take("[^")) return { kind: "not-in", asns: this.#asns() };
    if (this.#take("[")) return { kind: "in", asns: this.#asns() };
    if (!this.#take("(")) return { kind: "in", asns: [this.#asn()] };
    if (this.#take(")")) return { kind: "sequence", items: [] };
    const group = this.#alternatives(depth + 1);
    return this.#take(")") ? group : this.#fail();
  }

  #repeated(item: AsPathPattern): AsPathPattern {
    const kind = "repeat";
    if (this.#take("*")) return { kind, item, min: 0 };
    if (this.#take("+")) return { kind, item, min: 1 };
    if (this.#take("?")) return { kind, item, min: 0, max: 1 };
    const counts = /^\{(\d+)(,?)(\d*)\}$/.exec(this.#next ?? "");
    if (counts === null) return item;
    this.#at += 1;
    const [, from, comma, to] = counts;
    const min = Number(from);
    if (comma === "") return { kind, item, min, max: min };
    return to === "" ? { kind, item, min } : { kind, item, min, max: Number(to) };
  }

  /** After an opening bracket; takes the closing one. */
  #asns(): (Asn | AsnRange)[] {
    const asns: (Asn | AsnRange)[] = [];
    do {
      const from = this.#asn();
      asns.push(this.#take("-") ? { from, to: this.#asn() } : from);
    } while (!this.#take("]"));
    return asns;
  }

  #asn(): Asn {
    const number = Number(this.#next);
    if (!Number.isInteger(number) || number < 1 || number > 0xffffffff) this.#fail();
    this.#at += 1;
    return parseAsn(number);
  }

  get #next(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(wanted: string): boolean {
    if (this.#next !== wanted) return false;
    this.#at += 1;
    return true;
  }

  #fail(found: string = this.#next ?? "", limit?: string): never {
    const at = found === "" ? "it ends" : `${found.slice(0, 40)} is there`;
    const wanted = limit ?? "AS numbers, . [ ] ( ) | * + ? {n,m}";
    throw new ParseError("AS path pattern", this.#text, `${at}, want ${wanted}`);
  }
}

/** The inverse of {@link parseAsPathPattern}, for people. */
export function formatAsPathPattern(pattern: AsPathPattern): string {
  switch (pattern.kind) {
    case "any":
      return ".";
    case "in":
      return pattern.asns.length === 1 && typeof pattern.asns[0] === "number"
        ? String(pattern.asns[0])
        : `[${formatAsns(pattern.asns)}]`;
    case "not-in":
      return `[^${formatAsns(pattern.asns)}]`;
    case "sequence":
      return pattern.items.length === 0
        ? "()"
        : pattern.items.map((item) => formatItem(item, item.kind === "alternatives")).join(" ");
    case "alternatives":
      return pattern.items.map(formatAsPathPattern).join(" | ");
    case "repeat": {
      const { kind } = pattern.item;
      const isGroup = kind === "sequence" || kind === "alternatives" || kind === "repeat";
      return `${formatItem(pattern.item, isGroup)}${formatCount(pattern.min, pattern.max)}`;
    }
  }
}

function formatItem(item: AsPathPattern, group: boolean): string {
  const text = formatAsPathPattern(item);
  return group && text !== "()" ? `(${text})` : text;
}

function formatCount(min: number, max: number | undefined): string {
  if (max === undefined) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

function formatAsns(asns: readonly (Asn | AsnRange)[]): string {
  return asns
    .map((one) => (typeof one === "number" ? String(one) : `${one.from}-${one.to}`))
    .join(" ");
}
