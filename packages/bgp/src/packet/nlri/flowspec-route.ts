/** Flow specifications as values (RFC 8955 4.2.2, RFC 8956 3). */
import { Reader, Writer } from "@heddle/codec";
import {
  type Family,
  type Ip4,
  type Ip6,
  ip6Max,
  type Prefix,
  prefixOf,
  widthOf,
} from "@heddle/inet";
import { BgpError } from "../../errors.ts";
import type { EncodedNlri } from "../nlri-codec.ts";
import { flowSpecLengthMax, flowSpecTypes, hasBitmask, operatorBits } from "./flowspec.ts";

/** Packets that match all components. */
export interface FlowSpec {
  readonly family: Family;
  /** At least one, each type at most once, in the order of `flowSpecTypes`. */
  readonly components: readonly FlowSpecComponent[];
}

export type FlowSpecComponent = FlowSpecPrefix | FlowSpecNumbers | FlowSpecBits;

export interface FlowSpecPrefix {
  readonly type: "destination-prefix" | "source-prefix";
  readonly prefix: Prefix;
  /** IPv6: leading bits that are not compared (RFC 8956 3.1), zero in `prefix`; absent: none. */
  readonly offset?: number;
}

export interface FlowSpecNumbers {
  readonly type:
    | "ip-protocol"
    | "port"
    | "destination-port"
    | "source-port"
    | "icmp-type"
    | "icmp-code"
    | "packet-length"
    | "dscp"
    | "flow-label";
  readonly terms: readonly NumericTerm[];
}

export interface FlowSpecBits {
  readonly type: "tcp-flags" | "fragment";
  readonly terms: readonly BitmaskTerm[];
}

interface Term {
  /** Joined to the term before it by AND, which binds stronger than OR; false for the first. */
  readonly and: boolean;
  /** uint32, or a bigint where it takes eight octets on the wire. */
  readonly value: number | bigint;
  /** Octets on the wire of a number; default: the fewest that hold it. */
  readonly valueLength?: 1 | 2 | 4;
}

export interface NumericTerm extends Term {
  readonly comparison: FlowSpecComparison;
}

/** The bits less, greater, equal of RFC 8955 4.2.1.1. */
export type FlowSpecComparison = (typeof comparisons)[number];

export interface BitmaskTerm extends Term {
  /** All bits of the value must be set, not just one of them. */
  readonly match: boolean;
  /** The outcome is inverted. */
  readonly not: boolean;
}

/** By their bits. */
export const comparisons = ["false", "=", ">", ">=", "<", "<=", "!=", "true"] as const;

const typeNames: Readonly<Record<number, FlowSpecComponent["type"]>> = {
  [flowSpecTypes.destinationPrefix]: "destination-prefix",
  [flowSpecTypes.sourcePrefix]: "source-prefix",
  [flowSpecTypes.ipProtocol]: "ip-protocol",
  [flowSpecTypes.port]: "port",
  [flowSpecTypes.destinationPort]: "destination-port",
  [flowSpecTypes.sourcePort]: "source-port",
  [flowSpecTypes.icmpType]: "icmp-type",
  [flowSpecTypes.icmpCode]: "icmp-code",
  [flowSpecTypes.tcpFlags]: "tcp-flags",
  [flowSpecTypes.packetLength]: "packet-length",
  [flowSpecTypes.dscp]: "dscp",
  [flowSpecTypes.fragment]: "fragment",
  [flowSpecTypes.flowLabel]: "flow-label",
};

/** Types in their order on the wire. */
export const flowSpecTypeNames: readonly FlowSpecComponent["type"][] = Object.values(typeNames);

/** `key` as walked. */
export function decodeFlowSpec(family: Family, key: Uint8Array): FlowSpec {
  const r = new Reader(key);
  const components: FlowSpecComponent[] = [];
  while (r.left > 0) {
    const code = r.u8();
    const type = typeNames[code] as FlowSpecComponent["type"];
    if (isPrefixType(type)) components.push(decodePrefix(r, family, type));
    else if (isBitsType(type)) components.push({ type, terms: decodeTerms(r, bitmaskTerm) });
    else components.push({ type, terms: decodeTerms(r, numericTerm) });
  }
  return { family, components };
}

export function isPrefixType(type: FlowSpecComponent["type"]): type is FlowSpecPrefix["type"] {
  return type === "destination-prefix" || type === "source-prefix";
}

export function isBitsType(type: FlowSpecComponent["type"]): type is FlowSpecBits["type"] {
  return type === "tcp-flags" || type === "fragment";
}

function decodePrefix(r: Reader, family: Family, type: FlowSpecPrefix["type"]): FlowSpecPrefix {
  const length = r.u8();
  const offset = family === 4 ? 0 : r.u8();
  const pattern = r.bytes((length - offset + 7) >> 3);
  let bits = 0n;
  for (const octet of pattern) bits = (bits << 8n) | BigInt(octet);
  const width = widthOf(family);
  // The pattern begins at its offset; the shift is negative where its padding reaches beyond.
  const shift = BigInt(width - offset - pattern.length * 8);
  const address = shift >= 0n ? bits << shift : bits >> -shift;
  const ip = family === 4 ? (Number(address) as Ip4) : (address as Ip6);
  const prefix = prefixOf(ip, length);
  return offset === 0 ? { type, prefix } : { type, prefix, offset };
}

