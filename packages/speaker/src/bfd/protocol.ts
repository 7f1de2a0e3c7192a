/** What crosses between the main thread and the BFD thread: plain data, few and small messages. */
import type { Ifindex, Ip } from "@heddle/inet";
import type { BfdChange } from "./session.ts";

/** One session to keep. */
export interface BfdPeer {
  /** Names the session in commands and reports; also its local discriminator. */
  readonly id: number;
  readonly local: Ip;
  readonly remote: Ip;
  readonly ifindex: Ifindex | undefined;
  /**
   * RFC 5883: how many links may lie between, 1 to 255; undefined: the peer is on our own link (RFC
   * 5881).
   */
  readonly hopCountMax: number | undefined;
  readonly txIntervalMs: number;
  readonly rxIntervalMs: number;
  readonly detectMultiplier: number;
}

export type BfdCommand =
  | { readonly kind: "add"; readonly peer: BfdPeer }
  /** The peer is told that this is no failure. */
  | { readonly kind: "remove"; readonly id: number }
  /** The last command: all sessions are removed and the thread ends. */
  | { readonly kind: "stop" };

export type BfdReport =
  | { readonly kind: "changed"; readonly id: number; readonly change: BfdChange }
  /** `id` undefined: of the thread as a whole. */
  | { readonly kind: "failed"; readonly id: number | undefined; readonly message: string };

/** Start data of the thread. */
export interface BfdThreadData {
  /** Path of the namespace to open sockets in; undefined: the process's own. */
  readonly netns: string | undefined;
}
