/**
 * What a session received, chunk by chunk with the time of each. While a speaker is measured its
 * receivers only keep bytes; what the bytes say is looked at when there are no more.
 */
import { type Framer, messageTypes } from "@heddle/bgp";
import { must } from "@heddle/std";
import { monotonicMs } from "./clock.ts";
import type { RouteChecker } from "./route-checker.ts";

const slabLength = 256 * 1024;
/** A read gets a new slab when less than this is left. */
const readLengthMin = 32 * 1024;

interface Chunk {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

export class Recording {
  readonly #framer: Framer;
  #slab = Buffer.allocUnsafeSlow(slabLength);
  #used = 0;
  readonly #chunks: Chunk[] = [];
  /** When the last chunk came. */
  lastMs = 0;

  /** `framer` has taken everything up to the first chunk. */
  constructor(framer: Framer) {
    this.#framer = framer;
  }

  /** Room for the next read; it is kept. */
  room(): Uint8Array {
    if (slabLength - this.#used < readLengthMin) {
      this.#slab = Buffer.allocUnsafeSlow(slabLength);
      this.#used = 0;
    }
    return this.#slab.subarray(this.#used);
  }

  /** `length` octets were read into the last {@link room}. */
  take(length: number): void {
    const bytes = this.#slab.subarray(this.#used, this.#used + length);
    this.#used += length;
    this.lastMs = monotonicMs();
    this.#chunks.push({ bytes, atMs: this.lastMs });
  }

  /** There are chunks that `replay` has not seen. */
  get isPending(): boolean {
    return this.#chunks.length > 0;
  }

  /**
   * Gives the first chunk to the checker and forgets it; returns when it came.
   * @throws DecodeError, or Error when a NOTIFICATION is among the messages
   */
  replay(checker: RouteChecker): number {
    const { bytes, atMs } = must(this.#chunks.shift(), "a chunk is pending");
    this.#framer.push(bytes, (type, body, start, end) => {
      if (type === messageTypes.update) checker.update(body, start, end);
      if (type === messageTypes.notification) {
        throw new Error(`NOTIFICATION ${body.slice(start, end).toHex()}`);
      }
      return true;
    });
    return atMs;
  }
}
