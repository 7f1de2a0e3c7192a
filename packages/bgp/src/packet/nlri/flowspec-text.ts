/**
 * Flow specifications as text, and the codecs of the two families:
 * `destination-prefix 10.0.0.0/24 ip-protocol =6 destination-port =80,>=8080&<=8088 tcp-flags 0x2`.
 * Terms are joined by `,` (OR) and `&` (AND, which binds stronger). A bitmask alone asks for any of
 * its bits, `=` for all, `!` inverts. A pattern of IPv6 is written as in RFC 8956 3.1,
 * `address/offset-length`. The text does not tell in how many octets a value travels.
 */
import {
  type Family,
  formatIp,
  formatPrefix,
  ParseError,
  parseIp6,
  parsePrefix,
  prefixOf,
} from "@heddle/inet";
import type { NlriCodec } from "../nlri-codec.ts";
import { flowSpecWire } from "./flowspec.ts";
import {
  type BitmaskTerm,
  comparisons,
  decodeFlowSpec,
  encodeFlowSpec,
  type FlowSpec,
  type FlowSpecComparison,
  type FlowSpecComponent,
  type FlowSpecPrefix,
  flowSpecTypeNames,
  isBitsType,
  isPrefixType,
  type NumericTerm,
} from "./flowspec-route.ts";

function flowSpecCodec(family: Family): NlriCodec {
  return {
    ...flowSpecWire(family),
    format: (key) => formatFlowSpec(decodeFlowSpec(family, key)),
    parse: (text) => encodeFlowSpec(parseFlowSpec(family, text)).key,
  };
}

export const ipv4FlowSpecCodec: NlriCodec = flowSpecCodec(4);
export const ipv6FlowSpecCodec: NlriCodec = flowSpecCodec(6);

export function formatFlowSpec(flowSpec: FlowSpec): string {
  return flowSpec.components.map((c) => `${c.type} ${formatMatch(c)}`).join(" ");
}

function formatMatch(component: FlowSpecComponent): string {
  if ("prefix" in component) return formatPattern(component);
  return component.terms.map((term, i) => `${joint(term, i)}${formatTerm(term)}`).join("");
}

function joint(term: NumericTerm | BitmaskTerm, index: number): string {
  if (index === 0) return "";
  return term.and ? "&" : ",";
}

function formatPattern({ prefix, offset }: FlowSpecPrefix): string {
  if (offset === undefined) return formatPrefix(prefix);
  return `${formatIp(prefix.address)}/${offset}-${prefix.length}`;
}

function formatTerm(term: NumericTerm | BitmaskTerm): string {
  const wide = typeof term.value === "bigint" ? "n" : "";
  if ("comparison" in term) return `${term.comparison}${term.value}${wide}`;
  const sign = `${term.not ? "!" : ""}${term.match ? "=" : ""}`;
  return `${sign}0x${term.value.toString(16)}${wide}`;
}

/**
 * The inverse of {@link formatFlowSpec}; the order of components does not matter.
 * @throws ParseError
 */
export function parseFlowSpec(family: Family, text: string): FlowSpec {
  const words = text.trim().split(/\s+/);
  const components: FlowSpecComponent[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const type = flowSpecTypeNames.find((name) => name === words[i]);
    const match = words[i + 1];
    if (type === undefined || match === undefined) {
      throw new ParseError("flow specification", text, `want component and match at word ${i + 1}`);
    }
    if (components.some((c) => c.type === type)) {
      throw new ParseError("flow specification", text, `${type} comes twice`);
    }
    components.push(parseComponent(family, type, match));
  }
  const rank = (c: FlowSpecComponent): number => flowSpecTypeNames.indexOf(c.type);
  components.sort((a, b) => rank(a) - rank(b));
  return { family, components };
}

function parseComponent(
  family: Family,
  type: FlowSpecComponent["type"],
  text: string,
): FlowSpecComponent {
  if (isPrefixType(type)) return parsePattern(family, type, text);
  const isIp6Only = type === "flow-label";
  if (isIp6Only && family === 4) throw new ParseError("flow specification", type, "want IPv6");
  const parts = text.split(/(?=[,&])/);
  return isBitsType(type)
    ? { type, terms: parts.map((part, i) => parseBitmask(part, i)) }
    : { type, terms: parts.map((part, i) => parseNumeric(part, i)) };
}

function parsePattern(family: Family, type: FlowSpecPrefix["type"], text: string): FlowSpecPrefix {
  const match = /^([^/]+)\/([0-9]{1,3})-([0-9]{1,3})$/.exec(text);
  if (match === null) {
    const prefix = parsePrefix(text);
    if (prefix.family !== family) throw new ParseError("prefix", text, `want IPv${family}`);
    return { type, prefix };
  }
  const offset = Number(match[2]);
  const length = Number(match[3]);
  const address = parseIp6(match[1] as string);
  const isZeroBefore = offset < 129 && address >> BigInt(128 - offset) === 0n;
  if (family === 4 || offset === 0 || offset >= length || !isZeroBefore) {
    throw new ParseError("IPv6 pattern", text, "want zero bits up to an offset below the length");
  }
  return { type, prefix: prefixOf(address, length), offset };
}

function parseNumeric(text: string, index: number): NumericTerm {
  const match = /^([,&]?)(=|>=?|<=?|!=|true|false)([0-9]{1,20})(n?)$/.exec(text);
  if (match === null) throw badTerm(text, "a comparison and a number");
  const comparison = comparisons.find((c) => c === match[2]) as FlowSpecComparison;
  return {
    ...parseJoint(text, match[1], index),
    ...parseValue(text, match[3], match[4]),
    comparison,
  };
}

function parseBitmask(text: string, index: number): BitmaskTerm {
  const match = /^([,&]?)(!?)(=?)(0x[0-9a-f]{1,16})(n?)$/.exec(text);
  if (match === null) throw badTerm(text, "an optional ! and =, and hexadecimal bits");
  return {
    ...parseJoint(text, match[1], index),
    ...parseValue(text, match[4], match[5]),
    match: match[3] === "=",
    not: match[2] === "!",
  };
}

function parseJoint(text: string, sign: string | undefined, index: number): { and: boolean } {
  if ((sign === "") !== (index === 0)) throw badTerm(text, "a sign between terms");
  return { and: sign === "&" };
}

function parseValue(
  text: string,
  digits: string | undefined,
  wide: string | undefined,
): { value: number | bigint } {
  const value = BigInt(digits as string);
  if (wide === "n" && value >> 64n === 0n) return { value };
  if (wide === "n" || value >> 32n !== 0n) throw badTerm(text, "a uint32, or a uint64 with n");
  return { value: Number(value) };
}

function badTerm(text: string, want: string): ParseError {
  return new ParseError("flow specification term", text, `want ${want}`);
}
