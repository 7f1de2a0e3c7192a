/**
 * RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC (linux/rtnetlink.h, linux/pkt_sched.h).
 *
 *     struct tcmsg { u8 family; u8 pad1; u16 pad2; s32 ifindex; u32 handle; u32 parent; u32 info; }
 *
 * A clsact qdisc may take the filters of both its sides from shared blocks, which other qdiscs use
 * too. A block exists while at least one qdisc refers to it; its filters go with it.
 */
import { Reader, type Writer } from "@heddle/codec";
import { type Ifindex, parseIfindex } from "@heddle/inet";
import { Attributes, putString, putU32, type RawAttribute } from "./attributes.ts";
import { decoding, required } from "./netlink-error.ts";
import type { Request } from "./request.ts";
import {
  TC_H_CLSACT,
  TC_H_CLSACT_HANDLE,
  TCA_EGRESS_BLOCK,
  TCA_INGRESS_BLOCK,
  TCA_KIND,
  TCA_OPTIONS,
} from "./uapi/pkt-sched.ts";
import { NLM_F_CREATE, NLM_F_EXCL, RTM_DELQDISC, RTM_NEWQDISC } from "./uapi/rtnetlink.ts";

export interface Qdisc {
  readonly ifindex: Ifindex;
  readonly kind: string;
  readonly handle: number;
  readonly parent: number;
  /** Number of the shared block of the side; undefined when the side has filters of its own. */
  readonly ingressBlock: number | undefined;
  readonly egressBlock: number | undefined;
  /** TCA_OPTIONS, undecoded: each kind has a layout of its own. */
  readonly options: Uint8Array | undefined;
  readonly attributes: readonly RawAttribute[];
}

/** Numbers of shared blocks, 1 to 2^32-1. */
export interface SharedBlocks {
  readonly ingress?: number | undefined;
  readonly egress?: number | undefined;
}

/** Fails with EEXIST when the link has a clsact or ingress qdisc. */
export function newClsact(ifindex: Ifindex, blocks: SharedBlocks = {}): Request {
  return {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    doing: `add clsact qdisc to ifindex ${ifindex}`,
    encode: (w) => {
      putTcmsg(w, { ifindex, handle: TC_H_CLSACT_HANDLE, parent: TC_H_CLSACT, info: 0 });
      putString(w, TCA_KIND, "clsact");
      if (blocks.ingress !== undefined) putU32(w, TCA_INGRESS_BLOCK, blocks.ingress);
      if (blocks.egress !== undefined) putU32(w, TCA_EGRESS_BLOCK, blocks.egress);
    },
  };
}

/** Fails with ENOENT or EINVAL when there is none. */
export function deleteClsact(ifindex: Ifindex): Request {
  return {
    type: RTM_DELQDISC,
    flags: 0,
    doing: `delete clsact qdisc of ifindex ${ifindex}`,
    encode: (w) => putTcmsg(w, { ifindex, handle: 0, parent: TC_H_CLSACT, info: 0 }),
  };
}

/** The header of every traffic control message. */
export interface Tcmsg {
  /** An ifindex, or TCM_IFINDEX_MAGIC_BLOCK. */
  readonly ifindex: number;
  readonly handle: number;
  /** A handle, or the number of a block. */
  readonly parent: number;
  readonly info: number;
}

export function putTcmsg(w: Writer, { ifindex, handle, parent, info }: Tcmsg): void {
  w.zeros(4).u32Le(ifindex);
  w.u32Le(handle).u32Le(parent).u32Le(info);
}

export function takeTcmsg(reader: Reader): Tcmsg {
  reader.skip(4);
  const ifindex = reader.u32Le();
  const [handle, parent, info] = [reader.u32Le(), reader.u32Le(), reader.u32Le()];
  return { ifindex, handle, parent, info };
}

/** @throws NetlinkError MALFORMED */
export function decodeQdisc(payload: Uint8Array): Qdisc {
  return decoding("qdisc", () => {
    const reader = new Reader(payload);
    const { ifindex, handle, parent } = takeTcmsg(reader);
    const all = Attributes.decode(reader.rest());
    return {
      ifindex: parseIfindex(ifindex),
      kind: required(all.string(TCA_KIND), "kind of qdisc"),
      handle,
      parent,
      ingressBlock: all.u32(TCA_INGRESS_BLOCK),
      egressBlock: all.u32(TCA_EGRESS_BLOCK),
      options: all.bytes(TCA_OPTIONS)?.slice(),
      attributes: all.rest(),
    };
  });
}
