/**
 * Field selectors in Kubernetes' own syntax: `metadata.name=web,spec.nodeName!=node1`. A path may
 * be used when the kind's schema has a scalar there; an absent field counts as the empty string.
 * `\`, `,` and `=` in a value are escaped with a backslash.
 */
import type { JsonSchema, KubeObject } from "@heddle/api";
import { ParseError } from "@heddle/inet";

export interface FieldTerm {
  /** `spec.nodeName` as a list of steps. */
  readonly path: readonly string[];
  readonly equals: boolean;
  readonly value: string;
}

export type FieldSelector = readonly FieldTerm[];

const termCountMax = 64;
const textLengthMax = 16_384;
const termPattern = /^((?:[^=!\\]|\\.)*?)(==|=|!=)((?:[^=\\]|\\.)*)$/;

/**
 * @throws ParseError that names the position of what is wrong, or the path that the kind does not
 * have.
 */
export function parseFieldSelector(text: string, schema: JsonSchema): FieldSelector {
  if (text.length > textLengthMax) {
    throw new ParseError("field selector", text, `longer than ${textLengthMax} characters`);
  }
  const terms: FieldTerm[] = [];
  for (const { part, at } of splitTerms(text)) {
    if (part.trim() === "") continue;
    terms.push(parseTerm(text, part, at, schema));
    if (terms.length > termCountMax) {
      throw new ParseError("field selector", text, `more than ${termCountMax} terms`);
    }
  }
  return terms;
}

export function matchesFields(selector: FieldSelector, object: KubeObject): boolean {
  return selector.every(
    ({ path, equals, value }) => (fieldText(object, path) === value) === equals,
  );
}

function parseTerm(text: string, part: string, at: number, schema: JsonSchema): FieldTerm {
  const match = termPattern.exec(part);
  if (match === null) {
    throw new ParseError(
      "field selector",
      text,
      `at ${at + 1}: expected path=value or path!=value`,
    );
  }
  const [, pathText = "", operator, valueText = ""] = match;
  const path = pathText.trim().split(".");
  if (!isSelectable(path, schema)) {
    const why = `at ${at + 1}: field label not supported: ${pathText.trim()}`;
    throw new ParseError("field selector", text, why);
  }
  return { path, equals: operator !== "!=", value: unescapeValue(text, valueText, at) };
}

function unescapeValue(text: string, value: string, at: number): string {
  return value.replace(/\\(.)/g, (_, escaped: string) => {
    if (escaped === "\\" || escaped === "," || escaped === "=") return escaped;
    throw new ParseError("field selector", text, `at ${at + 1}: unknown escape \\${escaped}`);
  });
}

function* splitTerms(text: string): Generator<{ readonly part: string; readonly at: number }> {
  let start = 0;
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === ",") {
      yield { part: text.slice(start, i), at: start };
      start = i + 1;
    }
  }
  yield { part: text.slice(start), at: start };
}

function isSelectable(path: readonly string[], schema: JsonSchema): boolean {
  if (path[0] === "metadata")
    return path.length === 2 && /^(name|namespace)$/.test(path[1] as string);
  let at: JsonSchema | undefined = schema;
  for (const step of path) {
    if (step === "" || at === undefined) return false;
    const properties: JsonSchema["properties"] = at.properties;
    const next: JsonSchema | undefined =
      properties !== undefined && Object.hasOwn(properties, step) ? properties[step] : undefined;
    if (next === undefined && at["x-kubernetes-preserve-unknown-fields"] === true) return true;
    at = next;
  }
  return at !== undefined && at.type !== "object" && at.type !== "array";
}

function fieldText(object: KubeObject, path: readonly string[]): string {
  let at: unknown = object;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return "";
    at = Reflect.get(at, step);
  }
  return typeof at === "string" || typeof at === "number" || typeof at === "boolean" ? `${at}` : "";
}
