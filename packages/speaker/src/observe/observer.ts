/** What onlookers see of the sessions of a speaker: the messages themselves, as on the wire. */
import type { Ip } from "@heddle/inet";
import type { PeerName } from "../peer/peer-name.ts";

export type MessageDirection = "received" | "sent";

export interface Endpoint {
  readonly address: Ip;
  readonly port: number;
}

/** One connection with a peer; the object is the same in every call about it. */
export interface ObservedSession {
  readonly peer: PeerName;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The last OPEN of each side, whole messages; undefined before it. */
  readonly sentOpen: Uint8Array | undefined;
  readonly receivedOpen: Uint8Array | undefined;
  /** Since the OPENs were confirmed, wall clock; undefined before that. */
  readonly establishedAtWallMs: number | undefined;
}

/** How a connection ended. */
export type SessionEnd =
  /** With a NOTIFICATION, the whole message. */
  | { readonly by: MessageDirection; readonly notification: Uint8Array }
  /** Without; `sent`: it was closed here. */
  | { readonly by: MessageDirection; readonly notification: undefined };

/** Called in the turn in which it happens: to be quick, and not to throw. */
export interface SpeakerObserver {
  /**
   * `bytes` are whole messages with their headers: one that was received and is about to be taken,
   * or those of one write. Borrowed: what is kept must be copied.
   */
  message?(session: ObservedSession, direction: MessageDirection, bytes: Uint8Array): void;
  /** The peer has confirmed our OPEN with its first KEEPALIVE. */
  established?(session: ObservedSession): void;
  /** Also of a connection that was not established. */
  ended?(session: ObservedSession, end: SessionEnd): void;
}
