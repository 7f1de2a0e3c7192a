/**
 * Which addresses of a subnet are never given to an endpoint:
 * - IPv4: the network address and the broadcast address (RFC 1122 3.2.1.3), except in a /31 (RFC
 *   3021) and a /32;
 * - IPv6: the subnet-router anycast address (RFC 4291 2.6.1), except in a /127 (RFC 6164) and a
 *   /128;
 * - the subnet's gateways, and what its owner excludes.
 *
 * The rule belongs to the subnet, not to the block: an address that is last in a block but inside
 * the subnet is an address like any other.
 */
import {
  compareIp,
  containsIp,
  type Family,
  type Ip,
  lastIp,
  type Prefix,
  parseIp,
  parsePrefix,
  widthOf,
} from "@heddle/inet";

/** An inclusive range of addresses of one family. */
export interface IpRange {
  readonly first: Ip;
  readonly last: Ip;
}

export interface SubnetReservation {
  readonly subnet: Prefix;
  readonly gateways: readonly Ip[];
  readonly excluded: readonly IpRange[];
}

/** True when the address may not be given to an endpoint, or is not in the subnet at all. */
export function isReserved(reservation: SubnetReservation, ip: Ip): boolean {
  const { subnet } = reservation;
  if (!containsIp(subnet, ip)) return true;
  if (subnet.length < widthOf(subnet.family) - 1) {
    if (ip === subnet.address) return true;
    if (subnet.family === 4 && ip === lastIp(subnet)) return true;
  }
  return (
    reservation.gateways.includes(ip) || reservation.excluded.some((range) => isInRange(range, ip))
  );
}

function isInRange(range: IpRange, ip: Ip): boolean {
  return (
    typeof range.first === typeof ip &&
    compareIp(range.first, ip) <= 0 &&
    compareIp(ip, range.last) <= 0
  );
}

/** A subnet as the API writes it, of at most one prefix of each family. */
export interface SubnetText {
  readonly cidrs: readonly string[];
  /** Addresses. */
  readonly gateways: readonly string[];
  /** Addresses and prefixes. */
  readonly excludedAddresses: readonly string[];
}

/**
 * By family. Gateways and ranges of the other family are in both, where nothing equals them.
 * @throws ParseError
 */
export function parseReservations(subnet: SubnetText): Map<Family, SubnetReservation> {
  const gateways = subnet.gateways.map(parseIp);
  const excluded = subnet.excludedAddresses.map(parseRange);
  return new Map(
    subnet.cidrs.map(parsePrefix).map((prefix) => {
      return [prefix.family, { subnet: prefix, gateways, excluded }];
    }),
  );
}

function parseRange(text: string): IpRange {
  if (text.includes("/")) {
    const prefix = parsePrefix(text);
    return { first: prefix.address, last: lastIp(prefix) };
  }
  const ip = parseIp(text);
  return { first: ip, last: ip };
}
