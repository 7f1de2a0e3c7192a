/**
 * RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (rtnetlink(7), linux/if_addr.h).
 *
 *     struct ifaddrmsg { u8 family; u8 prefixlen; u8 flags; u8 scope; u32 index; }
 */
import { Reader, type Writer } from "@heddle/codec";
import { familyOf, formatIp, type Ifindex, type Ip, parseIfindex, prefixOf } from "@heddle/inet";
import { Attributes, putIp, putU32, type RawAttribute } from "./attributes.ts";
import { decoding, NetlinkError } from "./netlink-error.ts";
import { afOf, type CreateMode, createFlags, type Request } from "./request.ts";
import { IFA_ADDRESS, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, IFA_PROTO } from "./uapi/if-link.ts";
import { RTM_DELADDR, RTM_NEWADDR } from "./uapi/rtnetlink.ts";

/** An address of an interface. */
export interface Address {
  readonly ifindex: Ifindex;
  readonly address: Ip;
  /** Of the connected prefix. */
  readonly prefixLength: number;
  /** The other end of a point-to-point address; equal to `address` otherwise. */
  readonly peer: Ip;
  /** `RT_SCOPE_*`. */
  readonly scope: number;
  /** `IFA_F_*`. */
  readonly flags: number;
  readonly label: string | undefined;
  /** `IFAPROT_*`, from kernel 5.18 on. */
  readonly protocol: number | undefined;
  readonly attributes: readonly RawAttribute[];
}

export interface NewAddress {
  readonly ifindex: Ifindex;
  readonly address: Ip;
  readonly prefixLength: number;
  /** Default: the address itself. */
  readonly peer?: Ip;
  /** Default universe. */
  readonly scope?: number;
  /** `IFA_F_*`; IFA_F_NODAD makes an IPv6 address usable at once. */
  readonly flags?: number;
}

export function newAddress(address: NewAddress, mode: CreateMode = "create"): Request {
  return {
    type: RTM_NEWADDR,
    flags: createFlags(mode),
    doing: `add address ${formatAddress(address)}`,
    encode: (w) => putAddress(w, address),
  };
}

export function deleteAddress(address: NewAddress): Request {
  return {
    type: RTM_DELADDR,
    flags: 0,
    doing: `delete address ${formatAddress(address)}`,
    encode: (w) => putAddress(w, address),
  };
}

function formatAddress({ address, prefixLength, ifindex }: NewAddress): string {
  return `${formatIp(address)}/${prefixLength} of ifindex ${ifindex}`;
}

function putAddress(w: Writer, address: NewAddress): void {
  const { address: local, peer = local, flags = 0, scope = 0 } = address;
  w.u8(afOf(familyOf(local))).u8(address.prefixLength);
  w.u8(flags & 0xff).u8(scope);
  w.u32Le(address.ifindex);
  putIp(w, IFA_LOCAL, local);
  putIp(w, IFA_ADDRESS, peer);
  if (flags > 0xff) putU32(w, IFA_FLAGS, flags);
}

/** @throws NetlinkError MALFORMED */
export function decodeAddress(payload: Uint8Array): Address {
  return decoding("address", () => {
    const reader = new Reader(payload);
    reader.skip(1);
    const prefixLength = reader.u8();
    const headerFlags = reader.u8();
    const scope = reader.u8();
    const ifindex = parseIfindex(reader.u32Le());
    const all = Attributes.decode(reader.rest());
    // IPv6 sends IFA_LOCAL only for a point-to-point address; IFA_ADDRESS is then the peer.
    const local = all.ip(IFA_LOCAL);
    const peer = all.ip(IFA_ADDRESS) ?? local;
    const address = local ?? peer;
    if (address === undefined || peer === undefined) {
      throw new NetlinkError("Cannot decode address: none in the message", "MALFORMED");
    }
    // Refuses a length that the family does not have.
    prefixOf(address, prefixLength);
    return {
      ifindex,
      address,
      prefixLength,
      peer,
      scope,
      flags: all.u32(IFA_FLAGS) ?? headerFlags,
      label: all.string(IFA_LABEL),
      protocol: all.u8(IFA_PROTO),
      attributes: all.rest(),
    };
  });
}
