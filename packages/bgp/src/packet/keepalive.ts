/** KEEPALIVE (RFC 4271 4.4): a header alone. */
import { encodeHeader, headerLength } from "./framing.ts";
import { messageTypes } from "./iana.ts";

/** A whole KEEPALIVE message. */
export function encodeKeepalive(): Uint8Array {
  const bytes = new Uint8Array(headerLength);
  encodeHeader(bytes, 0, headerLength, messageTypes.keepalive);
  return bytes;
}
