/**
 * The common header (RFC 7854 4.1) and the cutting of a byte stream into messages.
 *
 *      version (1), 3 | message length (4), with the header | message type (1)
 */
import { BmpError } from "./bmp-error.ts";

export const bmpVersion = 3;
export const bmpHeaderLength = 6;
/** Longer than any message of ours: two OPENs or one extended UPDATE, with room for TLVs. */
export const bmpMessageLengthMax: number = 1 << 18;

/** Cuts receive chunks into messages; what is kept between chunks is bounded by the limit. */
export class BmpFramer {
  #partial: Uint8Array = new Uint8Array(0);

  /** Whole messages, borrowed during the call of `visit`. @throws BmpError */
  push(chunk: Uint8Array, visit: (message: Uint8Array) => void): void {
    const bytes = this.#partial.length === 0 ? chunk : joined(this.#partial, chunk);
    let at = 0;
    while (bytes.length - at >= bmpHeaderLength) {
      const length = checkedLength(bytes, at);
      if (bytes.length - at < length) break;
      visit(bytes.subarray(at, at + length));
      at += length;
    }
    this.#partial = bytes.slice(at);
  }
}

function checkedLength(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const version = view.getUint8(0);
  if (version !== bmpVersion) throw new BmpError(`version ${version}, want ${bmpVersion}`);
  const length = view.getUint32(1);
  if (length >= bmpHeaderLength && length <= bmpMessageLengthMax) return length;
  throw new BmpError(`length ${length}, want ${bmpHeaderLength} to ${bmpMessageLengthMax}`);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
