/**
 * Tunnel Encapsulation attribute (RFC 9012 2): ways to reach the next hop or another endpoint.
 *
 *      { tunnel type (2) | length (2) | sub-TLVs } ...
 *      sub-TLV: type (1) | length (1, or 2 for types from 128 on) | value
 *
 * Sub-TLVs that are not known, or whose value is malformed, survive as bytes: the tunnel is then
 * judged by whoever would use it (RFC 9012 13), not by who passes it on.
 */
import { BoundsError, Reader, type Writer } from "@heddle/codec";
import { type Ip, ipFromBytes, ipToBytes, type Mac, macFromBytes, macToBytes } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import { afis } from "./iana.ts";

/** BGP Tunnel Encapsulation Attribute Tunnel Types. */
export const tunnelTypes = {
  // L2TPv3 over IP 1: RFC 9012
  gre: 2, // RFC 9012
  // IP in IP 7: RFC 9012
  vxlan: 8, // RFC 9012
  nvgre: 9, // RFC 9012
  mpls: 10, // RFC 8365
  mplsInGre: 11, // RFC 9012
  vxlanGpe: 12, // RFC 8365
  mplsInUdp: 13, // RFC 7510
  // SR TE Policy Type 15: RFC 9830
  geneve: 19, // RFC 8926
} as const;

const subTypes = {
  encapsulation: 1,
  protocolType: 2,
  color: 4,
  egressEndpoint: 6,
  dsField: 7,
  udpDestinationPort: 8,
  embeddedLabelHandling: 9,
  // MPLS Label Stack 10, Prefix-SID 11: RFC 9012
} as const;

export interface Tunnel {
  /** uint16, see `tunnelTypes`. */
  readonly type: number;
  readonly subTlvs: readonly TunnelSubTlv[];
}

export type TunnelSubTlv =
  /** RFC 9012 3.2.1: absent fields have their flag clear. */
  | { readonly kind: "vxlan"; readonly vni?: number; readonly mac?: Mac }
  /** RFC 9012 3.2.4: of GRE and MPLS-in-GRE; uint32. */
  | { readonly kind: "gre-key"; readonly key: number }
  /** RFC 9012 3.4.1: ethertype of the payload. */
  | { readonly kind: "protocol-type"; readonly ethertype: number }
  /** RFC 9012 3.4.2, a Color extended community, uint64. */
  | { readonly kind: "color"; readonly community: bigint }
  /** RFC 9012 3.1; absent: the next hop of the route. */
  | { readonly kind: "egress-endpoint"; readonly address?: Ip }
  /** RFC 9012 3.3.1, uint8. */
  | { readonly kind: "ds-field"; readonly value: number }
  /** RFC 9012 3.3.2. */
  | { readonly kind: "udp-destination-port"; readonly port: number }
  /** RFC 9012 3.5: 1 the label is not sent, 2 it is the payload's. */
  | { readonly kind: "embedded-label-handling"; readonly value: number }
  | { readonly kind: "unknown"; readonly type: number; readonly value: Uint8Array };

/** A text says why `value` is malformed: its lengths contradict each other. */
export function decodeTunnels(value: Uint8Array): Tunnel[] | string {
  if (value.length === 0) return "it has no tunnel";
  try {
    return readTunnels(new Reader(value));
  } catch (error) {
    if (!(error instanceof BoundsError)) throw error;
    return "a TLV overruns it";
  }
}

function readTunnels(r: Reader): Tunnel[] {
  const tunnels: Tunnel[] = [];
  while (r.left > 0) {
    const type = r.u16();
    const rest = r.sub(r.u16());
    const subTlvs: TunnelSubTlv[] = [];
    while (rest.left > 0) {
      const subType = rest.u8();
      const value = rest.bytes(subType < 128 ? rest.u8() : rest.u16());
      subTlvs.push(knownSubTlv(type, subType, value) ?? unknownSubTlv(subType, value));
    }
    tunnels.push({ type, subTlvs });
  }
  return tunnels;
}

function unknownSubTlv(type: number, value: Uint8Array): TunnelSubTlv {
  return { kind: "unknown", type, value: new Uint8Array(value) };
}

function knownSubTlv(tunnel: number, type: number, value: Uint8Array): TunnelSubTlv | undefined {
  const r = new Reader(value);
  switch (type) {
    case subTypes.encapsulation:
      return encapsulationOf(tunnel, value);
    case subTypes.protocolType:
      return value.length === 2 ? { kind: "protocol-type", ethertype: r.u16() } : undefined;
    case subTypes.color:
      return value.length === 8 ? { kind: "color", community: r.u64() } : undefined;
    case subTypes.egressEndpoint:
      return endpointOf(value);
    case subTypes.dsField:
      return value.length === 1 ? { kind: "ds-field", value: r.u8() } : undefined;
    case subTypes.udpDestinationPort:
      return value.length === 2 ? { kind: "udp-destination-port", port: r.u16() } : undefined;
    case subTypes.embeddedLabelHandling:
      return value.length === 1 ? { kind: "embedded-label-handling", value: r.u8() } : undefined;
    default:
      return undefined;
  }
}

