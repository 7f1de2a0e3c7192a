/**
 * NOTIFICATION (RFC 4271 4.5), with the text of RFC 9003 and the wrapping of RFC 8538.
 *
 *      error code (1) | error subcode (1) | data (variable)
 */
import { DecodeError, type NotificationCause } from "../errors.ts";
import { encodeHeader, headerLength, messageLengthMax } from "./framing.ts";
import { ceaseSubcodes, errorCodes, headerSubcodes, messageTypes } from "./iana.ts";

/** RFC 9003 2: octets of UTF-8. */
export const shutdownTextLengthMax = 255;

/**
 * Decodes the body; `data` is owned. @throws DecodeError `reset`, which must not be answered (RFC
 * 4271 6.4)
 */
export function decodeNotification(body: Uint8Array): NotificationCause {
  if (body.length < 2) {
    throw new DecodeError(
      "Cannot decode NOTIFICATION: it is shorter than its two codes",
      "reset",
      errorCodes.messageHeader,
      headerSubcodes.badLength,
    );
  }
  const data = new Uint8Array(body.subarray(2));
  return { code: body[0] as number, subcode: body[1] as number, data };
}

/** A whole NOTIFICATION message; data that does not fit is cut off. */
export function encodeNotification(cause: NotificationCause): Uint8Array {
  const data = cause.data.subarray(0, messageLengthMax - headerLength - 2);
  const bytes = new Uint8Array(headerLength + 2 + data.length);
  encodeHeader(bytes, 0, bytes.length, messageTypes.notification);
  bytes[headerLength] = cause.code;
  bytes[headerLength + 1] = cause.subcode;
  bytes.set(data, headerLength + 2);
  return bytes;
}

/** A Cease with a text for the peer's operator, which is cut at a character to fit (RFC 9003). */
export function ceaseWithText(subcode: number, text: string): NotificationCause {
  const data = new Uint8Array(1 + shutdownTextLengthMax);
  const { written } = new TextEncoder().encodeInto(text, data.subarray(1));
  data[0] = written;
  return { code: errorCodes.cease, subcode, data: data.slice(0, written === 0 ? 0 : 1 + written) };
}

/** The text of a shutdown or reset Cease; undefined when there is none or it is malformed. */
export function shutdownTextOf(cause: NotificationCause): string | undefined {
  const carriesText =
    cause.code === errorCodes.cease &&
    (cause.subcode === ceaseSubcodes.administrativeShutdown ||
      cause.subcode === ceaseSubcodes.administrativeReset);
  const length = cause.data[0];
  if (!carriesText || length === undefined || length === 0 || cause.data.length < 1 + length) {
    return undefined;
  }
  const text = new TextDecoder("utf-8", { fatal: false }).decode(
    cause.data.subarray(1, 1 + length),
  );
  return [...text].map((char) => (isControl(char) ? " " : char)).join("");
}

