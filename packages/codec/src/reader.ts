import { BoundsError } from "./errors.ts";

/**
 * A bounds-checked cursor over borrowed bytes; network byte order unless a name ends in `Le`. It
 * never copies: `bytes` and `sub` share the buffer, so copy what must outlive it.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  #at = 0;

  /**
   * `base` is what `offset` counts from, so that a sub-reader reports positions of the whole
   * message.
   */
  constructor(bytes: Uint8Array, base = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get offset(): number {
    return this.#base + this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  u16Le(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32Le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32Le(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  u64Le(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** The next `length` bytes, borrowed. */
  bytes(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** All that is left, borrowed. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** A reader over the next `length` bytes. */
  sub(length: number): Reader {
    const base = this.offset;
    return new Reader(this.bytes(length), base);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (length < 0 || length > this.#bytes.length - start) {
      throw new BoundsError("read", this.offset, length, this.left);
    }
    this.#at = start + length;
    return start;
  }
}
