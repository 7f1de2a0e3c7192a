/** How long the node takes for each CNI verb, and how it ends. */
import { CniError, type CniErrorCode, type CniHandler } from "@heddle/cni";
import type { Clock } from "@heddle/std";

export type CniVerb = "ADD" | "DEL" | "CHECK" | "STATUS" | "GC";

export interface CniDuration {
  readonly verb: CniVerb;
  /** `Internal` for a fault of ours. */
  readonly outcome: "ok" | CniErrorCode;
  readonly durationMs: number;
}

/**
 * `handler`, with each call told to `tell` when it ends, also when the server has answered for it
 * because it was late. Results and rejections are the handler's.
 */
export function timedCni(
  handler: CniHandler,
  clock: Pick<Clock, "nowMs">,
  tell: (duration: CniDuration) => void,
): CniHandler {
  const timed = async <T>(verb: CniVerb, call: () => Promise<T>): Promise<T> => {
    const sinceMs = clock.nowMs();
    let outcome: CniDuration["outcome"] = "ok";
    try {
      return await call();
    } catch (error) {
      outcome = error instanceof CniError ? error.code : "Internal";
      throw error;
    } finally {
      tell({ verb, outcome, durationMs: clock.nowMs() - sinceMs });
    }
  };
  return {
    add: (request) => timed("ADD", () => handler.add(request)),
    del: (request) => timed("DEL", () => handler.del(request)),
    check: (request) => timed("CHECK", () => handler.check(request)),
    status: (request) => timed("STATUS", () => handler.status(request)),
    gc: (request) => timed("GC", () => handler.gc(request)),
  };
}
