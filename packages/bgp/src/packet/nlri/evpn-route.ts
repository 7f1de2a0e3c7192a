/**
 * EVPN routes as values (RFC 7432 7, RFC 9136 3.1). Label fields are the 24 bits of the
 * wire: a VNI where the encapsulation is VXLAN (RFC 8365 5.1.3), else `mplsLabelOf` takes the label
 * out of them.
 */
import { Reader, Writer } from "@heddle/codec";
import {
  type Esi,
  esiFromBytes,
  esiToBytes,
  familyOf,
  formatIp,
  type Ip,
  ipFromBytes,
  ipToBytes,
  type Mac,
  macFromBytes,
  macToBytes,
  type Prefix,
  prefixOf,
  type RouteDistinguisher,
  routeDistinguisherFromBigint,
} from "@heddle/inet";
import { BgpError } from "../../errors.ts";
import type { EncodedNlri } from "../nlri-codec.ts";
import { evpnRouteTypes } from "./evpn.ts";
import { checkedLabelField, labelLength, readLabelField } from "./labels.ts";

interface AutoDiscoveryKey {
  readonly kind: "ethernet-auto-discovery";
  readonly rd: RouteDistinguisher;
  readonly esi: Esi;
  /** uint32; 0xffffffff is MAX-ET, the route of the whole segment. */
  readonly ethernetTag: number;
}

interface MacIpKey {
  readonly kind: "mac-ip";
  readonly rd: RouteDistinguisher;
  readonly ethernetTag: number;
  readonly mac: Mac;
  readonly ip?: Ip;
}

interface InclusiveMulticastKey {
  readonly kind: "inclusive-multicast";
  readonly rd: RouteDistinguisher;
  readonly ethernetTag: number;
  readonly originator: Ip;
}

interface EthernetSegmentKey {
  readonly kind: "ethernet-segment";
  readonly rd: RouteDistinguisher;
  readonly esi: Esi;
  readonly originator: Ip;
}

interface IpPrefixKey {
  readonly kind: "ip-prefix";
  readonly rd: RouteDistinguisher;
  readonly ethernetTag: number;
  readonly prefix: Prefix;
}

interface UnknownKey {
  readonly kind: "unknown";
  readonly type: number;
  /** All that follows type and length. */
  readonly value: Uint8Array;
}

/** What identifies an EVPN route. */
export type EvpnKey =
  | AutoDiscoveryKey
  | MacIpKey
  | InclusiveMulticastKey
  | EthernetSegmentKey
  | IpPrefixKey
  | UnknownKey;

/** An EVPN route as announced: the key and what may differ between paths to it. */
export type EvpnRoute =
  | (AutoDiscoveryKey & { readonly label: number })
  | (MacIpKey & { readonly esi: Esi; readonly label: number; readonly label2?: number })
  | InclusiveMulticastKey
  | EthernetSegmentKey
  | (IpPrefixKey & {
      readonly esi: Esi;
      /** RFC 9136 3.1: the overlay index; 0.0.0.0 or :: for none. Of the prefix's family. */
      readonly gateway: Ip;
      readonly label: number;
    })
  | UnknownKey;

/** `key` as walked. */
export function decodeEvpnKey(key: Uint8Array): EvpnKey {
  const r = new Reader(key);
  const type = r.u8();
  const rd = (): RouteDistinguisher => routeDistinguisherFromBigint(r.u64());
  switch (type) {
    case evpnRouteTypes.ethernetAutoDiscovery:
      return {
        kind: "ethernet-auto-discovery",
        rd: rd(),
        esi: esiFromBytes(r.bytes(10)),
        ethernetTag: r.u32(),
      };
    case evpnRouteTypes.macIp:
      return decodeMacIpKey(r);
    case evpnRouteTypes.inclusiveMulticast: {
      const head = { kind: "inclusive-multicast", rd: rd(), ethernetTag: r.u32() } as const;
      return { ...head, originator: readOriginator(r) };
    }
    case evpnRouteTypes.ethernetSegment: {
      const head = { kind: "ethernet-segment", rd: rd(), esi: esiFromBytes(r.bytes(10)) } as const;
      return { ...head, originator: readOriginator(r) };
    }
    case evpnRouteTypes.ipPrefix: {
      const head = { kind: "ip-prefix", rd: rd(), ethernetTag: r.u32() } as const;
      const length = r.u8();
      return { ...head, prefix: prefixOf(ipFromBytes(r.rest()), length) };
    }
    default:
      return { kind: "unknown", type, value: new Uint8Array(r.rest()) };
  }
}

