/**
 * EVPN routes as text, and the codec of the family. The text is the one of FRR with the route
 * distinguisher in front: `65000:1 [2]:[0]:[48]:[02:00:00:00:00:01]:[32]:[10.0.0.1]`; a type that is
 * not known is `[9]:[0x0102]`. A route as announced has its other fields behind it.
 */
import { fromHex, toHex } from "@heddle/codec";
import {
  formatEsi,
  formatIp,
  formatMac,
  formatRouteDistinguisher,
  type Ip,
  ParseError,
  parseEsi,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  type RouteDistinguisher,
} from "@heddle/inet";
import type { NlriCodec } from "../nlri-codec.ts";
import { evpnRouteTypes, evpnWire } from "./evpn.ts";
import {
  decodeEvpnKey,
  decodeEvpnRoute,
  type EvpnKey,
  type EvpnRoute,
  encodeEvpnKey,
} from "./evpn-route.ts";

/** EVPN (RFC 7432). */
export const evpnCodec: NlriCodec = {
  ...evpnWire,
  format: (key, payload) =>
    payload === undefined
      ? formatEvpnKey(decodeEvpnKey(key))
      : formatEvpnRoute(decodeEvpnRoute(key, payload)),
  parse: (text) => encodeEvpnKey(parseEvpnKey(text)),
};

export function formatEvpnKey(key: EvpnKey): string {
  const head = (type: number, rd: RouteDistinguisher): string =>
    `${formatRouteDistinguisher(rd)} [${type}]`;
  switch (key.kind) {
    case "ethernet-auto-discovery":
      return `${head(1, key.rd)}:[${key.ethernetTag}]:[${formatEsi(key.esi)}]`;
    case "mac-ip": {
      const mac = `${head(2, key.rd)}:[${key.ethernetTag}]:[48]:[${formatMac(key.mac)}]`;
      return key.ip === undefined ? mac : `${mac}:${formatAddress(key.ip)}`;
    }
    case "inclusive-multicast":
      return `${head(3, key.rd)}:[${key.ethernetTag}]:${formatAddress(key.originator)}`;
    case "ethernet-segment":
      return `${head(4, key.rd)}:[${formatEsi(key.esi)}]:${formatAddress(key.originator)}`;
    case "ip-prefix": {
      const { address, length } = key.prefix;
      return `${head(5, key.rd)}:[${key.ethernetTag}]:[${length}]:[${formatIp(address)}]`;
    }
    case "unknown":
      return `[${key.type}]:[0x${toHex(key.value)}]`;
  }
}

function formatAddress(ip: Ip): string {
  return `[${typeof ip === "number" ? 32 : 128}]:[${formatIp(ip)}]`;
}

export function formatEvpnRoute(route: EvpnRoute): string {
  const text = formatEvpnKey(route);
  switch (route.kind) {
    case "ethernet-auto-discovery":
      return `${text} label ${route.label}`;
    case "mac-ip": {
      const second = route.label2 === undefined ? "" : `/${route.label2}`;
      return `${text} esi ${formatEsi(route.esi)} label ${route.label}${second}`;
    }
    case "ip-prefix":
      return (
        `${text} esi ${formatEsi(route.esi)} gateway ${formatIp(route.gateway)} ` +
        `label ${route.label}`
      );
    default:
      return text;
  }
}

/** The inverse of {@link formatEvpnKey}. @throws ParseError */
export function parseEvpnKey(text: string): EvpnKey {
  const match = /^(?:(\S+) )?\[([0-9]{1,3})\]:\[(.*)\]$/.exec(text);
  if (match === null) throw badKey(text, "[type]:[field]... behind a route distinguisher");
  const type = Number(match[2]);
  const fields = (match[3] as string).split("]:[");
  if (match[1] === undefined) return parseUnknown(text, type, fields);
  return parseKnown(text, type, parseRouteDistinguisher(match[1]), fields);
}

function parseUnknown(text: string, type: number, fields: readonly string[]): EvpnKey {
  const isKnown = Object.values(evpnRouteTypes).some((known) => known === type);
  const octets = /^0x((?:[0-9a-f]{2}){0,255})$/.exec(fields[0] as string);
  if (isKnown || type > 255 || fields.length > 1 || octets === null) {
    throw badKey(text, "a type that is not known and its value in hexadecimal");
  }
  return { kind: "unknown", type, value: fromHex(octets[1] as string) };
}

function parseKnown(
  text: string,
  type: number,
  rd: RouteDistinguisher,
  fields: readonly string[],
): EvpnKey {
  const [first, second, third, fourth, fifth, sixth] = fields;
  const ends = (count: number): boolean => fields.length === count;
  const tag = (): number => parseTag(text, first);
  if (type === evpnRouteTypes.ethernetAutoDiscovery && second !== undefined && ends(2)) {
    return { kind: "ethernet-auto-discovery", rd, esi: parseEsi(second), ethernetTag: tag() };
  }
  if (
    type === evpnRouteTypes.macIp &&
    second === "48" &&
    third !== undefined &&
    sixth === undefined
  ) {
    const key = { kind: "mac-ip", rd, ethernetTag: tag(), mac: parseMac(third) } as const;
    return ends(3) ? key : { ...key, ip: parseAddress(text, fourth, fifth) };
  }
  if (type === evpnRouteTypes.inclusiveMulticast && ends(3)) {
    const originator = parseAddress(text, second, third);
    return { kind: "inclusive-multicast", rd, ethernetTag: tag(), originator };
  }
  if (type === evpnRouteTypes.ethernetSegment && first !== undefined && ends(3)) {
    const originator = parseAddress(text, second, third);
    return { kind: "ethernet-segment", rd, esi: parseEsi(first), originator };
  }
  if (type === evpnRouteTypes.ipPrefix && ends(3)) {
    const prefix = parsePrefix(`${third}/${second}`);
    return { kind: "ip-prefix", rd, ethernetTag: tag(), prefix };
  }
  throw badKey(text, `the fields of a type that is known`);
}

function parseTag(text: string, field: string | undefined): number {
  const tag = /^(0|[1-9][0-9]{0,9})$/.test(field ?? "") ? Number(field) : Number.NaN;
  if (tag <= 0xffffffff) return tag;
  throw badKey(text, "an Ethernet tag of 32 bits");
}

function parseAddress(text: string, length: string | undefined, address = ""): Ip {
  const ip = parseIp(address);
  if (length === (typeof ip === "number" ? "32" : "128")) return ip;
  throw badKey(text, "the length of an address before it");
}

function badKey(text: string, want: string): ParseError {
  return new ParseError("EVPN route", text, `want ${want}`);
}
