import { BoundsError, Reader } from "@heddle/codec";
import { ParseError } from "@heddle/inet";
import {
  type ErrnoName,
  errnoName,
  errnoText,
  type NetlinkAck,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_HDRLEN,
} from "@heddle/native";
import { Attributes } from "./attributes.ts";
import {
  NLMSGERR_ATTR_MISS_TYPE,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from "./uapi/rtnetlink.ts";

/** What the kernel adds to an errno (extended ACK). */
export interface ExtendedAck {
  /** The kernel's own sentence. */
  readonly text: string | undefined;
  /** Byte offset of the attribute that it objects to, from the start of the request's header. */
  readonly attributeOffset: number | undefined;
  /** Type of an attribute that is missing. */
  readonly missingAttribute: number | undefined;
}

const noExtendedAck: ExtendedAck = {
  text: undefined,
  attributeOffset: undefined,
  missingAttribute: undefined,
};

/** Which request of a batch failed. */
export interface RequestPosition {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

/**
 * The kernel refused a request (`code` is the errno's name), or sent what is not a message
 * (`MALFORMED`).
 */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly code: ErrnoName | "MALFORMED";
  readonly extendedAck: ExtendedAck;
  /** Absent for messages that the kernel sent. */
  readonly request: RequestPosition | undefined;

  constructor(
    message: string,
    code: ErrnoName | "MALFORMED",
    extendedAck: ExtendedAck = noExtendedAck,
    request?: RequestPosition,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.extendedAck = extendedAck;
    this.request = request;
  }
}

/** The error of a failed request; `doing` continues "Cannot". */
export function requestError(
  doing: string,
  ack: NetlinkAck,
  request: RequestPosition,
): NetlinkError {
  const extendedAck = decodeExtendedAck(ack);
  const code = errnoName(ack.errno);
  const parts = [`Cannot ${doing}: ${errnoText(ack.errno)} (${code})`];
  if (extendedAck.text !== undefined) parts.push(extendedAck.text.replace(/\.$/, ""));
  if (extendedAck.attributeOffset !== undefined) {
    parts.push(`attribute at offset ${extendedAck.attributeOffset}`);
  }
  if (extendedAck.missingAttribute !== undefined) {
    parts.push(`attribute ${extendedAck.missingAttribute} is missing`);
  }
  if (request.count > 1) parts.push(`request ${request.index + 1} of ${request.count}`);
  return new NetlinkError(parts.join("; "), code, extendedAck, request);
}

/** After the errno come the request's header, its payload unless capped, and the attributes. */
function decodeExtendedAck(ack: NetlinkAck): ExtendedAck {
  if ((ack.flags & NLM_F_ACK_TLVS) === 0) return noExtendedAck;
  return decoding("extended ACK", () => {
    const reader = new Reader(ack.rest);
    const requestLength = reader.u32Le();
    reader.skip(NLMSG_HDRLEN - 4);
    if ((ack.flags & NLM_F_CAPPED) === 0) reader.skip((requestLength - NLMSG_HDRLEN + 3) & ~3);
    const attributes = Attributes.decode(reader.rest());
    return {
      text: attributes.string(NLMSGERR_ATTR_MSG),
      attributeOffset: attributes.u32(NLMSGERR_ATTR_OFFS),
      missingAttribute: attributes.u32(NLMSGERR_ATTR_MISS_TYPE),
    };
  });
}

/** An attribute that every message of its type has. @throws NetlinkError MALFORMED when absent */
export function required<T>(value: T | undefined, what: string): T {
  if (value !== undefined) return value;
  throw new NetlinkError(`Cannot decode message: no ${what}, want one`, "MALFORMED");
}

/**
 * Runs a decoder so that nothing but a NetlinkError `MALFORMED` comes out of it for wrong bytes.
 */
export function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof BoundsError || cause instanceof ParseError)) throw cause;
    const message = `Cannot decode ${what}: ${cause.message}`;
    throw new NetlinkError(message, "MALFORMED", noExtendedAck, undefined, { cause });
  }
}
