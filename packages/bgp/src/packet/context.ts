import type { Asn } from "@heddle/inet";
import type { AddressFamily } from "./address-family.ts";

/** What a session negotiated, as far as it changes how bytes are read and written. */
export interface CodecContext {
  /** Both sides announced four-octet AS numbers (RFC 6793): AS_PATH and AGGREGATOR hold uint32. */
  readonly fourOctetAs: boolean;
  /**
   * The session is external: RFC 7606 7.5, 7.9 and 7.10 drop the attributes that belong inside an
   * AS.
   */
  readonly external: boolean;
  /** MP_REACH_NLRI and MP_UNREACH_NLRI of any other family are ignored (RFC 4760 7). */
  readonly families: readonly AddressFamily[];
  /**
   * On sessions with another AS or member AS, the AS number that must come first in AS_PATH (RFC
   * 4271 6.3); absent means not checked (a route server does not prepend itself, RFC 7947).
   */
  readonly firstAsn?: Asn;
  /**
   * Families whose NLRI from the peer begin with a path identifier (RFC 7911 3); absent: none.
   */
  readonly addPathReceive?: readonly AddressFamily[];
  /**
   * IPv4 families whose next hop may be an IPv6 address (RFC 8950); absent: none.
   */
  readonly extendedNextHop?: readonly AddressFamily[];
  /**
   * The peer is in another member AS of our confederation (RFC 5065): `external` is false,
   * LOCAL_PREF stays, and AS_PATH begins with a confederation segment.
   */
  readonly confederationExternal?: boolean;
  /** AIGP is enabled on the session (RFC 7311 3.3); absent: the attribute is ignored. */
  readonly aigp?: boolean;
}
