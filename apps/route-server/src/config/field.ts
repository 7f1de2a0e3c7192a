/** Reads the configuration file as a tree and names the field that is wrong. */

/** Message: `Cannot read <path of the field>: <what is there>, want <limit>`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** A value at a path of the file. Every method throws {@link ConfigError} naming that path. */
export class ConfigField {
  readonly path: string;
  readonly #value: unknown;

  constructor(path: string, value: unknown) {
    this.path = path;
    this.#value = value;
  }

  get isPresent(): boolean {
    return this.#value !== undefined && this.#value !== null;
  }

  get isList(): boolean {
    return Array.isArray(this.#value);
  }

  fail(why: string, cause?: unknown): never {
    const where = this.path === "" ? "the configuration" : this.path;
    throw new ConfigError(`Cannot read ${where}: ${why}`, { cause });
  }

  /** The fields of a mapping; others than `known` are refused. */
  fields<Name extends string>(...known: readonly Name[]): Record<Name, ConfigField> {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return this.fail(`${show(value)}, want a mapping`);
    }
    const entries = new Map<string, unknown>(Object.entries(value));
    for (const [name, item] of entries) {
      if (known.some((other) => other === name)) continue;
      this.#child(name, item).fail(`unknown field, want one of ${known.join(", ")}`);
    }
    const fields = known.map((name) => [name, this.#child(name, entries.get(name))] as const);
    return Object.fromEntries(fields) as Record<Name, ConfigField>;
  }

  /** Of a list; absent is an empty one. */
  items(countMax: number): ConfigField[] {
    const value = this.#value;
    if (!this.isPresent) return [];
    if (!Array.isArray(value)) return this.fail(`${show(value)}, want a list`);
    if (value.length > countMax) this.fail(`${value.length} items, want at most ${countMax}`);
    return value.map((item: unknown, i) => new ConfigField(`${this.path}[${i}]`, item));
  }

  text(): string {
    const value = this.#value;
    return typeof value === "string" && value !== ""
      ? value
      : this.fail(`${show(value)}, want text`);
  }

  flag(): boolean {
    const value = this.#value;
    return typeof value === "boolean" ? value : this.fail(`${show(value)}, want true or false`);
  }

  integer(min: number, max: number): number {
    const value = this.#value;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    return this.fail(`${show(value)}, want a whole number from ${min} to ${max}`);
  }

  oneOf<Choice extends string>(choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === this.#value);
    return found === undefined
      ? this.fail(`${show(this.#value)}, want one of ${choices.join(", ")}`)
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

  #child(name: string, value: unknown): ConfigField {
    return new ConfigField(this.path === "" ? name : `${this.path}.${name}`, value);
  }
}

function show(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
