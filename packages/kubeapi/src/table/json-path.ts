/**
 * The part of Kubernetes' JSONPath that printer columns use: `.a.b`, `['a']`, `[0]`, `[*]`, a
 * backslash before a dot of a key, and the filter `[?(@.a.b=="text")]`.
 */

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: readonly Step[]; readonly equals: string };

export type JsonPath = readonly Step[];

/** A path that is not in the supported part of the language. */
export class JsonPathError extends SyntaxError {
  override readonly name = "JsonPathError";

  constructor(text: string, at: number) {
    super(`Cannot parse JSON path ${JSON.stringify(text)}: at offset ${at}, want .field or [...]`);
  }
}

const field = /\.((?:[^.[\]\\]|\\.)+)/y;
const quoted = /\['((?:[^'\\]|\\.)+)'\]/y;
const index = /\[(\d+|\*)\]/y;
const filter = /\[\?\(@((?:\.[^.=()]+)+)==["']([^"']*)["']\)\]/y;

/** @throws JsonPathError */
export function parseJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  let at = 0;
  while (at < text.length) {
    const [step, length] = parseStep(text, at);
    steps.push(step);
    at += length;
  }
  return steps;
}

function parseStep(text: string, at: number): [Step, number] {
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const named = match(field) ?? match(quoted);
  if (named !== null) {
    const name = (named[1] as string).replaceAll(/\\(.)/g, "$1");
    return [{ kind: "field", name }, named[0].length];
  }
  const indexed = match(index);
  if (indexed !== null) {
    const step: Step =
      indexed[1] === "*" ? { kind: "all" } : { kind: "index", index: Number(indexed[1]) };
    return [step, indexed[0].length];
  }
  const filtered = match(filter);
  if (filtered === null) throw new JsonPathError(text, at);
  const path = parseJsonPath(filtered[1] as string);
  return [{ kind: "filter", path, equals: filtered[2] as string }, filtered[0].length];
}

/** Every value that the path leads to, in document order. */
export function findValues(path: JsonPath, root: unknown): unknown[] {
  let values: unknown[] = [root];
  for (const step of path) values = values.flatMap((value) => follow(step, value));
  return values;
}

function follow(step: Step, value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  switch (step.kind) {
    case "field":
      return Object.hasOwn(value, step.name) ? [Reflect.get(value, step.name)] : [];
    case "index":
      return Array.isArray(value) && step.index < value.length ? [value[step.index]] : [];
    case "all":
      return Object.values(value);
    case "filter":
      return Object.values(value).filter((item) =>
        findValues(step.path, item).some((found) => String(found) === step.equals),
      );
  }
}
