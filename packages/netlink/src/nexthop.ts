/**
 * Next hops inside a route: RTA_GATEWAY, RTA_VIA and RTA_OIF of a single one, RTA_MULTIPATH for
 * several.
 *
 *     struct rtnexthop { u16 len; u8 flags; u8 hops; s32 ifindex; }   then attributes
 *     struct rtvia { u16 family; u8 addr[]; }
 */
import { Reader, Writer } from "@heddle/codec";
import { type Family, familyOf, type Ifindex, type Ip, ipFromBytes, ipToBytes } from "@heddle/inet";
import { Attributes, putBytes, putIp, putNested, putU32 } from "./attributes.ts";
import { optionalIfindex } from "./link.ts";
import { afOf } from "./request.ts";
import { RTA_GATEWAY, RTA_MULTIPATH, RTA_OIF, RTA_VIA } from "./uapi/rtnetlink.ts";

export interface Nexthop {
  /** Undefined: the destination is on the link. May be IPv6 for an IPv4 route (RFC 8950). */
  readonly via: Ip | undefined;
  readonly ifindex: Ifindex | undefined;
  /** 1 to 256; what share of the flows. */
  readonly weight: number;
  /** `RTNH_F_*`: RTNH_F_ONLINK is asked for, DEAD and LINKDOWN are reported. */
  readonly flags: number;
}

const headerLength = 8;

/** The attributes of a route with exactly one next hop; its flags are in the route's header. */
export function putSingleNexthop(w: Writer, family: Family, nexthop: Nexthop): void {
  if (nexthop.via !== undefined) putGateway(w, family, nexthop.via);
  if (nexthop.ifindex !== undefined) putU32(w, RTA_OIF, nexthop.ifindex);
}

export function putMultipath(w: Writer, family: Family, nexthops: readonly Nexthop[]): void {
  putNested(w, RTA_MULTIPATH, () => {
    for (const { via, ifindex, weight, flags } of nexthops) {
      const start = w.length;
      w.u16Le(0)
        .u8(flags)
        .u8(weight - 1);
      w.u32Le(ifindex ?? 0);
      if (via !== undefined) putGateway(w, family, via);
      w.patchU16Le(start, w.length - start);
    }
  });
}

function putGateway(w: Writer, family: Family, via: Ip): void {
  if (familyOf(via) === family) {
    putIp(w, RTA_GATEWAY, via);
  } else {
    const value = new Writer(32, 32);
    value.u16Le(afOf(familyOf(via))).bytes(ipToBytes(via));
    putBytes(w, RTA_VIA, value.view());
  }
}

/** Takes the next hops out of a route's attributes. */
export function takeNexthops(all: Attributes, routeFlags: number): readonly Nexthop[] {
  const multipath = all.bytes(RTA_MULTIPATH);
  if (multipath !== undefined) return decodeMultipath(multipath);
  const via = takeGateway(all);
  const ifindex = optionalIfindex(all.u32(RTA_OIF));
  if (via === undefined && ifindex === undefined) return [];
  return [{ via, ifindex, weight: 1, flags: routeFlags & 0xff }];
}

function decodeMultipath(bytes: Uint8Array): readonly Nexthop[] {
  const reader = new Reader(bytes);
  const nexthops: Nexthop[] = [];
  while (reader.left >= headerLength) {
    const length = reader.u16Le();
    const flags = reader.u8();
    const weight = reader.u8() + 1;
    const ifindex = optionalIfindex(reader.u32Le());
    const via = takeGateway(Attributes.decode(reader.bytes(length - headerLength)));
    reader.skip(Math.min(reader.left, -length & 3));
    nexthops.push({ via, ifindex, weight, flags });
  }
  return nexthops;
}

function takeGateway(all: Attributes): Ip | undefined {
  const gateway = all.ip(RTA_GATEWAY);
  if (gateway !== undefined) return gateway;
  const via = all.bytes(RTA_VIA);
  if (via === undefined) return undefined;
  const reader = new Reader(via);
  reader.skip(2);
  return ipFromBytes(reader.rest());
}