const vniFlag = 0x80;
const macFlag = 0x40;

/** VXLAN: flags (1) | VNI (3) | MAC (6) | reserved (2). GRE and MPLS-in-GRE: key (4). */
function encapsulationOf(tunnel: number, value: Uint8Array): TunnelSubTlv | undefined {
  const r = new Reader(value);
  if (tunnel === tunnelTypes.vxlan) {
    if (value.length !== 12) return undefined;
    const head = r.u32();
    const flags = head >>> 24;
    const vni = head & 0xffffff;
    const mac = macFromBytes(r.bytes(6));
    // Bits that mean nothing would be lost.
    const isPlain =
      (flags & ~(vniFlag | macFlag)) === 0 &&
      r.u16() === 0 &&
      ((flags & vniFlag) !== 0 || vni === 0) &&
      ((flags & macFlag) !== 0 || mac === 0);
    if (!isPlain) return undefined;
    return {
      kind: "vxlan",
      ...((flags & vniFlag) === 0 ? {} : { vni }),
      ...((flags & macFlag) === 0 ? {} : { mac }),
    };
  }
  const isGre = tunnel === tunnelTypes.gre || tunnel === tunnelTypes.mplsInGre;
  return isGre && value.length === 4 ? { kind: "gre-key", key: r.u32() } : undefined;
}

/** Reserved (4) | AFI (2) | address. */
function endpointOf(value: Uint8Array): TunnelSubTlv | undefined {
  if (value.length < 6) return undefined;
  const r = new Reader(value);
  if (r.u32() !== 0) return undefined;
  const afi = r.u16();
  const addressLength = value.length - 6;
  if (afi === 0 && addressLength === 0) return { kind: "egress-endpoint" };
  const want = afi === afis.ipv4 ? 4 : afi === afis.ipv6 ? 16 : -1;
  if (addressLength !== want) return undefined;
  return { kind: "egress-endpoint", address: ipFromBytes(r.rest()) };
}

/** @throws BgpError `encode` when a sub-TLV takes more octets than its length field counts */
export function encodeTunnels(w: Writer, tunnels: readonly Tunnel[]): void {
  for (const { type, subTlvs } of tunnels) {
    w.u16(type).u16(0);
    const start = w.length;
    for (const subTlv of subTlvs) encodeSubTlv(w, subTlv);
    w.patchU16(start - 2, w.length - start);
  }
}

function encodeSubTlv(w: Writer, subTlv: TunnelSubTlv): void {
  const [type, value] = subTlvBytes(subTlv);
  const lengthMax = type < 128 ? 0xff : 0xffff;
  if (value.length > lengthMax) {
    const why = `${value.length} octets, want at most ${lengthMax}`;
    throw new BgpError("encode", `Cannot encode tunnel sub-TLV ${type}: ${why}`);
  }
  w.u8(type);
  if (type < 128) w.u8(value.length);
  else w.u16(value.length);
  w.bytes(value);
}

function subTlvBytes(subTlv: TunnelSubTlv): readonly [type: number, value: Uint8Array] {
  switch (subTlv.kind) {
    case "vxlan":
      return [subTypes.encapsulation, vxlanBytes(subTlv)];
    case "gre-key":
      return [subTypes.encapsulation, numberBytes(subTlv.key, 4)];
    case "protocol-type":
      return [subTypes.protocolType, numberBytes(subTlv.ethertype, 2)];
    case "color":
      return [subTypes.color, numberBytes(subTlv.community, 8)];
    case "egress-endpoint":
      return [subTypes.egressEndpoint, endpointBytes(subTlv.address)];
    case "ds-field":
      return [subTypes.dsField, numberBytes(subTlv.value, 1)];
    case "udp-destination-port":
      return [subTypes.udpDestinationPort, numberBytes(subTlv.port, 2)];
    case "embedded-label-handling":
      return [subTypes.embeddedLabelHandling, numberBytes(subTlv.value, 1)];
    case "unknown":
      return [subTlv.type, subTlv.value];
  }
}

function vxlanBytes({ vni, mac }: TunnelSubTlv & { kind: "vxlan" }): Uint8Array {
  const bytes = new Uint8Array(12);
  const flags = (vni === undefined ? 0 : vniFlag) | (mac === undefined ? 0 : macFlag);
  bytes[0] = flags;
  if (vni !== undefined) bytes.set(numberBytes(vni, 3), 1);
  if (mac !== undefined) bytes.set(macToBytes(mac), 4);
  return bytes;
}

function endpointBytes(address: Ip | undefined): Uint8Array {
  if (address === undefined) return new Uint8Array(6);
  const octets = ipToBytes(address);
  const bytes = new Uint8Array(6 + octets.length);
  bytes[5] = octets.length === 4 ? afis.ipv4 : afis.ipv6;
  bytes.set(octets, 6);
  return bytes;
}

/** The low octets of `value`, most significant first. */
function numberBytes(value: number | bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes.slice(8 - length);
}
