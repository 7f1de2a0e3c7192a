/**
 * Connection collision detection (RFC 4271 6.8, RFC 6286 2.3): of two connections between the same
 * two speakers, the one initiated by the speaker with the higher BGP Identifier survives; between
 * equal identifiers, which only different ASes can have, the one of the higher AS number.
 */
import type { Asn, Ip4 } from "@heddle/inet";

export interface Identity {
  readonly routerId: Ip4;
  readonly asn: Asn;
}

/** The surviving connection, named by who initiated it. */
export function collisionSurvivor(local: Identity, peer: Identity): "initiated" | "accepted" {
  if (local.routerId !== peer.routerId) {
    return local.routerId > peer.routerId ? "initiated" : "accepted";
  }
  return local.asn > peer.asn ? "initiated" : "accepted";
}
