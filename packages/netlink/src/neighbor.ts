/**
 * RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (linux/neighbour.h): ARP and ND entries, and bridge FDB
 * entries, which have the family AF_BRIDGE and a MAC as their key.
 *
 *     struct ndmsg { u8 family; u8 pad1; u16 pad2; s32 ifindex; u16 state; u8 flags; u8 type; }
 */
import { Reader, type Writer } from "@heddle/codec";
import {
  type Family,
  familyOf,
  formatIp,
  type Ifindex,
  type Ip,
  type Mac,
  parseIfindex,
} from "@heddle/inet";
import { Attributes, putIp, putMac, putU8, putU32, type RawAttribute } from "./attributes.ts";
import { decoding } from "./netlink-error.ts";
import { afOf, type CreateMode, createFlags, type Request } from "./request.ts";
import {
  NDA_DST,
  NDA_IFINDEX,
  NDA_LLADDR,
  NDA_PROTOCOL,
  NDA_VLAN,
  NDA_VNI,
  NUD_PERMANENT,
} from "./uapi/neighbour.ts";
import { RTM_DELNEIGH, RTM_NEWNEIGH } from "./uapi/rtnetlink.ts";

export interface Neighbor {
  /** AF_INET, AF_INET6 or AF_BRIDGE. */
  readonly af: number;
  readonly ifindex: Ifindex;
  /** Of an FDB entry: the remote tunnel end point, if any. */
  readonly address: Ip | undefined;
  readonly mac: Mac | undefined;
  /** `NUD_*`. */
  readonly state: number;
  /** `NTF_*`. */
  readonly flags: number;
  readonly vlan: number | undefined;
  readonly vni: number | undefined;
  /** `RTPROT_*`: who made the entry. */
  readonly protocol: number | undefined;
  readonly attributes: readonly RawAttribute[];
}

export interface NewNeighbor {
  readonly ifindex: Ifindex;
  readonly address: Ip;
  readonly mac: Mac;
  /** Default NUD_PERMANENT. */
  readonly state?: number;
  readonly flags?: number;
  /** `RTPROT_*`. */
  readonly protocol?: number;
}

export function newNeighbor(neighbor: NewNeighbor, mode: CreateMode = "replace"): Request {
  const { ifindex, address, mac, state = NUD_PERMANENT, flags = 0, protocol } = neighbor;
  return {
    type: RTM_NEWNEIGH,
    flags: createFlags(mode),
    doing: `set neighbor ${formatIp(address)} of ifindex ${ifindex}`,
    encode: (w) => {
      putHeader(w, ifindex, address, state, flags);
      putMac(w, NDA_LLADDR, mac);
      if (protocol !== undefined) putU8(w, NDA_PROTOCOL, protocol);
    },
  };
}

/** Fails with ENOENT when there is none. */
export function deleteNeighbor(ifindex: Ifindex, address: Ip): Request {
  return {
    type: RTM_DELNEIGH,
    flags: 0,
    doing: `delete neighbor ${formatIp(address)} of ifindex ${ifindex}`,
    encode: (w) => putHeader(w, ifindex, address, 0, 0),
  };
}

function putHeader(w: Writer, ifindex: Ifindex, address: Ip, state: number, flags: number): void {
  w.u8(afOf(familyOf(address)))
    .zeros(3)
    .u32Le(ifindex);
  w.u16Le(state).u8(flags).u8(0);
  putIp(w, NDA_DST, address);
}

/** What a dump of neighbors is narrowed to. */
export interface NeighborFilter {
  readonly family?: Family;
  readonly ifindex?: Ifindex;
}

/** The header of a dump request. */
export function putNeighborFilter(w: Writer, { family, ifindex }: NeighborFilter): void {
  w.u8(family === undefined ? 0 : afOf(family)).zeros(11);
  if (ifindex !== undefined) putU32(w, NDA_IFINDEX, ifindex);
}

/** @throws NetlinkError MALFORMED */
export function decodeNeighbor(payload: Uint8Array): Neighbor {
  return decoding("neighbor", () => {
    const reader = new Reader(payload);
    const af = reader.u8();
    reader.skip(3);
    const ifindex = parseIfindex(reader.u32Le());
    const state = reader.u16Le();
    const flags = reader.u8();
    reader.skip(1);
    const all = Attributes.decode(reader.rest());
    return {
      af,
      ifindex,
      address: all.ip(NDA_DST),
      mac: all.mac(NDA_LLADDR),
      state,
      flags,
      vlan: all.u16(NDA_VLAN),
      vni: all.u32(NDA_VNI),
      protocol: all.u8(NDA_PROTOCOL),
      attributes: all.rest(),
    };
  });
}
