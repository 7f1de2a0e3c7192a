/** Reads a tree of foreign data and names the field that is wrong. */
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter } from "yaml";
import { ConfigError } from "./config-error.ts";
import { nearestName } from "./nearest.ts";

/** The file that a field is in. */
export interface FieldSource {
  /** Names the file in messages. */
  readonly title: string;
  readonly lines: LineCounter;
  readonly document: Document;
}

/** Where a value stands in its file. */
export interface FieldPlace {
  readonly node: unknown;
  /** The first is 1; of a field that is absent, that of what it would be in. */
  readonly line: number | undefined;
}

/** The fields of a mapping by name; those that the file does not have are there, and absent. */
export type ConfigFields<Name extends string> = Readonly<Record<Name, ConfigField>>;

/** A value at a path of the file. Every method throws {@link ConfigError} naming path and line. */
export class ConfigField {
  /** Such as `peers[0].asn`; empty for the whole file. */
  readonly path: string;
  readonly value: unknown;
  readonly #source: FieldSource;
  readonly #node: unknown;
  readonly #line: number | undefined;

  constructor(source: FieldSource, path: string, value: unknown, { node, line }: FieldPlace) {
    this.path = path;
    this.value = value;
    this.#source = source;
    // What an alias stands for is written elsewhere; a mistake in it is to be mended there.
    this.#node = isAlias(node) ? node.resolve(source.document) : node;
    this.#line = lineOf(source.lines, this.#node) ?? line;
  }

  /** Absent and empty are the same. */
  get isPresent(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  get isList(): boolean {
    return Array.isArray(this.value);
  }

  get isText(): boolean {
    return typeof this.value === "string";
  }

  /** For messages: `peers[0].asn (line 12)`. */
  get where(): string {
    const name = this.path === "" ? this.#source.title : this.path;
    return this.path === "" || this.#line === undefined ? name : `${name} (line ${this.#line})`;
  }

  fail(why: string, cause?: unknown): never {
    const options = cause === undefined ? {} : { cause };
    throw new ConfigError(`Cannot read ${this.where}: ${why}`, options);
  }

  /** The fields of a mapping; others than `known` are refused. */
  fields<Name extends string>(...known: readonly Name[]): ConfigFields<Name> {
    const children = this.#children();
    for (const [name, child] of children) {
      if (known.some((other) => other === name)) continue;
      const wanted = nearestName(name, known) ?? `one of ${known.join(", ")}`;
      child.fail(`unknown field, want ${wanted}`);
    }
    const fields = known.map((name) => [name, children.get(name) ?? this.#absent(name)] as const);
    return Object.fromEntries(fields) as Record<Name, ConfigField>;
  }

  /** The entries of a mapping with free keys, in the order of the file; absent is an empty one. */
  entries(countMax: number): (readonly [name: string, field: ConfigField])[] {
    if (!this.isPresent) return [];
    const children = [...this.#children()];
    const { length } = children;
    return length > countMax ? this.fail(`${length} entries, want at most ${countMax}`) : children;
  }

  /** Of a list; absent is an empty one. */
  items(countMax: number): ConfigField[] {
    const { value } = this;
    if (!this.isPresent) return [];
    if (!Array.isArray(value)) return this.fail(`${show(value)}, want a list`);
    if (value.length > countMax) this.fail(`${value.length} items, want at most ${countMax}`);
    const nodes = isSeq(this.#node) ? this.#node.items : [];
    const line = this.#line;
    return value.map((item: unknown, i) =>
      this.#at(`${this.path}[${i}]`, item, { node: nodes[i], line }),
    );
  }

  /** A list, or one item in place of a list of one; absent is an empty list. */
  itemOrItems(countMax: number): ConfigField[] {
    return this.isPresent && !this.isList ? [this] : this.items(countMax);
  }

  text(): string {
    const { value } = this;
    return typeof value === "string" && value !== ""
      ? value
      : this.fail(`${show(value)}, want text`);
  }

  flag(): boolean {
    const { value } = this;
    return typeof value === "boolean" ? value : this.fail(`${show(value)}, want true or false`);
  }

  integer(min: number, max: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    return this.fail(`${show(value)}, want a whole number from ${min} to ${max}`);
  }

  oneOf<const Choice extends string>(choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === this.value);
    return found === undefined
      ? this.fail(`${show(this.value)}, want one of ${choices.join(", ")}`)
      : found;
  }

  /** A parser's refusal becomes this field's error. */
  parse<T>(parse: (text: string) => T): T {
    const text = this.text();
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return this.fail(error.message, error);
    }
  }

  /** Undefined when the field is absent. */
  maybe<T>(read: (field: ConfigField) => T): T | undefined {
    return this.isPresent ? read(this) : undefined;
  }

  /** What is at `path` below this field, such as `terms[2].match`, as far as the file has it. */
  find(path: string): ConfigField {
    let found: ConfigField = this;
    for (const [, name, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
      const next = name === undefined ? found.#item(Number(index)) : found.#named(name);
      if (next === undefined) break;
      found = next;
    }
    return found;
  }

  #named(name: string): ConfigField | undefined {
    const { value } = this;
    const isMapping = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMapping ? this.#children().get(name) : undefined;
  }

  #item(index: number): ConfigField | undefined {
    return this.isList ? this.items(Number.POSITIVE_INFINITY)[index] : undefined;
  }

  #children(): Map<string, ConfigField> {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail(`${show(value)}, want a mapping`);
    }
    const pairs = isMap(this.#node) ? this.#node.items : [];
    const places = new Map(pairs.map((pair) => [nameOf(pair.key), pair]));
    return new Map(
      Object.entries(value).map(([name, item]: [string, unknown]) => {
        const pair = places.get(name);
        const line = lineOf(this.#source.lines, pair?.key) ?? this.#line;
        return [name, this.#at(this.#pathOf(name), item, { node: pair?.value, line })];
      }),
    );
  }

  #absent(name: string): ConfigField {
    return this.#at(this.#pathOf(name), undefined, { node: undefined, line: this.#line });
  }

  #pathOf(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  #at(path: string, value: unknown, place: FieldPlace): ConfigField {
    return new ConfigField(this.#source, path, value, place);
  }
}

/** A key may be a number or the like; JavaScript's names are text. */
function nameOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function lineOf(lines: LineCounter, node: unknown): number | undefined {
  const offset = isNode(node) ? node.range?.[0] : undefined;
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
