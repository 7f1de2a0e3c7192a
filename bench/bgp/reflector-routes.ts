/**
 * Routes of the reflector cases: host addresses (RFC 4271), the same in VPNs (RFC 4364), and EVPN
 * MAC/IP advertisements (RFC 7432 7.2). Route `n` belongs to client `n / routesEach`.
 */

import { addressFamilies, encodeEndOfRib } from "@heddle/bgp";
import { Writer } from "@heddle/codec";
import { parseIp4 } from "@heddle/inet";
import { client, localAddress, localAsn } from "./addresses.ts";
import { describeAttributes, encodeAttributes, type RouteAttributes } from "./attributes.ts";
import { type ReflectorCase, type ReflectorFamily, vrfCount } from "./cases.ts";
import { type FixedLayout, FixedReader } from "./nlri-readers.ts";
import { imported, preferred } from "./policy.ts";
import { type MpFamily, UpdateStream } from "./update-stream.ts";

interface RouteKind extends FixedLayout, MpFamily {
  write(w: Writer, index: number, vrf: number): void;
}

const firstAddress = parseIp4("20.0.0.0");
const rdLength = 8;
const routeTargetLength = 8;
/** Extended communities (RFC 4360 4, RFC 8365 5.1.2 for the second). */
const routeTargetType = 0x0002n;
const vxlanEncapsulation = 0x030c_0000_0000_0008n;

const kinds: Readonly<Record<ReflectorFamily, RouteKind>> = {
  "ipv4-unicast": {
    ...addressFamilies["ipv4-unicast"],
    ...{ nextHopPrefixLength: 0, ...masksOf(5), indexOffset: 1, base: firstAddress },
    write: (w, index) => w.u8(32).u32(firstAddress + index),
  },
  "ipv4-vpn": {
    ...addressFamilies["ipv4-vpn"],
    ...{ nextHopPrefixLength: rdLength, indexOffset: 12, base: firstAddress },
    // Three bits of an MPLS label field are reserved, and ignored (RFC 8277 2.2); FRR sets one.
    ...masksOf(16, { at: 1, bits: [0xff, 0xff, 0xf1] }),
    write: (w, index, vrf) => {
      w.u8(120);
      writeLabel(w, ((1000 + vrf) << 4) | 1);
      writeRd(w, vrf);
      w.u32(firstAddress + index);
    },
  },
  evpn: {
    ...addressFamilies.evpn,
    ...{ nextHopPrefixLength: 0, indexOffset: 27, base: 0 },
    ...masksOf(39, { at: 36, bits: [0xff, 0xff, 0xff] }),
    write: (w, index, vrf) => {
      w.u8(2).u8(37);
      writeRd(w, vrf);
      // Ethernet Segment Identifier and Ethernet Tag of a single-homed, VLAN-based service.
      w.zeros(10).u32(0);
      w.u8(48).u16(0x0200).u32(index);
      w.u8(32).u32(firstAddress + index);
      writeLabel(w, 10_000 + vrf);
    },
  },
};

interface Label {
  readonly at: number;
  /** That count. */
  readonly bits: readonly number[];
}

function masksOf(
  length: number,
  label?: Label,
): { readonly mask: Uint8Array; readonly withdrawnMask: Uint8Array } {
  const mask = new Uint8Array(length).fill(0xff);
  const withdrawnMask = mask.slice();
  if (label !== undefined) {
    mask.set(label.bits, label.at);
    withdrawnMask.fill(0, label.at, label.at + label.bits.length);
  }
  return { mask, withdrawnMask };
}

function writeRd(w: Writer, vrf: number): void {
  w.u16(0)
    .u16(localAsn)
    .u32(1 + vrf);
}

function writeLabel(w: Writer, label: number): void {
  w.u8(label >> 16).u16(label & 0xffff);
}

function routeTargetOf(vrf: number): bigint {
  return (routeTargetType << 48n) | (BigInt(localAsn) << 32n) | BigInt(100 + vrf);
}

export function vrfOf(clientIndex: number): number {
  return clientIndex % vrfCount;
}

