/** BMP messages from bytes (RFC 7854 4); what a message holds is copied. */
import { BoundsError, Reader } from "@heddle/codec";
import { headerLength } from "../packet/framing.ts";
import { messageTypes } from "../packet/iana.ts";
import { BmpError } from "./bmp-error.ts";
import { bmpVersion } from "./framing.ts";
import { bmpMessageTypes, bmpPeerDownReasons } from "./iana.ts";
import type { BmpMessage, BmpStatistic, BmpTlv } from "./message.ts";
import { decodePerPeerHeader, readAddress } from "./per-peer-header.ts";

/** A whole message, as of `BmpFramer`. @throws BmpError */
export function decodeBmp(message: Uint8Array): BmpMessage {
  try {
    return decodeMessage(new Reader(message), message.length);
  } catch (error) {
    if (!(error instanceof BoundsError)) throw error;
    throw new BmpError("its fields overrun it", { cause: error });
  }
}

function decodeMessage(r: Reader, length: number): BmpMessage {
  const version = r.u8();
  if (version !== bmpVersion) throw new BmpError(`version ${version}, want ${bmpVersion}`);
  const said = r.u32();
  if (said !== length) throw new BmpError(`length ${said}, want ${length}`);
  const type = r.u8();
  switch (type) {
    case bmpMessageTypes.routeMonitoring:
      return {
        kind: "route-monitoring",
        peer: decodePerPeerHeader(r),
        update: bgpMessage(r, messageTypes.update),
      };
    case bmpMessageTypes.statisticsReport:
      return { kind: "statistics-report", peer: decodePerPeerHeader(r), statistics: statistics(r) };
    case bmpMessageTypes.peerDown:
      return decodePeerDown(r);
    case bmpMessageTypes.peerUp:
      return decodePeerUp(r);
    case bmpMessageTypes.initiation:
      return { kind: "initiation", information: tlvs(r) };
    case bmpMessageTypes.termination:
      return { kind: "termination", information: tlvs(r) };
    case bmpMessageTypes.routeMirroring:
      return { kind: "route-mirroring", peer: decodePerPeerHeader(r), tlvs: tlvs(r) };
    default:
      throw new BmpError(`type ${type}, want 0 to ${bmpMessageTypes.routeMirroring}`);
  }
}

/**      reason (1) | data (variable) */
function decodePeerDown(r: Reader): BmpMessage {
  const peer = decodePerPeerHeader(r);
  const reason = r.u8();
  const hasTlvs = reason === bmpPeerDownReasons.localSystemClosed;
  const data = hasTlvs ? new Uint8Array(0) : r.rest().slice();
  return { kind: "peer-down", peer, reason, data, information: hasTlvs ? tlvs(r) : [] };
}

/**
 *      local address (16) | local port (2) | remote port (2)
 *      | sent OPEN | received OPEN | information TLVs
 */
function decodePeerUp(r: Reader): BmpMessage {
  const peer = decodePerPeerHeader(r);
  return {
    kind: "peer-up",
    peer,
    localAddress: readAddress(r, typeof peer.address === "bigint"),
    localPort: r.u16(),
    remotePort: r.u16(),
    sentOpen: bgpMessage(r, messageTypes.open),
    receivedOpen: bgpMessage(r, messageTypes.open),
    information: tlvs(r),
  };
}

/** A whole BGP message of that type, which says itself how long it is. */
function bgpMessage(r: Reader, wanted: number): Uint8Array {
  const head = r.bytes(headerLength);
  const length = ((head[16] as number) << 8) | (head[17] as number);
  const type = head[18] as number;
  if (length < headerLength) throw new BmpError(`BGP message of length ${length}, want 19 or more`);
  if (type !== wanted) throw new BmpError(`BGP message of type ${type}, want ${wanted}`);
  const message = new Uint8Array(length);
  message.set(head);
  message.set(r.bytes(length - headerLength), headerLength);
  return message;
}

function tlvs(r: Reader): BmpTlv[] {
  const found: BmpTlv[] = [];
  while (r.left > 0) {
    const type = r.u16();
    found.push({ type, value: r.bytes(r.u16()).slice() });
  }
  return found;
}

function statistics(r: Reader): BmpStatistic[] {
  const count = r.u32();
  const found: BmpStatistic[] = [];
  while (found.length < count) {
    const type = r.u16();
    const value = r.sub(r.u16());
    if (value.left === 4) found.push({ type, value: BigInt(value.u32()) });
    else if (value.left === 8) found.push({ type, value: value.u64() });
    else if (value.left === 11) {
      const family = { afi: value.u16(), safi: value.u8() };
      found.push({ type, family, value: value.u64() });
    } else throw new BmpError(`statistic ${type} of ${value.left} octets, want 4, 8 or 11`);
  }
  return found;
}
