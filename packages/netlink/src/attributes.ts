/**
 * Netlink attributes (linux/netlink.h): 16-bit length that includes this header, 16-bit type whose
 * two high bits are flags, value, padding to 4 bytes. Numbers are in host byte order, little endian
 * here.
 */
import { Reader, type Writer } from "@heddle/codec";
import { type Ip, ipFromBytes, ipToBytes, type Mac, macFromBytes, macToBytes } from "@heddle/inet";
import { NLA_F_NESTED, NLA_TYPE_MASK } from "./uapi/rtnetlink.ts";

/** An attribute that nothing here understands, kept as it came. */
export interface RawAttribute {
  readonly type: number;
  readonly value: Uint8Array;
}

const headerLength = 4;

/**
 * The attributes of one message or nest. Each accessor takes its attribute out, so that {@link
 * rest} is what nobody asked for. A repeated type keeps its last value, as in the kernel.
 */
export class Attributes {
  readonly #values: Map<number, Uint8Array>;

  private constructor(values: Map<number, Uint8Array>) {
    this.#values = values;
  }

  /** Borrows `bytes`. @throws BoundsError */
  static decode(bytes: Uint8Array): Attributes {
    const values = new Map<number, Uint8Array>();
    for (const { type, value } of splitAttributes(bytes)) values.set(type, value);
    return new Attributes(values);
  }

  bytes(type: number): Uint8Array | undefined {
    const value = this.#values.get(type);
    this.#values.delete(type);
    return value;
  }

  u8(type: number): number | undefined {
    return this.#read(type, (reader) => reader.u8());
  }

  u16(type: number): number | undefined {
    return this.#read(type, (reader) => reader.u16Le());
  }

  u32(type: number): number | undefined {
    return this.#read(type, (reader) => reader.u32Le());
  }

  i32(type: number): number | undefined {
    return this.#read(type, (reader) => reader.i32Le());
  }

  /** Text with or without a final NUL; bytes that are not UTF-8 become U+FFFD. */
  string(type: number): string | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : decodeString(value);
  }

  /** @throws ParseError when the value is not 4 or 16 bytes long. */
  ip(type: number): Ip | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : ipFromBytes(value);
  }

  /** Absent also when the link-layer address is not an Ethernet one. */
  mac(type: number): Mac | undefined {
    const value = this.#values.get(type);
    if (value === undefined || value.length !== 6) return undefined;
    this.#values.delete(type);
    return macFromBytes(value);
  }

  nested(type: number): Attributes | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : Attributes.decode(value);
  }

  /** What was not taken, copied, in order of type. */
  rest(): readonly RawAttribute[] {
    const rest = [...this.#values].map(([type, value]) => ({ type, value: value.slice() }));
    return rest.sort((a, b) => a.type - b.type);
  }

  #read(type: number, read: (reader: Reader) => number): number | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : read(new Reader(value));
  }
}

/** Every attribute of `bytes` in order, borrowed. @throws BoundsError */
export function* splitAttributes(bytes: Uint8Array): Generator<RawAttribute> {
  const reader = new Reader(bytes);
  while (reader.left >= headerLength) {
    const length = reader.u16Le();
    const type = reader.u16Le() & NLA_TYPE_MASK;
    const value = reader.bytes(length - headerLength);
    reader.skip(Math.min(reader.left, -length & 3));
    yield { type, value };
  }
}

const textDecoder = new TextDecoder();
const textEncoder = new TextEncoder();

export function decodeString(value: Uint8Array): string {
  const end = value.indexOf(0);
  return textDecoder.decode(end < 0 ? value : value.subarray(0, end));
}

export function putBytes(w: Writer, type: number, value: Uint8Array): void {
  w.u16Le(headerLength + value.length).u16Le(type);
  w.bytes(value).zeros(-value.length & 3);
}

export function putU8(w: Writer, type: number, value: number): void {
  w.u16Le(headerLength + 1).u16Le(type);
  w.u8(value).zeros(3);
}

export function putU32(w: Writer, type: number, value: number): void {
  w.u16Le(headerLength + 4).u16Le(type);
  w.u32Le(value);
}

export function putString(w: Writer, type: number, text: string): void {
  const bytes = textEncoder.encode(text);
  w.u16Le(headerLength + bytes.length + 1).u16Le(type);
  w.bytes(bytes).zeros(1 + (-(bytes.length + 1) & 3));
}

export function putIp(w: Writer, type: number, ip: Ip): void {
  putBytes(w, type, ipToBytes(ip));
}

export function putMac(w: Writer, type: number, mac: Mac): void {
  putBytes(w, type, macToBytes(mac));
}

/** An attribute whose value `put` writes. */
export function putNested(w: Writer, type: number, put: () => void): void {
  const start = w.length;
  w.u16Le(0).u16Le(type | NLA_F_NESTED);
  put();
  w.patchU16Le(start, w.length - start);
}

export function putRaw(w: Writer, attributes: readonly RawAttribute[]): void {
  for (const { type, value } of attributes) putBytes(w, type, value);
}
