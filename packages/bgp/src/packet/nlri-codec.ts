/**
 * The seam between the bytes of an address family's NLRI and a table of routes, for the families
 * whose routes are not plain prefixes (those have word walkers of their own in `nlri.ts`).
 *
 * A route is two byte strings. The `key` is what identifies it (RFC 4364 4.1: route distinguisher
 * and prefix; RFC 7432 7: the fields that are "part of the prefix"), in a canonical form with host
 * bits zero, so that two routes are the same when their keys are equal octet by octet. The
 * `payload` is what may differ between two paths to the same key: MPLS labels or VNIs, the ESI of
 * EVPN types 2 and 5, the gateway address of type 5. It is opaque to the table, which interns it.
 */

/**
 * One route of a walk, reused from visit to visit: whoever keeps something copies it. `key` and
 * `payload` are scratch space, valid up to their lengths.
 */
export interface NlriCursor {
  /** RFC 7911 3, uint32; 0 where the session has no path identifiers in this direction. */
  pathId: number;
  readonly key: Uint8Array;
  keyLength: number;
  readonly payload: Uint8Array;
  payloadLength: number;
}

/** A route as the table and the wire take it. Owned. */
export interface EncodedNlri {
  readonly key: Uint8Array;
  readonly payload: Uint8Array;
}

export interface NlriWalkOptions {
  /** Each NLRI begins with a path identifier. */
  readonly addPath: boolean;
  /** The NLRI are withdrawn: their labels mean nothing (RFC 8277 2.4) and make no payload. */
  readonly withdrawn: boolean;
}

export interface NlriCodec {
  /** Room that every key and every payload fits in, in octets. */
  readonly keyLengthMax: number;
  readonly payloadLengthMax: number;
  /**
   * Calls `visit` for each route of `bytes[start, end)` and returns how many it left out. The field is checked as a whole before the
   * first call, so that a malformed field changes nothing; routes of a kind that is not known but
   * well delimited (EVPN route types) are left out (RFC 7606 5.4). `visit` must
   * not walk with the same codec: the cursor is one per codec.
   * @throws DecodeError `reset` (RFC 7606 5.3) where the field cannot be delimited, or a route of a
   *   known kind is malformed: without its key it cannot be treated as withdrawn
   */
  walk(
    bytes: Uint8Array,
    start: number,
    end: number,
    options: NlriWalkOptions,
    visit: (cursor: NlriCursor) => void,
  ): number;
  /** Octets that {@link encode} writes for the same arguments. */
  encodedLength(key: Uint8Array, payload: Uint8Array | undefined): number;
  /**
   * Writes the route at `at` and returns the offset behind it. Without payload it is a withdrawal:
   * what the payload would fill is zero, for VPN families the label is 0x800000 (RFC 8277 2.4). The
   * path identifier, if any, is the caller's. `key` and `payload` must be of this codec.
   */
  encode(bytes: Uint8Array, at: number, key: Uint8Array, payload: Uint8Array | undefined): number;
  /**
   * The IP prefix inside the key, for policy and queries: words as of `PrefixVisitor6` (IPv4 in the
   * first), and the length in bits; undefined for a route that has none (most EVPN types, route
   * targets, flow specifications without a destination). EVPN type 2 with an address gives its host
   * prefix.
   */
  prefixInto(key: Uint8Array, words: Int32Array): { family: 4 | 6; length: number } | undefined;
  /** For people, as the field writes it. */
  format(key: Uint8Array, payload?: Uint8Array): string;
  /**
   * The key of what `format` writes without payload; values of flow specifications take the fewest
   * octets. @throws ParseError
   * @throws BgpError `encode` for a flow specification longer than 4095 octets
   */
  parse(text: string): Uint8Array;
}
