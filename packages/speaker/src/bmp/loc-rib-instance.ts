/** The Loc-RIB as a peer of its own (RFC 9069): its header, and the OPENs of its Peer Up. */
import {
  type AddressFamily,
  type BmpMessage,
  type BmpTlv,
  bmpPeerTypes,
  bmpPeerUpTypes,
  encodeOpen,
  noNextHop,
  openOf,
  type PathAttributes,
} from "@heddle/bgp";
import { type Asn, type Ip4, parseIp4 } from "@heddle/inet";
import type { PeerHeader } from "./monitored-session.ts";

export interface LocRibInstance {
  readonly asn: Asn;
  readonly routerId: Ip4;
  readonly families: readonly AddressFamily[];
}

/** RFC 9069 5.2.1: of the table that belongs to no VRF. */
const tableName = "global";
const unspecified = parseIp4("0.0.0.0");
/** Their next hops may be IPv6 addresses (RFC 8950). */
const extendable: readonly AddressFamily[] = ["ipv4-unicast", "ipv4-vpn"];

export function locRibHeader({ asn, routerId }: LocRibInstance): PeerHeader {
  return {
    ...{ type: bmpPeerTypes.locRib, distinguisher: 0n, address: unspecified, asn, routerId },
    ...{ postPolicy: false, twoOctetAs: false, adjRibOut: false, filtered: false },
  };
}

/**
 * What originates here has no next hop, and an UPDATE without one is malformed (RFC 7606 7.3). It
 * is told with the BGP Identifier.
 */
export function withNextHop(
  { routerId }: Pick<LocRibInstance, "routerId">,
  attributes: PathAttributes,
): PathAttributes {
  return attributes.nextHop === noNextHop ? { ...attributes, nextHop: routerId } : attributes;
}

/**
 * RFC 9069 5.2: nobody sent these OPENs; they say how to read what follows. Both are the same, and
 * there is no connection.
 */
export function locRibPeerUp(instance: LocRibInstance, atUs: bigint): BmpMessage {
  const { asn, routerId, families } = instance;
  const extendedNextHop = extendable.filter((family) => families.includes(family));
  const open = encodeOpen(openOf({ asn, routerId, holdTimeMs: 0, families, extendedNextHop }));
  const name: BmpTlv = {
    type: bmpPeerUpTypes.vrfTableName,
    value: new TextEncoder().encode(tableName),
  };
  return {
    ...{ kind: "peer-up", peer: { ...locRibHeader(instance), atUs } },
    ...{ localAddress: unspecified, localPort: 0, remotePort: 0 },
    ...{ sentOpen: open, receivedOpen: open, information: [name] },
  };
}
