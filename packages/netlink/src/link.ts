/**
 * RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (rtnetlink(7), linux/if_link.h).
 *
 *     struct ifinfomsg { u8 family; u8 pad; u16 type; s32 index; u32 flags; u32 change; }
 */
import { Reader, type Writer } from "@heddle/codec";
import { type Ifindex, type Mac, parseIfindex } from "@heddle/inet";
import { assert } from "@heddle/std";
import {
  Attributes,
  decodeString,
  putBytes,
  putMac,
  putNested,
  putRaw,
  putString,
  putU8,
  putU32,
  type RawAttribute,
  splitAttributes,
} from "./attributes.ts";
import { decoding, required } from "./netlink-error.ts";
import { assertIfname, type Request } from "./request.ts";
import {
  IFALIASZ,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_ALT_IFNAME,
  IFLA_CARRIER,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_OPERSTATE,
  IFLA_PROP_LIST,
  VETH_INFO_PEER,
} from "./uapi/if-link.ts";
import {
  AF_INET6,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
} from "./uapi/rtnetlink.ts";

export interface Link {
  readonly ifindex: Ifindex;
  readonly name: string;
  /** `ARPHRD_*`. */
  readonly type: number;
  /** `IFF_*`. */
  readonly flags: number;
  readonly mac: Mac | undefined;
  /** Bytes; 0 for the few kinds of link that have none. */
  readonly mtu: number;
  readonly group: number;
  /** RFC 2863 operational state, `IF_OPER_*`. */
  readonly operState: number | undefined;
  readonly carrier: boolean;
  /** The bridge or other link that this one is a port of. */
  readonly master: Ifindex | undefined;
  /** The other end of a veth, or the link below. */
  readonly link: Ifindex | undefined;
  /**
   * Number, in the asker's namespace, of the namespace where {@link link} is, when it is elsewhere.
   */
  readonly linkNetnsId: number | undefined;
  readonly alias: string | undefined;
  readonly altNames: readonly string[];
  /** `veth`, `bridge` and so on; undefined for a physical link or loopback. */
  readonly kind: string | undefined;
  /** Attributes of the kind (IFLA_INFO_DATA). */
  readonly kindData: readonly RawAttribute[];
  /** `IN6_ADDR_GEN_MODE_*`; undefined when IPv6 is off. */
  readonly addrGenMode: number | undefined;
  readonly attributes: readonly RawAttribute[];
}

/** A link by index or by name. */
export type LinkRef = { readonly ifindex: Ifindex } | { readonly name: string };

/** What can be set on a link. */
export interface LinkSettings {
  /** Brings the link up or down. */
  readonly up?: boolean;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly group?: number;
  /** At most 255 bytes. Ignored by the kernel in {@link newLink}. */
  readonly alias?: string;
  /** Undefined: no change; 0: none. */
  readonly master?: Ifindex | 0;
  /** Moves the link. A descriptor, borrowed for the transaction. */
  readonly netnsFd?: number;
  /** `IN6_ADDR_GEN_MODE_*`. Ignored by the kernel in {@link newLink}. */
  readonly addrGenMode?: number;
}

export interface NewLink extends LinkSettings {
  readonly name: string;
  /** Default: the kernel's choice. */
  readonly ifindex?: Ifindex;
  /** Transmit queues, and as many receive queues. Default: the driver's choice. */
  readonly queueCount?: number;
  readonly kind: LinkKind;
}

/** The other end of a new veth; it cannot be created up. */
export type VethPeer = Omit<NewLink, "kind" | "up">;

export type LinkKind =
  | { readonly name: "veth"; readonly peer: VethPeer }
  | { readonly name: "dummy" }
  | { readonly name: "bridge" }
  | { readonly name: string; readonly data: readonly RawAttribute[] };

/** Fails with EEXIST when the name is taken, with EBUSY when the ifindex is. */
export function newLink(link: NewLink): Request {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    doing: `create link ${link.name}`,
    encode: (w) => {
      putLink(w, link);
      putNested(w, IFLA_LINKINFO, () => putKind(w, link.kind));
    },
  };
}

export function setLink(ref: LinkRef, settings: LinkSettings & { rename?: string }): Request {
  return {
    type: RTM_NEWLINK,
    flags: 0,
    doing: `change link ${formatRef(ref)}`,
    encode: (w) => {
      putHeader(w, ref, settings.up);
      // With an index in the header a name is a new name; without one it selects.
      if (settings.rename !== undefined) {
        assert("ifindex" in ref, "a link is renamed by its ifindex");
        putName(w, settings.rename);
      }
      putSettings(w, settings);
    },
  };
}

export function deleteLink(ref: LinkRef): Request {
  return {
    type: RTM_DELLINK,
    flags: 0,
    doing: `delete link ${formatRef(ref)}`,
    encode: (w) => putHeader(w, ref),
  };
}

/** Asks for one link; `Rtnetlink.link` reads the answer. */
export function getLink(ref: LinkRef): Request {
  return {
    type: RTM_GETLINK,
    flags: 0,
    doing: `read link ${formatRef(ref)}`,
    encode: (w) => putHeader(w, ref),
  };
}

