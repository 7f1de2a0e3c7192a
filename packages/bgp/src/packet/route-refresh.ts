/**
 * ROUTE-REFRESH (RFC 2918 3, RFC 7313 3.2), without outbound route filtering (RFC 5291).
 *
 *      AFI (2) | subtype (1) | SAFI (1)
 */
import { Reader } from "@heddle/codec";
import { DecodeError } from "../errors.ts";
import { encodeHeader, headerLength } from "./framing.ts";
import { errorCodes, messageTypes, routeRefreshSubcodes } from "./iana.ts";

const bodyLength = 4;

export interface RouteRefresh {
  readonly afi: number;
  readonly safi: number;
  /** See `refreshSubtypes`; an unknown one is to be ignored (RFC 7313 5). */
  readonly subtype: number;
}

/**
 * Decodes the body, which is longer than four octets only with ORF, which is never negotiated.
 * @throws DecodeError `reset` with the whole message as data (RFC 7313 5)
 */
export function decodeRouteRefresh(body: Uint8Array): RouteRefresh {
  if (body.length !== bodyLength) {
    const message = new Uint8Array(headerLength + body.length);
    encodeHeader(message, 0, message.length, messageTypes.routeRefresh);
    message.set(body, headerLength);
    throw new DecodeError(
      `Cannot decode ROUTE-REFRESH: body of ${body.length} octets, want ${bodyLength}`,
      "reset",
      errorCodes.routeRefreshMessage,
      routeRefreshSubcodes.invalidLength,
      message,
    );
  }
  const r = new Reader(body);
  const afi = r.u16();
  const subtype = r.u8();
  return { afi, subtype, safi: r.u8() };
}

/** A whole ROUTE-REFRESH message. */
export function encodeRouteRefresh(refresh: RouteRefresh): Uint8Array {
  const bytes = new Uint8Array(headerLength + bodyLength);
  encodeHeader(bytes, 0, bytes.length, messageTypes.routeRefresh);
  bytes[headerLength] = refresh.afi >> 8;
  bytes[headerLength + 1] = refresh.afi & 0xff;
  bytes[headerLength + 2] = refresh.subtype;
  bytes[headerLength + 3] = refresh.safi;
  return bytes;
}
