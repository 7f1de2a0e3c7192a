import { assert } from "@heddle/std";
import { loadAddon, type Result } from "./binding.ts";
import { check } from "./system-error.ts";

interface FdBinding {
  fdClose(fd: number): Result;
}

const native = loadAddon<FdBinding>();

/** Owns a file descriptor: `using fd = …` closes it at the end of the block. */
export class Fd implements Disposable {
  #number: number;

  /** Takes ownership of `number`. */
  constructor(number: number) {
    assert(Number.isInteger(number) && number >= 0, "a descriptor is a non-negative integer");
    this.#number = number;
  }

  /** The descriptor, borrowed. */
  get number(): number {
    assert(this.#number >= 0, "the descriptor is open");
    return this.#number;
  }

  get isOpen(): boolean {
    return this.#number >= 0;
  }

  /** Hands the descriptor over: the caller closes it. */
  take(): number {
    const number = this.number;
    this.#number = -1;
    return number;
  }

  /** Idempotent. @throws SystemError when close(2) reports that data was lost. */
  close(): void {
    if (this.#number < 0) return;
    check(native.fdClose(this.take()), "close", "close descriptor");
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
