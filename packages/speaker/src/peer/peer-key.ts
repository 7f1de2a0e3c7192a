import { formatIp, type Ifindex, type Ip, isLinkLocal6 } from "@heddle/inet";
import type { PeerName } from "./peer-name.ts";

/**
 * What tells peers apart: the address, and for a link-local one the interface, since neighbours on
 * two links may well have the same.
 */
export type PeerKey = Ip | `${string}%${number}`;

export function peerKeyOf(address: Ip, ifindex: Ifindex | undefined): PeerKey {
  if (ifindex === undefined || !isLinkLocal(address)) return address;
  return `${formatIp(address)}%${ifindex}`;
}

/** As which the neighbour of an unnumbered link is waited for, before its address is known. */
export function linkKeyOf(ifindex: Ifindex): PeerKey {
  return `link%${ifindex}`;
}

/** `range` is of a peer that was found, on a link or in an address range. */
export function awaitedKeyOf(
  key: PeerKey,
  range: string | undefined,
  ifindex: Ifindex | undefined,
): PeerKey {
  return range === undefined || ifindex === undefined ? key : linkKeyOf(ifindex);
}

/** What it is called by those who ask; `ifindex` only where it tells peers apart. */
export function peerNameOf({
  address,
  ifindex,
}: {
  readonly address: Ip;
  readonly ifindex?: Ifindex;
}): PeerName {
  return ifindex === undefined || !isLinkLocal(address) ? { address } : { address, ifindex };
}

/** fe80::/10 (RFC 4291 2.5.6). */
export function isLinkLocal(address: Ip): boolean {
  return typeof address === "bigint" && isLinkLocal6(address);
}
