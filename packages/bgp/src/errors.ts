/**
 * Errors of the BGP package. Decoding throws nothing but {@link DecodeError}, which says what RFC
 * 7606 wants done and which NOTIFICATION tells the peer.
 */

/** The coarse kind of a {@link BgpError}. */
export type BgpErrorCode = "decode" | "encode" | "config";

export class BgpError extends Error {
  override readonly name: string = "BgpError";
  readonly code: BgpErrorCode;

  constructor(code: BgpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * RFC 7606 2, weakest first: drop the attribute, treat the routes of the message as withdrawn,
 * close the session.
 */
export type ErrorAction = "discard" | "withdraw" | "reset";

/** What a NOTIFICATION carries (RFC 4271 4.5). */
export interface NotificationCause {
  readonly code: number;
  readonly subcode: number;
  /** Owned. */
  readonly data: Uint8Array;
}

/** Bytes that break the protocol. */
export class DecodeError extends BgpError {
  override readonly name = "DecodeError";
  readonly action: ErrorAction;
  readonly notification: NotificationCause;

  /** `data` is copied: it is often a view of the receive buffer. */
  constructor(
    message: string,
    action: ErrorAction,
    code: number,
    subcode: number,
    data: Uint8Array = new Uint8Array(0),
  ) {
    super("decode", message);
    this.action = action;
    this.notification = { code, subcode, data: new Uint8Array(data) };
  }
}
