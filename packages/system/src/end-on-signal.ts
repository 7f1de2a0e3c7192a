import process from "node:process";
import type { Log } from "@heddle/std";

/**
 * Ends the process on SIGTERM and SIGINT, once `owned` is disposed of: with 0, or with 1 when that
 * fails. `message` goes to the log before. The same signal again ends it at once.
 */
export function endOnSignal(owned: AsyncDisposable, log: Log, message: string): void {
  const end = (signal: string): void => {
    log.info(message, { signal });
    owned[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("it could not stop cleanly", { error });
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}