function attributesOf(what: ReflectorCase, clientIndex: number): RouteAttributes {
  const isPlain = what.family === "ipv4-unicast";
  const own = 64_900 * 0x10000 + clientIndex;
  const target = routeTargetOf(vrfOf(clientIndex));
  return {
    origin: 0,
    asns: [],
    nextHop: client(clientIndex).address,
    localPref: 100,
    communities: isPlain && clientIndex % 4 === 0 ? [own, preferred.value] : [own],
    extendedCommunities: isPlain
      ? []
      : what.family === "evpn"
        ? [target, vxlanEncapsulation]
        : [target],
    largeCommunities: [],
    clusterList: [],
  };
}

/** What every client must see of the routes of client `index`, by {@link describeAttributes}. */
export function expectedOfClients(what: ReflectorCase): Map<string, number> {
  const expected = new Map<string, number>();
  for (let index = 0; index < what.clientCount; index += 1) {
    const sent = attributesOf(what, index);
    const passed = what.family === "ipv4-unicast" ? imported(sent) : sent;
    const originatorId = client(index).address;
    expected.set(
      describeAttributes({ ...passed, originatorId, clusterList: [localAddress] }),
      index,
    );
  }
  return expected;
}

export function readerOf(what: ReflectorCase): FixedReader {
  const kind = kinds[what.family];
  const count = what.clientCount * what.routesEach;
  const w = new Writer(count * kind.mask.length, count * kind.mask.length);
  for (let index = 0; index < count; index += 1) {
    kind.write(w, index, vrfOf(Math.floor(index / what.routesEach)));
  }
  return new FixedReader(kind, w.copy());
}

/** UPDATEs of a dozen routes each, as a node announces what its pods get one after the other. */
const routesPerUpdate = 12;

export function encodeAnnouncements(what: ReflectorCase, clientIndex: number): Uint8Array {
  const kind = kinds[what.family];
  const attributes = attributesOf(what, clientIndex);
  const isPlain = what.family === "ipv4-unicast";
  const block = encodeAttributes(attributes, isPlain);
  const stream = new UpdateStream();
  const start = clientIndex * what.routesEach;
  for (let i = 0; i < what.routesEach; i += 1) {
    if (i % routesPerUpdate === 0) {
      if (i > 0) stream.end();
      if (isPlain) stream.announce(block);
      else stream.announceMp(kind, block, attributes.nextHop);
    }
    kind.write(stream.writer, start + i, vrfOf(clientIndex));
  }
  stream.end();
  return stream.take();
}

export function encodeWithdrawals(what: ReflectorCase, clientIndex: number): Uint8Array {
  const kind = kinds[what.family];
  const stream = new UpdateStream();
  const start = clientIndex * what.routesEach;
  for (let i = 0; i < what.routesEach; ) {
    if (what.family === "ipv4-unicast") stream.withdraw();
    else stream.withdrawMp(kind);
    for (; i < what.routesEach && stream.hasRoom(kind.mask.length); i += 1) {
      kind.write(stream.writer, start + i, vrfOf(clientIndex));
    }
    stream.end();
  }
  return stream.take();
}

/**
 * The route target that the client wants (RFC 4684 4), and the End-of-RIB after which it is served
 * (RFC 4684 6).
 */
export function encodeMembership(clientIndex: number): Uint8Array {
  const family: MpFamily = { ...addressFamilies["route-target"], nextHopPrefixLength: 0 };
  const { address } = client(clientIndex);
  const block = encodeAttributes(
    {
      ...{ origin: 0, asns: [], nextHop: address, localPref: 100 },
      ...{ communities: [], extendedCommunities: [], largeCommunities: [], clusterList: [] },
    },
    false,
  );
  const stream = new UpdateStream();
  stream.announceMp(family, block, address);
  const length = 4 + routeTargetLength;
  stream.writer
    .u8(length * 8)
    .u32(localAsn)
    .u64(routeTargetOf(vrfOf(clientIndex)));
  stream.end();
  return Buffer.concat([stream.take(), encodeEndOfRib("route-target")]);
}
