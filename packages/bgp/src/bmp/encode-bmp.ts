/** BMP messages to bytes (RFC 7854 4). */
import { Writer } from "@heddle/codec";
import { bmpMessageLengthMax, bmpVersion } from "./framing.ts";
import { bmpMessageTypes } from "./iana.ts";
import type { BmpMessage, BmpStatistic, BmpTlv } from "./message.ts";
import { encodePerPeerHeader, writeAddress } from "./per-peer-header.ts";

const typeOf: Readonly<Record<BmpMessage["kind"], number>> = {
  "route-monitoring": bmpMessageTypes.routeMonitoring,
  "statistics-report": bmpMessageTypes.statisticsReport,
  "peer-down": bmpMessageTypes.peerDown,
  "peer-up": bmpMessageTypes.peerUp,
  initiation: bmpMessageTypes.initiation,
  termination: bmpMessageTypes.termination,
  "route-mirroring": bmpMessageTypes.routeMirroring,
};

/** A whole message; owned. @throws BoundsError above `bmpMessageLengthMax` */
export function encodeBmp(message: BmpMessage): Uint8Array {
  const w = new Writer(bmpMessageLengthMax);
  w.u8(bmpVersion).u32(0).u8(typeOf[message.kind]);
  encodeBody(w, message);
  const bytes = w.copy();
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(1, bytes.length);
  return bytes;
}

function encodeBody(w: Writer, message: BmpMessage): void {
  if ("peer" in message) encodePerPeerHeader(w, message.peer);
  switch (message.kind) {
    case "route-monitoring":
      w.bytes(message.update);
      break;
    case "statistics-report":
      w.u32(message.statistics.length);
      for (const statistic of message.statistics) encodeStatistic(w, statistic);
      break;
    case "peer-down":
      w.u8(message.reason).bytes(message.data);
      encodeTlvs(w, message.information);
      break;
    case "peer-up":
      writeAddress(w, message.localAddress);
      w.u16(message.localPort).u16(message.remotePort);
      w.bytes(message.sentOpen).bytes(message.receivedOpen);
      encodeTlvs(w, message.information);
      break;
    case "route-mirroring":
      encodeTlvs(w, message.tlvs);
      break;
    default:
      encodeTlvs(w, message.information);
  }
}

function encodeTlvs(w: Writer, tlvs: readonly BmpTlv[]): void {
  for (const { type, value } of tlvs) w.u16(type).u16(value.length).bytes(value);
}

/** Types 0 to 6 and 11 to 13 are counters of 32 bits (RFC 7854 4.8). */
export function isCounter32(type: number): boolean {
  return type <= 6 || (type >= 11 && type <= 13);
}

function encodeStatistic(w: Writer, { type, value, family }: BmpStatistic): void {
  w.u16(type);
  if (family !== undefined) w.u16(11).u16(family.afi).u8(family.safi).u64(value);
  else if (isCounter32(type)) w.u16(4).u32(Number(BigInt.asUintN(32, value)));
  else w.u16(8).u64(value);
}
