import type { Answer, Call } from "./calls.ts";

/** To the kernel worker. Messages are executed and answered in order. */
export type WorkerMessage =
  | { readonly kind: "call"; readonly id: number; readonly call: Call }
  /** The last message; the worker ends. */
  | { readonly kind: "close" };

/** From the kernel worker. */
export interface WorkerReply {
  readonly id: number;
  readonly answer: Answer;
}