function decodeMacIpKey(r: Reader): MacIpKey {
  const rd = routeDistinguisherFromBigint(r.u64());
  const ethernetTag = r.u32();
  const mac = macFromBytes(r.bytes(6));
  const key = { kind: "mac-ip", rd, ethernetTag, mac } as const;
  r.skip(1);
  return r.left === 0 ? key : { ...key, ip: ipFromBytes(r.rest()) };
}

function readOriginator(r: Reader): Ip {
  r.skip(1);
  return ipFromBytes(r.rest());
}

/** `key` and `payload` as walked from an announcement. */
export function decodeEvpnRoute(key: Uint8Array, payload: Uint8Array): EvpnRoute {
  const decoded = decodeEvpnKey(key);
  switch (decoded.kind) {
    case "ethernet-auto-discovery":
      return { ...decoded, label: readLabelField(payload, 0) };
    case "mac-ip": {
      const esi = esiFromBytes(payload.subarray(0, 10));
      const route = { ...decoded, esi, label: readLabelField(payload, 10) };
      const hasSecond = payload.length > 10 + labelLength;
      return hasSecond ? { ...route, label2: readLabelField(payload, 13) } : route;
    }
    case "ip-prefix": {
      const esi = esiFromBytes(payload.subarray(0, 10));
      const gateway = ipFromBytes(payload.subarray(10, payload.length - labelLength));
      return { ...decoded, esi, gateway, label: readLabelField(payload, payload.length - 3) };
    }
    default:
      return decoded;
  }
}

/** @throws BgpError `encode` when an unknown route has a type that is known, or is too long */
export function encodeEvpnKey(key: EvpnKey): Uint8Array {
  const w = new Writer(256, 64);
  switch (key.kind) {
    case "ethernet-auto-discovery":
      w.u8(evpnRouteTypes.ethernetAutoDiscovery).u64(key.rd);
      return w.bytes(esiToBytes(key.esi)).u32(key.ethernetTag).copy();
    case "mac-ip":
      w.u8(evpnRouteTypes.macIp).u64(key.rd).u32(key.ethernetTag).bytes(macToBytes(key.mac));
      return key.ip === undefined ? w.u8(0).copy() : writeAddress(w, key.ip);
    case "inclusive-multicast":
      w.u8(evpnRouteTypes.inclusiveMulticast).u64(key.rd).u32(key.ethernetTag);
      return writeAddress(w, key.originator);
    case "ethernet-segment":
      w.u8(evpnRouteTypes.ethernetSegment).u64(key.rd).bytes(esiToBytes(key.esi));
      return writeAddress(w, key.originator);
    case "ip-prefix":
      w.u8(evpnRouteTypes.ipPrefix).u64(key.rd).u32(key.ethernetTag).u8(key.prefix.length);
      return w.bytes(ipToBytes(key.prefix.address)).copy();
    case "unknown":
      checkUnknown(key);
      return w.u8(key.type).bytes(key.value).copy();
  }
}

function checkUnknown({ type, value }: UnknownKey): void {
  const isKnown = Object.values(evpnRouteTypes).some((known) => known === type);
  if (isKnown || value.length > 255) {
    const why = `type ${type} of ${value.length} octets, want an unknown type of at most 255`;
    throw new BgpError("encode", `Cannot encode EVPN route: ${why}`);
  }
}

function writeAddress(w: Writer, ip: Ip): Uint8Array {
  const bytes = ipToBytes(ip);
  return w
    .u8(bytes.length * 8)
    .bytes(bytes)
    .copy();
}

/**
 * @throws BgpError `encode` as {@link encodeEvpnKey}, when a label field does not fit 24 bits, or a
 *   gateway is not of the prefix's family
 */
export function encodeEvpnRoute(route: EvpnRoute): EncodedNlri {
  if (route.kind === "ip-prefix" && familyOf(route.gateway) !== route.prefix.family) {
    const want = `IPv${route.prefix.family}`;
    throw new BgpError("encode", `Cannot encode gateway: ${formatIp(route.gateway)}, want ${want}`);
  }
  return { key: encodeEvpnKey(route), payload: encodePayload(route) };
}

function encodePayload(route: EvpnRoute): Uint8Array {
  const w = new Writer(64, 32);
  switch (route.kind) {
    case "ethernet-auto-discovery":
      return writeLabel(w, route.label).copy();
    case "mac-ip":
      writeLabel(w.bytes(esiToBytes(route.esi)), route.label);
      return (route.label2 === undefined ? w : writeLabel(w, route.label2)).copy();
    case "ip-prefix":
      w.bytes(esiToBytes(route.esi)).bytes(ipToBytes(route.gateway));
      return writeLabel(w, route.label).copy();
    default:
      return w.copy();
  }
}

function writeLabel(w: Writer, field: number): Writer {
  const checked = checkedLabelField(field);
  return w.u8(checked >>> 16).u16(checked & 0xffff);
}