function decodeTerms<T>(r: Reader, make: (operator: number, term: Term) => T): T[] {
  const terms: T[] = [];
  for (let operator = 0; (operator & operatorBits.endOfList) === 0; ) {
    operator = r.u8();
    const and = (operator & operatorBits.and) !== 0;
    terms.push(make(operator, { and, ...decodeValue(r, operator) }));
  }
  return terms;
}

function decodeValue(r: Reader, operator: number): Omit<Term, "and"> {
  const length = 1 << ((operator >> operatorBits.lengthShift) & 3);
  if (length === 8) return { value: r.u64() };
  const value = length === 1 ? r.u8() : length === 2 ? r.u16() : r.u32();
  if (length === fewestOctets(value)) return { value };
  return { value, valueLength: length as 1 | 2 | 4 };
}

function numericTerm(operator: number, term: Term): NumericTerm {
  const comparison = comparisons[operator & operatorBits.comparison] as FlowSpecComparison;
  return { ...term, comparison };
}

function bitmaskTerm(operator: number, term: Term): BitmaskTerm {
  return { ...term, match: (operator & 1) !== 0, not: (operator & 2) !== 0 };
}

function fewestOctets(value: number): 1 | 2 | 4 {
  if (value <= 0xff) return 1;
  return value <= 0xffff ? 2 : 4;
}

/**
 * @throws BgpError `encode` when components are missing, out of order, of another family, hold values
 *   that do not fit their octets, or are longer than 4095 octets together
 */
export function encodeFlowSpec(flowSpec: FlowSpec): EncodedNlri {
  const w = new Writer(65536);
  let last = 0;
  for (const component of flowSpec.components) {
    const code = flowSpecTypeNames.indexOf(component.type) + 1;
    if (code <= last) throw cannotEncode(`${component.type} is out of order`);
    last = code;
    w.u8(code);
    if ("prefix" in component) encodePrefix(w, flowSpec.family, component);
    else encodeTerms(w, code, component.terms);
  }
  if (last === 0) throw cannotEncode("it has no component");
  if (last === flowSpecTypes.flowLabel && flowSpec.family === 4) {
    throw cannotEncode("flow-label is of IPv6");
  }
  if (w.length > flowSpecLengthMax) {
    throw cannotEncode(`${w.length} octets, want at most ${flowSpecLengthMax}`);
  }
  return { key: w.copy(), payload: new Uint8Array(0) };
}

function encodePrefix(w: Writer, family: Family, component: FlowSpecPrefix): void {
  const { prefix, offset = 0 } = component;
  const fits = offset === 0 || (family === 6 && offset > 0 && offset < prefix.length);
  if (prefix.family !== family || !fits) {
    throw cannotEncode(`${component.type} is not an IPv${family} prefix with a valid offset`);
  }
  w.u8(prefix.length);
  if (family === 6) w.u8(offset);
  const octets = (prefix.length - offset + 7) >> 3;
  const width = BigInt(widthOf(family));
  // The bits from the offset on, left-aligned in the width of the family.
  const pattern =
    (BigInt(prefix.address) << BigInt(offset)) & (family === 4 ? 0xffffffffn : ip6Max);
  for (let i = 1; i <= octets; i += 1) {
    w.u8(Number((pattern >> (width - BigInt(i * 8))) & 0xffn));
  }
}

function encodeTerms(w: Writer, code: number, terms: readonly (NumericTerm | BitmaskTerm)[]): void {
  if (terms.length === 0) throw cannotEncode(`${typeNames[code]} has no term`);
  for (const [i, term] of terms.entries()) {
    const { value } = term;
    const length = lengthOf(term);
    const end = i === terms.length - 1 ? operatorBits.endOfList : 0;
    const and = term.and && i > 0 ? operatorBits.and : 0;
    w.u8(end | and | (Math.log2(length) << operatorBits.lengthShift) | operatorOf(code, term));
    if (typeof value === "bigint") w.u64(value);
    else if (length === 1) w.u8(value);
    else if (length === 2) w.u16(value);
    else w.u32(value);
  }
}

/** Octets of the value on the wire. */
function lengthOf({ value, valueLength }: Term): 1 | 2 | 4 | 8 {
  const octets = typeof value === "bigint" ? 8 : (valueLength ?? fewestOctets(value));
  const isWhole = typeof value === "bigint" || Number.isInteger(value);
  if (!isWhole || value < 0 || value >= 2 ** (8 * octets)) {
    throw cannotEncode(`${value} is not an unsigned integer of ${octets} octets`);
  }
  return octets;
}

function operatorOf(code: number, term: NumericTerm | BitmaskTerm): number {
  const isNumeric = "comparison" in term;
  if (isNumeric === hasBitmask(code)) throw cannotEncode(`${typeNames[code]} has the wrong terms`);
  if (isNumeric) return comparisons.indexOf(term.comparison);
  return (term.match ? 1 : 0) | (term.not ? 2 : 0);
}

function cannotEncode(why: string): BgpError {
  return new BgpError("encode", `Cannot encode flow specification: ${why}`);
}
