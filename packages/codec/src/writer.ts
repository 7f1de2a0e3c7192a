import { BoundsError } from "./errors.ts";

/**
 * An append cursor over a buffer that grows by doubling up to `lengthMax`; network byte order
 * unless a name ends in `Le`. Lengths that are known only at the end are reserved and patched.
 */
export class Writer {
  readonly #lengthMax: number;
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(lengthMax: number, initialLength = 256) {
    this.#lengthMax = lengthMax;
    this.#bytes = new Uint8Array(Math.min(lengthMax, initialLength));
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  u8(value: number): this {
    // The view is read after the advance, which may replace it.
    const at = this.#advance(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#advance(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#advance(4);
    this.#view.setUint32(at, value);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  u16Le(value: number): this {
    const at = this.#advance(2);
    this.#view.setUint16(at, value, true);
    return this;
  }

  u32Le(value: number): this {
    const at = this.#advance(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64Le(value: bigint): this {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, value, true);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#advance(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  zeros(length: number): this {
    const at = this.#advance(length);
    this.#bytes.fill(0, at, at + length);
    return this;
  }

  /** Overwrites a 16-bit value written earlier at `offset`. */
  patchU16(offset: number, value: number): void {
    this.#view.setUint16(this.#written(offset, 2), value);
  }

  patchU16Le(offset: number, value: number): void {
    this.#view.setUint16(this.#written(offset, 2), value, true);
  }

  patchU32Le(offset: number, value: number): void {
    this.#view.setUint32(this.#written(offset, 4), value, true);
  }

  /** Overwrites an 8-bit value written earlier at `offset`. */
  patchU8(offset: number, value: number): void {
    this.#view.setUint8(this.#written(offset, 1), value);
  }

  /** Forgets everything from `length` on. */
  truncate(length: number): void {
    this.#written(length, 0);
    this.#at = length;
  }

  /** What was written, borrowed until the next write or `reset`. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  reset(): void {
    this.#at = 0;
  }

  #written(offset: number, length: number): number {
    if (offset < 0 || offset + length > this.#at) {
      throw new BoundsError("write", offset, length, this.#at - offset);
    }
    return offset;
  }

  #advance(length: number): number {
    const start = this.#at;
    const end = start + length;
    if (end > this.#lengthMax)
      throw new BoundsError("write", start, length, this.#lengthMax - start);
    if (end > this.#bytes.length) this.#grow(end);
    this.#at = end;
    return start;
  }

  #grow(length: number): void {
    const bytes = new Uint8Array(
      Math.min(this.#lengthMax, Math.max(length, this.#bytes.length * 2)),
    );
    bytes.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