function formatRef(ref: LinkRef): string {
  return "name" in ref ? ref.name : `with ifindex ${ref.ifindex}`;
}

function putIfinfo(w: Writer, ifindex: number, up: boolean | undefined): void {
  w.zeros(4).u32Le(ifindex);
  w.u32Le(up === true ? IFF_UP : 0).u32Le(up === undefined ? 0 : IFF_UP);
}

function putHeader(w: Writer, ref: LinkRef, up?: boolean): void {
  putIfinfo(w, "ifindex" in ref ? ref.ifindex : 0, up);
  if ("name" in ref) putName(w, ref.name);
}

function putName(w: Writer, name: string): void {
  assertIfname(name);
  putString(w, IFLA_IFNAME, name);
}

function putLink(w: Writer, link: Omit<NewLink, "kind">): void {
  putIfinfo(w, link.ifindex ?? 0, link.up);
  putName(w, link.name);
  if (link.queueCount !== undefined) {
    putU32(w, IFLA_NUM_TX_QUEUES, link.queueCount);
    putU32(w, IFLA_NUM_RX_QUEUES, link.queueCount);
  }
  putSettings(w, link);
}

function putSettings(w: Writer, settings: LinkSettings): void {
  const { mac, mtu, group, alias, master, netnsFd, addrGenMode } = settings;
  if (mac !== undefined) putMac(w, IFLA_ADDRESS, mac);
  if (mtu !== undefined) putU32(w, IFLA_MTU, mtu);
  if (group !== undefined) putU32(w, IFLA_GROUP, group);
  if (alias !== undefined) putAlias(w, alias);
  if (master !== undefined) putU32(w, IFLA_MASTER, master);
  if (netnsFd !== undefined) putU32(w, IFLA_NET_NS_FD, netnsFd);
  if (addrGenMode !== undefined) {
    putNested(w, IFLA_AF_SPEC, () =>
      putNested(w, AF_INET6, () => putU8(w, IFLA_INET6_ADDR_GEN_MODE, addrGenMode)),
    );
  }
}

function putAlias(w: Writer, alias: string): void {
  const bytes = new TextEncoder().encode(alias);
  assert(bytes.length < IFALIASZ, "an alias is at most 255 bytes long");
  putBytes(w, IFLA_IFALIAS, bytes);
}

function putKind(w: Writer, kind: LinkKind): void {
  putString(w, IFLA_INFO_KIND, kind.name);
  if ("peer" in kind) {
    const { peer } = kind;
    putNested(w, IFLA_INFO_DATA, () => putNested(w, VETH_INFO_PEER, () => putLink(w, peer)));
  } else if ("data" in kind) {
    const { data } = kind;
    putNested(w, IFLA_INFO_DATA, () => putRaw(w, data));
  }
}

/** @throws NetlinkError MALFORMED */
export function decodeLink(payload: Uint8Array): Link {
  return decoding("link", () => {
    const reader = new Reader(payload);
    reader.skip(2);
    const type = reader.u16Le();
    const ifindex = parseIfindex(reader.u32Le());
    const flags = reader.u32Le();
    reader.skip(4);
    return { ifindex, type, flags, ...decodeLinkAttributes(Attributes.decode(reader.rest())) };
  });
}

function decodeLinkAttributes(all: Attributes): Omit<Link, "ifindex" | "type" | "flags"> {
  const info = all.nested(IFLA_LINKINFO);
  const data = info?.bytes(IFLA_INFO_DATA);
  return {
    name: required(all.string(IFLA_IFNAME), "interface name"),
    mac: all.mac(IFLA_ADDRESS),
    mtu: all.u32(IFLA_MTU) ?? 0,
    group: all.u32(IFLA_GROUP) ?? 0,
    operState: all.u8(IFLA_OPERSTATE),
    carrier: all.u8(IFLA_CARRIER) === 1,
    master: optionalIfindex(all.u32(IFLA_MASTER)),
    link: optionalIfindex(all.u32(IFLA_LINK)),
    linkNetnsId: all.i32(IFLA_LINK_NETNSID),
    alias: all.string(IFLA_IFALIAS),
    altNames: decodeAltNames(all.bytes(IFLA_PROP_LIST)),
    kind: info?.string(IFLA_INFO_KIND),
    kindData: data === undefined ? [] : Attributes.decode(data).rest(),
    addrGenMode: all.nested(IFLA_AF_SPEC)?.nested(AF_INET6)?.u8(IFLA_INET6_ADDR_GEN_MODE),
    attributes: all.rest(),
  };
}

/** 0 means none; an index of a link below that is gone is 0 too. */
export function optionalIfindex(value: number | undefined): Ifindex | undefined {
  return value === undefined || value === 0 ? undefined : parseIfindex(value);
}

function decodeAltNames(list: Uint8Array | undefined): readonly string[] {
  if (list === undefined) return [];
  return [...splitAttributes(list)]
    .filter(({ type }) => type === IFLA_ALT_IFNAME)
    .map(({ value }) => decodeString(value));
}