/** A peer's text goes to logs and terminals. */
function isControl(char: string): boolean {
  const code = char.codePointAt(0) as number;
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/** RFC 8538 3: the peer must drop our routes although both announced the N bit. */
export function isHardReset(cause: NotificationCause): boolean {
  return cause.code === errorCodes.cease && cause.subcode === ceaseSubcodes.hardReset;
}

/** Wraps `cause` so that the peer drops our routes (RFC 8538 3.1). */
export function hardReset(cause: NotificationCause): NotificationCause {
  const data = new Uint8Array(2 + cause.data.length);
  data[0] = cause.code;
  data[1] = cause.subcode;
  data.set(cause.data, 2);
  return { code: errorCodes.cease, subcode: ceaseSubcodes.hardReset, data };
}

const codeNames: Readonly<Record<number, string>> = {
  [errorCodes.messageHeader]: "Message Header Error",
  [errorCodes.openMessage]: "OPEN Message Error",
  [errorCodes.updateMessage]: "UPDATE Message Error",
  [errorCodes.holdTimerExpired]: "Hold Timer Expired",
  [errorCodes.finiteStateMachine]: "Finite State Machine Error",
  [errorCodes.cease]: "Cease",
  [errorCodes.routeRefreshMessage]: "ROUTE-REFRESH Message Error",
  [errorCodes.sendHoldTimerExpired]: "Send Hold Timer Expired",
};

const subcodeNames: Readonly<Record<number, string>> = {
  [key(errorCodes.messageHeader, 1)]: "Connection Not Synchronized",
  [key(errorCodes.messageHeader, 2)]: "Bad Message Length",
  [key(errorCodes.messageHeader, 3)]: "Bad Message Type",
  [key(errorCodes.openMessage, 1)]: "Unsupported Version Number",
  [key(errorCodes.openMessage, 2)]: "Bad Peer AS",
  [key(errorCodes.openMessage, 3)]: "Bad BGP Identifier",
  [key(errorCodes.openMessage, 4)]: "Unsupported Optional Parameter",
  [key(errorCodes.openMessage, 6)]: "Unacceptable Hold Time",
  [key(errorCodes.openMessage, 7)]: "Unsupported Capability",
  [key(errorCodes.openMessage, 11)]: "Role Mismatch",
  [key(errorCodes.updateMessage, 1)]: "Malformed Attribute List",
  [key(errorCodes.updateMessage, 2)]: "Unrecognized Well-known Attribute",
  [key(errorCodes.updateMessage, 3)]: "Missing Well-known Attribute",
  [key(errorCodes.updateMessage, 4)]: "Attribute Flags Error",
  [key(errorCodes.updateMessage, 5)]: "Attribute Length Error",
  [key(errorCodes.updateMessage, 6)]: "Invalid ORIGIN Attribute",
  [key(errorCodes.updateMessage, 8)]: "Invalid NEXT_HOP Attribute",
  [key(errorCodes.updateMessage, 9)]: "Optional Attribute Error",
  [key(errorCodes.updateMessage, 10)]: "Invalid Network Field",
  [key(errorCodes.updateMessage, 11)]: "Malformed AS_PATH",
  [key(errorCodes.finiteStateMachine, 1)]: "Unexpected Message in OpenSent State",
  [key(errorCodes.finiteStateMachine, 2)]: "Unexpected Message in OpenConfirm State",
  [key(errorCodes.finiteStateMachine, 3)]: "Unexpected Message in Established State",
  [key(errorCodes.cease, 1)]: "Maximum Number of Prefixes Reached",
  [key(errorCodes.cease, 2)]: "Administrative Shutdown",
  [key(errorCodes.cease, 3)]: "Peer De-configured",
  [key(errorCodes.cease, 4)]: "Administrative Reset",
  [key(errorCodes.cease, 5)]: "Connection Rejected",
  [key(errorCodes.cease, 6)]: "Other Configuration Change",
  [key(errorCodes.cease, 7)]: "Connection Collision Resolution",
  [key(errorCodes.cease, 8)]: "Out of Resources",
  [key(errorCodes.cease, 9)]: "Hard Reset",
  [key(errorCodes.cease, 10)]: "BFD Down",
  [key(errorCodes.routeRefreshMessage, 1)]: "Invalid Message Length",
};

function key(code: number, subcode: number): number {
  return code * 256 + subcode;
}

/**
 * For people: `Cease/Administrative Shutdown (6/2): text`; a hard reset is followed by what it
 * wraps.
 */
export function formatNotification(cause: NotificationCause): string {
  const { code, subcode } = cause;
  const codeName = codeNames[code];
  const subcodeName = subcodeNames[key(code, subcode)];
  const name = [codeName, subcodeName].filter((part) => part !== undefined).join("/");
  const numbers = `${code}/${subcode}`;
  const title = name === "" ? `error ${numbers}` : `${name} (${numbers})`;
  const inner = innerOf(cause);
  const detail = inner === undefined ? shutdownTextOf(cause) : formatNotification(inner);
  return detail === undefined ? title : `${title}: ${detail}`;
}

/** What a hard reset wraps; undefined for anything else, also for a hard reset in a hard reset. */
function innerOf(cause: NotificationCause): NotificationCause | undefined {
  const [code, subcode] = cause.data;
  if (!isHardReset(cause) || code === undefined || subcode === undefined) return undefined;
  const inner = { code, subcode, data: cause.data.subarray(2) };
  return isHardReset(inner) ? undefined : inner;
}
