/**
 * Packets for tests of the programs: built and taken apart byte by byte, independent of the code
 * under test.
 */
import { ipFromBytes, ipToBytes, macToBytes, parseIp, parseMac } from "@heddle/inet";

export const ethertype = { ip4: 0x0800, arp: 0x0806, vlan: 0x8100, ip6: 0x86dd } as const;

function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = parts.flatMap((part) => [...part]);
  return Uint8Array.from(bytes);
}

function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

/** The Internet checksum (RFC 1071) of bytes, in which the checksum itself is zero. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export function ethernet(dst: string, src: string, type: number, payload: Uint8Array): Uint8Array {
  return concat(macToBytes(parseMac(dst)), macToBytes(parseMac(src)), u16(type), payload);
}

export interface Ip4Fields {
  readonly src: string;
  readonly dst: string;
  readonly ttl?: number;
  readonly protocol?: number;
  /** More fragments 0x2000, offset in units of 8 bytes. */
  readonly fragment?: number;
  /** A multiple of 4 bytes. */
  readonly options?: readonly number[];
  readonly payload: Uint8Array;
}

export function ip4(fields: Ip4Fields): Uint8Array {
  const { ttl = 64, protocol = 17, fragment = 0, options = [], payload } = fields;
  const words = 5 + options.length / 4;
  const length = words * 4 + payload.length;
  const header = concat(
    [0x40 | words, 0],
    u16(length),
    u16(1),
    u16(fragment),
    [ttl, protocol, 0, 0],
    ipToBytes(parseIp(fields.src)),
    ipToBytes(parseIp(fields.dst)),
    options,
  );
  header.set(u16(checksum(header)), 10);
  return concat(header, payload);
}

export interface Ip6Fields {
  readonly src: string;
  readonly dst: string;
  readonly hopLimit?: number;
  readonly nextHeader?: number;
  readonly payload: Uint8Array;
}

export function ip6(fields: Ip6Fields): Uint8Array {
  const { hopLimit = 64, nextHeader = 17, payload } = fields;
  return concat(
    [0x60, 0, 0, 0],
    u16(payload.length),
    [nextHeader, hopLimit],
    ipToBytes(parseIp(fields.src)),
    ipToBytes(parseIp(fields.dst)),
    payload,
  );
}

export function udp(sourcePort: number, destinationPort: number, length = 32): Uint8Array {
  return concat(
    u16(sourcePort),
    u16(destinationPort),
    u16(8 + length),
    [0, 0],
    new Uint8Array(length),
  );
}

export interface ArpFields {
  readonly operation: 1 | 2;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetIp: string;
}

export function arp(fields: ArpFields): Uint8Array {
  return concat(
    [0, 1, 8, 0, 6, 4],
    u16(fields.operation),
    macToBytes(parseMac(fields.senderMac)),
    ipToBytes(parseIp(fields.senderIp)),
    new Uint8Array(6),
    ipToBytes(parseIp(fields.targetIp)),
  );
}

/** An ICMPv6 message with its checksum. */
export function icmp6(src: string, dst: string, type: number, body: Uint8Array): Uint8Array {
  const message = concat([type, 0, 0, 0], body);
  message.set(u16(icmp6Checksum(src, dst, message)), 2);
  return message;
}

/** An ICMP message with its checksum. */
export function icmp4(type: number, body: Uint8Array): Uint8Array {
  const message = concat([type, 0, 0, 0], body);
  message.set(u16(checksum(message)), 2);
  return message;
}

/** Over a message whose checksum is zero; over one with its checksum it gives 0. */
export function icmp6Checksum(src: string, dst: string, message: Uint8Array): number {
  return transportChecksum(src, dst, 58, message);
}

/**
 * With the pseudo-header of either family; over a segment with its checksum it gives 0. (The two
 * pseudo-headers have the same sum, whatever their order of fields.)
 */
export function transportChecksum(
  src: string,
  dst: string,
  protocol: number,
  segment: Uint8Array,
): number {
  const addresses = [...ipToBytes(parseIp(src)), ...ipToBytes(parseIp(dst))];
  const pseudo = concat(addresses, [0, 0], u16(segment.length), [0, 0, 0, protocol]);
  return checksum(concat(pseudo, segment));
}

/** The segment with its checksum at `offset`. */
export function withChecksum(
  src: string,
  dst: string,
  protocol: number,
  segment: Uint8Array,
): Uint8Array {
  const offset = protocol === 6 ? 16 : 6;
  const summed = Uint8Array.from(segment);
  summed.set(u16(transportChecksum(src, dst, protocol, segment)), offset);
  return summed;
}

/** A TCP segment without options, its checksum zero. */
export function tcp(sourcePort: number, destinationPort: number, length = 32): Uint8Array {
  const header = [0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];
  return concat(u16(sourcePort), u16(destinationPort), header, new Uint8Array(length).fill(7));
}

/** A neighbor solicitation with the source link-layer option, unless it is a probe from `::`. */
export function neighborSolicit(src: string, dst: string, target: string, mac: string): Uint8Array {
  const option = src === "::" ? [] : [1, 1, ...macToBytes(parseMac(mac))];
  const body = concat([0, 0, 0, 0], ipToBytes(parseIp(target)), option);
  const payload = icmp6(src, dst, 135, body);
  return ip6({ src, dst, hopLimit: 255, nextHeader: 58, payload });
}

export function ipAt(packet: Uint8Array, offset: number, length: 4 | 16): string {
  return String(ipFromBytes(packet.subarray(offset, offset + length)));
}

/** What a test may say of a packet beside its interface. */
export interface SkbFields {
  readonly gsoSize?: number;
  /** The interface that it came in through; 0 when it is the host's own. */
  readonly ingressIfindex?: number;
}

/** A struct __sk_buff (linux/bpf.h) as far as a test run takes one. */
export function skbContext(ifindex: number, fields: SkbFields = {}): Uint8Array {
  const { gsoSize = 0, ingressIfindex = 0 } = fields;
  const bytes = new Uint8Array(192);
  const view = new DataView(bytes.buffer);
  const [ingressIfindexOffset, ifindexOffset] = [36, 40];
  const [gsoSegmentsOffset, gsoSizeOffset] = [164, 176];
  view.setUint32(ingressIfindexOffset, ingressIfindex, true);
  view.setUint32(ifindexOffset, ifindex, true);
  if (gsoSize > 0) view.setUint32(gsoSegmentsOffset, 2, true);
  if (gsoSize > 0) view.setUint32(gsoSizeOffset, gsoSize, true);
  return bytes;
}
