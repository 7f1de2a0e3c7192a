/** UPDATEs in pieces (RFC 4271 4.3): what the generator makes, mutates and puts together. */

export interface RawAttribute {
  flags: number;
  type: number;
  value: Uint8Array;
}

export interface RawUpdate {
  withdrawn: Uint8Array;
  attributes: RawAttribute[];
  nlri: Uint8Array;
}

export const extendedLengthFlag = 0x10;

export function concat(parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function u16(value: number): number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

/** With an extended length where the flags ask for it or the value needs it. */
export function attributeBytes({ flags, type, value }: RawAttribute): Uint8Array {
  if ((flags & extendedLengthFlag) === 0 && value.length <= 255) {
    return concat([[flags, type, value.length], value]);
  }
  return concat([[flags | extendedLengthFlag, type], u16(value.length), value]);
}

export function updateBody({ withdrawn, attributes, nlri }: RawUpdate): Uint8Array {
  const block = concat(attributes.map(attributeBytes));
  return concat([u16(withdrawn.length), withdrawn, u16(block.length), block, nlri]);
}

export function message(type: number, body: Uint8Array): Uint8Array {
  return concat([new Array<number>(16).fill(0xff), u16(19 + body.length), [type], body]);
}

export function toHex(bytes: Uint8Array): string {
  return bytes.toHex();
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex);
}
