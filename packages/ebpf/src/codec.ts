/**
 * Values in map memory. Generated accessors implement {@link ValueCodec}; the functions below are
 * what they are made of. Integers are in host order, which is little endian on every machine the
 * addon is built for, unless the field is a `__be` type.
 */
import { assert } from "@heddle/std";
import type { TypeLayout } from "./layout.ts";

/** Bytes of one fixed size <-> value. Both functions work at offset `at` of `view`. */
export interface ValueCodec<T> {
  readonly size: number;
  encode(value: T, view: DataView, at: number): void;
  /** The result shares nothing with `view`. */
  decode(view: DataView, at: number): T;
}

/** A plain __u32 key, as of arrays and of tables by ifindex. */
export const u32Codec: ValueCodec<number> = {
  size: 4,
  encode(value, view, at): void {
    view.setUint32(at, value, true);
  },
  decode(view, at): number {
    return view.getUint32(at, true);
  },
};

/** Writes exactly `size` bytes. */
export function putBytes(view: DataView, at: number, size: number, bytes: Uint8Array): void {
  assert(bytes.length === size, "a byte field has its size");
  new Uint8Array(view.buffer, view.byteOffset + at, size).set(bytes);
}

/** A copy of `size` bytes. */
export function getBytes(view: DataView, at: number, size: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, size).slice();
}

/** Writes UTF-8 and fills with NUL; at least one NUL stays. */
export function putText(view: DataView, at: number, size: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  assert(bytes.length < size, "a text field has room");
  const field = new Uint8Array(view.buffer, view.byteOffset + at, size);
  field.fill(0);
  field.set(bytes);
}

/** The text before the first NUL. */
export function getText(view: DataView, at: number, size: number): string {
  const field = new Uint8Array(view.buffer, view.byteOffset + at, size);
  const end = field.indexOf(0);
  return new TextDecoder().decode(field.subarray(0, end < 0 ? size : end));
}

/** A value whose layout is known only at run time. */
export type LooseValue = number | bigint | string | Uint8Array | LooseStruct;
export interface LooseStruct {
  readonly [field: string]: LooseValue;
}

/** Decodes by layout: for maps of another generation, which no generated accessor fits. */
export function decodeLoose(type: TypeLayout, view: DataView, at: number): LooseValue {
  switch (type.kind) {
    case "bytes":
      return getBytes(view, at, type.size);
    case "text":
      return getText(view, at, type.size);
    case "enum":
      return getInteger(view, at, type.size, false, false);
    case "integer":
      return getInteger(view, at, type.size, type.signed, type.bigEndian);
    case "struct": {
      const struct: Record<string, LooseValue> = {};
      for (const field of type.fields) {
        struct[field.name] = decodeLoose(field.type, view, at + field.offset);
      }
      return struct;
    }
  }
}

function getInteger(
  view: DataView,
  at: number,
  size: number,
  signed: boolean,
  bigEndian: boolean,
): number | bigint {
  const little = !bigEndian;
  if (size === 1) return signed ? view.getInt8(at) : view.getUint8(at);
  if (size === 2) return signed ? view.getInt16(at, little) : view.getUint16(at, little);
  if (size === 4) return signed ? view.getInt32(at, little) : view.getUint32(at, little);
  assert(size === 8, "an integer has 1, 2, 4 or 8 bytes");
  return signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
}

/**
 * Encodes by layout. A field that `value` lacks, or holds in another form or at another size, is
 * left as zeros: what an old generation did not know is for its writer to add.
 */
export function encodeLoose(type: TypeLayout, value: LooseValue, view: DataView, at: number): void {
  if (type.kind === "struct") {
    if (typeof value !== "object" || value instanceof Uint8Array) return;
    for (const field of type.fields) {
      const part = value[field.name];
      if (part !== undefined) encodeLoose(field.type, part, view, at + field.offset);
    }
  } else if (type.kind === "bytes") {
    if (value instanceof Uint8Array && value.length === type.size) {
      putBytes(view, at, type.size, value);
    }
  } else if (type.kind === "text") {
    if (typeof value === "string" && value.length < type.size) putText(view, at, type.size, value);
  } else if (typeof value === "number" || typeof value === "bigint") {
    const bigEndian = type.kind === "integer" && type.bigEndian;
    putInteger(view, at, type.size, BigInt(value), bigEndian);
  }
}

function putInteger(
  view: DataView,
  at: number,
  size: number,
  value: bigint,
  bigEndian: boolean,
): void {
  const little = !bigEndian;
  if (size === 1) view.setUint8(at, Number(BigInt.asUintN(8, value)));
  else if (size === 2) view.setUint16(at, Number(BigInt.asUintN(16, value)), little);
  else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), little);
  else view.setBigUint64(at, BigInt.asUintN(64, value), little);
}
