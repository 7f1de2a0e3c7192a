import { CniError } from "./errors.ts";

/**
 * Collects the bytes of a stream up to the first newline, or to the end, and settles exactly once:
 * with the line, or with the error that the sender is told.
 */
export class RequestLine {
  readonly #bytesMax: number;
  readonly #settle: (line: Uint8Array | CniError) => void;
  #chunks: Uint8Array[] = [];
  #byteCount = 0;
  #settled = false;

  constructor(bytesMax: number, settle: (line: Uint8Array | CniError) => void) {
    this.#bytesMax = bytesMax;
    this.#settle = settle;
  }

  push(chunk: Uint8Array): void {
    if (this.#settled) return;
    const newline = chunk.indexOf(0x0a);
    const part = newline < 0 ? chunk : chunk.subarray(0, newline);
    this.#byteCount += part.length;
    if (this.#byteCount > this.#bytesMax) {
      const why = `more than ${this.#bytesMax} bytes`;
      this.#finish(new CniError("IoFailure", `Cannot read CNI request: ${why}`));
      return;
    }
    this.#chunks.push(part);
    if (newline >= 0) this.#finish(Buffer.concat(this.#chunks));
  }

  end(): void {
    if (this.#byteCount > 0) this.#finish(Buffer.concat(this.#chunks));
    else this.#finish(new CniError("IoFailure", "Cannot read CNI request: connection was empty"));
  }

  expire(): void {
    this.#finish(new CniError("IoFailure", "Cannot read CNI request: no whole line in time"));
  }

  #finish(line: Uint8Array | CniError): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    this.#settle(line);
  }
}
