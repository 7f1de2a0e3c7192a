/** What a run asks of a generator process, and the answers; over the channel of a child process. */
import type { Case } from "./cases.ts";
import type { TrafficRole } from "./workload.ts";

export type TrafficRequest =
  | { readonly kind: "prepare"; readonly what: Case; readonly role: TrafficRole }
  /** Establishes all sessions. */
  | { readonly kind: "connect" }
  /** Answered when the kernel has taken all of it. */
  | { readonly kind: "send"; readonly what: "announcements" | "withdrawals" }
  | { readonly kind: "send"; readonly what: "probe"; readonly index: number }
  | { readonly kind: "await"; readonly goal: Goal; readonly timeoutMs: number }
  | { readonly kind: "disconnect" };

/** Complete or empty at every session, or one route at each. */
export type Goal = "complete" | "empty" | { readonly route: number };

export type TrafficAnswer =
  | { readonly kind: "done" }
  /** When the first octet was handed over, of {@link monotonicMs}. */
  | { readonly kind: "sent"; readonly startMs: number }
  | ReachedAnswer
  | { readonly kind: "failed"; readonly why: string };

export interface ReachedAnswer {
  readonly kind: "reached";
  /** When the last session got what it lacked. */
  readonly atMs: number;
}

/** Answers bear the number of their request. */
export interface Numbered<T> {
  readonly id: number;
  readonly body: T;
}
