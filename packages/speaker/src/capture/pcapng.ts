/**
 * BGP messages as a capture file that packet analysers read: pcapng
 * (draft-ietf-opsawg-pcapng) of raw IP packets (LINKTYPE_RAW), with headers of IP and TCP made up
 * around what was sent and received. Sequence numbers follow the octets of each direction, so that
 * a stream can be put together; the first packet of a connection is in its middle.
 */
import { bgpPort } from "@heddle/bgp";
import { Writer } from "@heddle/codec";
import { ipToBytes } from "@heddle/inet";
import type { Endpoint } from "../observe/observer.ts";

const blockTypes = { section: 0x0a0d0d0a, interface: 1, enhancedPacket: 6 } as const;
const byteOrderMagic = 0x1a2b3c4d;
/** LINKTYPE_RAW. https://www.tcpdump.org/linktypes.html */
const linkTypeRaw = 101;
const tcpHeaderLength = 20;
const protocolTcp = 6;
const pushAndAck = 0x18;
const ttl = 64;
const windowSize = 0xffff;
/** Of octets of TCP in one packet: what an IPv4 packet of 65535 octets has room for. */
const payloadLengthMax = 65_000;

/** Everything that precedes the packets. */
export function encodeCaptureHead(): Uint8Array {
  const w = new Writer(64);
  w.u32(blockTypes.section).u32(28).u32(byteOrderMagic).u16(1).u16(0);
  // The length of the section is not known beforehand.
  w.u64(0xffff_ffff_ffff_ffffn).u32(28);
  w.u32(blockTypes.interface).u32(20).u16(linkTypeRaw).u16(0).u32(0).u32(20);
  return w.copy();
}

/**
 * One direction of a connection; keeps where its stream is. Programs know BGP by its port: where
 * neither end has it, the lower one, which as a rule is the listener's, is written as 179.
 */
export class CaptureStream {
  readonly #from: Endpoint;
  readonly #to: Endpoint;
  #sequence = 1;

  constructor(from: Endpoint, to: Endpoint) {
    const isListener = (end: Endpoint, other: Endpoint): boolean =>
      end.port < other.port && other.port !== bgpPort;
    this.#from = isListener(from, to) ? { ...from, port: bgpPort } : from;
    this.#to = isListener(to, from) ? { ...to, port: bgpPort } : to;
  }

  /** Of the next octet, uint32. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Blocks with the packets that carry `bytes`; `acknowledged` is the other direction's. */
  encode(bytes: Uint8Array, atWallMs: number, acknowledged: number): Uint8Array[] {
    const blocks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += payloadLengthMax) {
      const payload = bytes.subarray(at, at + payloadLengthMax);
      blocks.push(packetBlock(this.#packet(payload, acknowledged), atWallMs));
      this.#sequence = (this.#sequence + payload.length) >>> 0;
    }
    return blocks;
  }

  #packet(payload: Uint8Array, acknowledged: number): Uint8Array {
    const from = ipToBytes(this.#from.address);
    const to = ipToBytes(this.#to.address);
    const tcpLength = tcpHeaderLength + payload.length;
    const w = new Writer(40 + tcpLength);
    const headerLength = from.length === 4 ? 20 : 40;
    if (from.length === 4) {
      w.u16(0x4500)
        .u16(headerLength + tcpLength)
        .u32(0)
        .u8(ttl)
        .u8(protocolTcp)
        .u16(0);
      w.bytes(from).bytes(to);
      w.patchU16(10, checksumOf(w.view(), 0));
    } else {
      w.u32(0x60000000).u16(tcpLength).u8(protocolTcp).u8(ttl).bytes(from).bytes(to);
    }
    w.u16(this.#from.port).u16(this.#to.port).u32(this.#sequence).u32(acknowledged);
    w.u8((tcpHeaderLength / 4) << 4)
      .u8(pushAndAck)
      .u16(windowSize)
      .u16(0)
      .u16(0)
      .bytes(payload);
    const tcp = w.view().subarray(headerLength);
    const pseudo = sumOf(from) + sumOf(to) + protocolTcp + tcpLength;
    w.patchU16(headerLength + 16, checksumOf(tcp, pseudo));
    return w.copy();
  }
}

/** Enhanced Packet Block; the time is in microseconds. */
function packetBlock(packet: Uint8Array, atWallMs: number): Uint8Array {
  const padding = -packet.length & 3;
  const length = 32 + packet.length + padding;
  const atUs = BigInt(Math.round(atWallMs * 1000));
  const w = new Writer(length);
  w.u32(blockTypes.enhancedPacket).u32(length).u32(0).u64(atUs);
  w.u32(packet.length).u32(packet.length).bytes(packet).zeros(padding).u32(length);
  return w.copy();
}

/** RFC 1071. */
function checksumOf(bytes: Uint8Array, initial: number): number {
  let sum = initial + sumOf(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Of 16-bit words, not folded: exact for what fits into a packet. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0);
  }
  return sum;
}
