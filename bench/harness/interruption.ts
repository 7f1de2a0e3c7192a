/** Ctrl-C between two steps instead of in the middle of one, so that what was made is removed. */

export class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #stop = (signal: NodeJS.Signals): void =>
    this.#controller.abort(new Error(`ended by ${signal}`));

  constructor() {
    process.on("SIGINT", this.#stop);
    process.on("SIGTERM", this.#stop);
  }

  /** @throws Error when a signal has come */
  check(): void {
    this.#controller.signal.throwIfAborted();
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#stop);
    process.off("SIGTERM", this.#stop);
  }
}
