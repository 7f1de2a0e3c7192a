/**
 * Label selectors in Kubernetes' own syntax: `app=web,tier in (a,b),env!=dev,canary,!old,weight>3`.
 * All terms must hold. A term on a label that is missing fails, except `!=`, `notin` and `!key`.
 */
import { labelKeyProblem, labelValueProblem } from "@heddle/api";
import { ParseError } from "@heddle/inet";

export type LabelTerm =
  | { readonly key: string; readonly operator: "in" | "notin"; readonly values: readonly string[] }
  | { readonly key: string; readonly operator: "exists" | "absent" }
  | { readonly key: string; readonly operator: "gt" | "lt"; readonly bound: number };

/** All must hold. */
export type LabelTerms = readonly LabelTerm[];

type Labels = Readonly<Record<string, string>> | undefined;

const termCountMax = 256;
const textLengthMax = 16_384;

/** @throws ParseError that names the position of what is wrong. */
export function parseLabelSelector(text: string): LabelTerms {
  if (text.length > textLengthMax) {
    throw new ParseError("label selector", text, `longer than ${textLengthMax} characters`);
  }
  return new SelectorReader(text).terms();
}

export function matchesLabelTerms(terms: LabelTerms, labels: Labels): boolean {
  return terms.every((term) => termHolds(term, labels?.[term.key]));
}

function termHolds(term: LabelTerm, value: string | undefined): boolean {
  switch (term.operator) {
    case "in":
      return value !== undefined && term.values.includes(value);
    case "notin":
      return value === undefined || !term.values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "gt":
      return isInteger(value) && Number(value) > term.bound;
    case "lt":
      return isInteger(value) && Number(value) < term.bound;
  }
}

function isInteger(value: string | undefined): value is string {
  return value !== undefined && /^-?\d{1,15}$/.test(value);
}

class SelectorReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  terms(): LabelTerm[] {
    const terms: LabelTerm[] = [];
    this.#space();
    if (this.#at === this.#text.length) return terms;
    for (;;) {
      terms.push(this.#term());
      if (terms.length > termCountMax) this.#fail(`more than ${termCountMax} terms`);
      this.#space();
      if (this.#at === this.#text.length) return terms;
      if (!this.#take(",")) this.#fail("expected , or the end");
    }
  }

  #term(): LabelTerm {
    this.#space();
    const negated = this.#take("!");
    const key = this.#key();
    if (negated) return { key, operator: "absent" };
    this.#space();
    if (this.#take("==") || this.#take("=")) {
      return { key, operator: "in", values: [this.#value()] };
    }
    if (this.#take("!=")) return { key, operator: "notin", values: [this.#value()] };
    if (this.#take(">")) return { key, operator: "gt", bound: this.#integer() };
    if (this.#take("<")) return { key, operator: "lt", bound: this.#integer() };
    if (this.#at === this.#text.length || this.#text[this.#at] === ",") {
      return { key, operator: "exists" };
    }
    return { key, operator: this.#setOperator(), values: this.#set() };
  }

  #key(): string {
    this.#space();
    const start = this.#at;
    const key = this.#word();
    if (key === "") this.#fail("expected a label key");
    const problem = labelKeyProblem(key);
    if (problem !== undefined) this.#fail(`label key ${JSON.stringify(key)}: ${problem}`, start);
    return key;
  }

  #setOperator(): "in" | "notin" {
    const start = this.#at;
    const word = this.#word();
    if (word !== "in" && word !== "notin") {
      this.#fail("expected one of = == != in notin < > , or the end", start);
    }
    return word;
  }

  #set(): string[] {
    this.#space();
    if (!this.#take("(")) this.#fail("expected (");
    const values: string[] = [];
    do values.push(this.#value());
    while (this.#take(","));
    if (!this.#take(")")) this.#fail("expected , or )");
    return values;
  }

  #value(): string {
    this.#space();
    const start = this.#at;
    const value = this.#word();
    const problem = labelValueProblem(value);
    if (problem !== undefined)
      this.#fail(`label value ${JSON.stringify(value)}: ${problem}`, start);
    this.#space();
    return value;
  }

  #integer(): number {
    const start = this.#at;
    const value = this.#value();
    if (!isInteger(value)) this.#fail("expected an integer", start);
    return Number(value);
  }

  #word(): string {
    const start = this.#at;
    while (this.#at < this.#text.length && !/[\s,()=!<>]/.test(this.#text.charAt(this.#at))) {
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  #space(): void {
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #fail(why: string, at: number = this.#at): never {
    throw new ParseError("label selector", this.#text, `at ${at + 1}: ${why}`);
  }
}
