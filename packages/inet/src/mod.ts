/**
 * Addresses, prefixes and the numbers of the field as values: parsed once at the edge, compared
 * with ===.
 * @module
 */
export { ParseError } from "./errors.ts";
export type { Esi } from "./esi.ts";
export { esiFromBytes, esiToBytes, formatEsi, parseEsi } from "./esi.ts";
export type { Family, Ip, Ip4, Ip6 } from "./ip.ts";
export {
  addToIp,
  compareIp,
  familyOf,
  formatIp,
  formatIp4,
  formatIp6,
  ip4FromNumber,
  ip6FromBigint,
  ip6Max,
  ipFromBytes,
  ipToBytes,
  isLinkLocal6,
  parseIp,
  parseIp4,
  parseIp6,
  widthOf,
} from "./ip.ts";
export type { Mac } from "./mac.ts";
export { formatMac, localMac, macFromBytes, macToBytes, parseMac } from "./mac.ts";
export type { Asn, Ifindex, Vni, VrfId } from "./numbers.ts";
export { parseAsn, parseIfindex, parseVni, parseVrfId } from "./numbers.ts";
export type { Prefix, Prefix4, Prefix6 } from "./prefix.ts";
export {
  comparePrefix,
  containsIp,
  containsPrefix,
  defaultPrefix,
  formatPrefix,
  hostPrefix,
  lastIp,
  overlaps,
  parseInterfaceAddress,
  parsePrefix,
  prefixOf,
  sizeOf,
  subPrefix,
} from "./prefix.ts";
export type { RouteDistinguisher, RouteTarget } from "./route-target.ts";
export {
  formatRouteDistinguisher,
  formatRouteTarget,
  parseRouteDistinguisher,
  parseRouteTarget,
  routeDistinguisherFromBigint,
  routeTargetFromBigint,
} from "./route-target.ts";
