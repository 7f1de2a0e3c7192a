/** Reads a tree of foreign data and names the field that is wrong. */
import { LabError } from "../errors.ts";

/**
 * A value at a path of the lab file. Every method throws {@link LabError} `definition` naming that
 * path.
 */
export class Field {
  readonly path: string;
  readonly value: unknown;

  constructor(path: string, value: unknown) {
    this.path = path;
    this.value = value;
  }

  fail(why: string): never {
    const where = this.path === "" ? "the lab file" : this.path;
    throw new LabError("definition", `Cannot read ${where}: ${why}`);
  }

  get isPresent(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** The fields of a mapping; others than `known` are refused. */
  fields<Name extends string>(...known: readonly Name[]): Record<Name, Field> {
    const entries = this.#mapping();
    for (const name of Object.keys(entries)) {
      if (!known.some((other) => other === name)) {
        this.#child(name, entries[name]).fail(`unknown field, want one of ${known.join(", ")}`);
      }
    }
    const fields = known.map((name) => [name, this.#child(name, entries[name])] as const);
    return Object.fromEntries(fields) as Record<Name, Field>;
  }

  /** The entries of a mapping with free keys, in the order of the file. */
  entries(): (readonly [string, Field])[] {
    const entries = Object.entries(this.#mapping());
    return entries.map(([name, value]) => [name, this.#child(name, value)]);
  }

  items(): Field[] {
    if (!Array.isArray(this.value)) this.fail(`${show(this.value)}, want a list`);
    return (this.value as unknown[]).map((item, i) => new Field(`${this.path}[${i}]`, item));
  }

  /** A list, or one item in place of a list of one; absent is an empty list. */
  itemOrItems(): Field[] {
    if (!this.isPresent) return [];
    return Array.isArray(this.value) ? this.items() : [this];
  }

  text(): string {
    return typeof this.value === "string"
      ? this.value
      : this.fail(`${show(this.value)}, want text`);
  }

  integer(min: number, max: number): number {
    const { value } = this;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    return this.fail(`${show(value)}, want a whole number from ${min} to ${max}`);
  }

  oneOf<Choice extends string>(choices: readonly Choice[]): Choice {
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
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      throw new LabError("definition", `Cannot read ${this.path}: ${cause.message}`, { cause });
    }
  }

  #mapping(): Record<string, unknown> {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      this.fail(`${show(value)}, want a mapping`);
    }
    return value as Record<string, unknown>;
  }

  #child(name: string, value: unknown): Field {
    return new Field(this.path === "" ? name : `${this.path}.${name}`, value);
  }
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
