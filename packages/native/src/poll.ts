import { loadAddon, type Result } from "./binding.ts";
import type { Fd } from "./fd.ts";
import { check } from "./system-error.ts";

declare const pollHandle: unique symbol;

/** The addon's own object; opaque here. */
interface PollHandle {
  readonly [pollHandle]: true;
}

interface PollBinding {
  readonly pollReadable: number;
  readonly pollWritable: number;
  pollOpen(fd: number, events: number, wake: (events: number) => void): PollHandle | Result;
  pollClose(handle: PollHandle): Result;
  pollPause(handle: PollHandle): Result;
  pollResume(handle: PollHandle): Result;
  pollUnref(handle: PollHandle): Result;
}

const native = loadAddon<PollBinding>();

export type PollEvent = "readable" | "writable";

/**
 * Calls back on the event loop of the calling thread each time a descriptor is ready. Level
 * triggered: what one wake-up leaves unread causes the next, so a receiver can and must bound the
 * work of one wake-up.
 */
export class Poll implements Disposable {
  readonly #handle: PollHandle;

  /**
   * Borrows `fd`, which must stay open until this is disposed.
   * @throws SystemError
   */
  constructor(fd: Fd, event: PollEvent, wake: () => void) {
    const events = event === "readable" ? native.pollReadable : native.pollWritable;
    const handle = native.pollOpen(fd.number, events, wake);
    if (typeof handle === "number") {
      check(handle, "epoll_ctl", `wait for a descriptor to be ${event}`);
      throw new TypeError("pollOpen returned no handle");
    }
    this.#handle = handle;
  }

  /** No call comes until {@link resume}, and this does not keep the process alive. */
  pause(): void {
    check(native.pollPause(this.#handle), "epoll_ctl", "pause waiting for a descriptor");
  }

  /** A descriptor that is ready already causes a call. @throws SystemError */
  resume(): void {
    check(native.pollResume(this.#handle), "epoll_ctl", "wait for a descriptor again");
  }

  /** Lets the process or Worker end while this is open. */
  unref(): this {
    native.pollUnref(this.#handle);
    return this;
  }

  /** No call comes after it. Idempotent. */
  [Symbol.dispose](): void {
    native.pollClose(this.#handle);
  }
}
