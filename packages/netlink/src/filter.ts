/**
 * RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER (linux/pkt_cls.h): classifiers on a side of a
 * clsact qdisc or on a shared block. The header is that of a qdisc, with priority and protocol in
 * its info field. Encodes cls_bpf only; other kinds are decoded as far as their raw options.
 */
import { Reader, type Writer } from "@heddle/codec";
import { type Ifindex, parseIfindex } from "@heddle/inet";
import { assert } from "@heddle/std";
import { Attributes, putNested, putString, putU32, type RawAttribute } from "./attributes.ts";
import { decoding, required } from "./netlink-error.ts";
import { putTcmsg, type Tcmsg, takeTcmsg } from "./qdisc.ts";
import { type CreateMode, createFlags, type Request } from "./request.ts";
import {
  ETH_P_ALL,
  TC_H_MIN_EGRESS,
  TC_H_MIN_INGRESS,
  TCA_BPF_FD,
  TCA_BPF_FLAG_ACT_DIRECT,
  TCA_BPF_FLAGS,
  TCA_BPF_ID,
  TCA_BPF_NAME,
  TCA_BPF_TAG,
  TCA_CHAIN,
  TCA_KIND,
  TCA_OPTIONS,
  TCM_IFINDEX_MAGIC_BLOCK,
} from "./uapi/pkt-sched.ts";
import { RTM_DELTFILTER, RTM_NEWTFILTER } from "./uapi/rtnetlink.ts";

/** Where a filter hangs. */
export type FilterHook =
  | { readonly block: number }
  | { readonly ifindex: Ifindex; readonly side: "ingress" | "egress" };

/** A cls_bpf filter as the kernel reports it. */
export interface BpfFilter {
  readonly name: string | undefined;
  /** The program decides the verdict itself. */
  readonly directAction: boolean;
  /** Kernel-wide id of the program. */
  readonly programId: number | undefined;
  /** Hash of the program's instructions, 8 bytes. */
  readonly tag: Uint8Array | undefined;
}

export interface Filter {
  /** Undefined for a parent that is neither a block nor a side of clsact. */
  readonly hook: FilterHook | undefined;
  readonly kind: string;
  /** 0 on the entry that stands for all filters of a priority. */
  readonly handle: number;
  readonly priority: number;
  /** `ETH_P_*`. */
  readonly protocol: number;
  readonly chain: number;
  readonly bpf: BpfFilter | undefined;
  /** TCA_OPTIONS of other kinds. */
  readonly options: Uint8Array | undefined;
  readonly attributes: readonly RawAttribute[];
}

export interface NewBpfFilter {
  readonly hook: FilterHook;
  readonly handle: number;
  /** 1 to 65535; the lowest is asked first. */
  readonly priority: number;
  /** A descriptor of a program of type sched_cls, borrowed for the transaction. */
  readonly programFd: number;
  readonly name: string;
}

/**
 * A direct-action cls_bpf filter for all protocols. `replace` swaps the program of the filter with
 * the same priority and handle in one step: every packet sees the old one or the new one.
 */
export function newBpfFilter(filter: NewBpfFilter, mode: CreateMode = "replace"): Request {
  return {
    type: RTM_NEWTFILTER,
    flags: createFlags(mode),
    doing: `attach ${filter.name} to ${formatHook(filter.hook)}`,
    encode: (w) => {
      putHeader(w, filter);
      putString(w, TCA_KIND, "bpf");
      putNested(w, TCA_OPTIONS, () => {
        putU32(w, TCA_BPF_FD, filter.programFd);
        putString(w, TCA_BPF_NAME, filter.name);
        putU32(w, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
      });
    },
  };
}

/** Fails with ENOENT or EINVAL when there is none. */
export function deleteBpfFilter(
  filter: Pick<NewBpfFilter, "hook" | "handle" | "priority">,
): Request {
  return {
    type: RTM_DELTFILTER,
    flags: 0,
    doing: `detach filter ${filter.handle} from ${formatHook(filter.hook)}`,
    encode: (w) => {
      putHeader(w, filter);
      putString(w, TCA_KIND, "bpf");
    },
  };
}

function formatHook(hook: FilterHook): string {
  return "block" in hook ? `block ${hook.block}` : `${hook.side} of ifindex ${hook.ifindex}`;
}

/** ETH_P_* is in network byte order inside a word in host byte order. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function putHeader(
  w: Writer,
  { hook, handle, priority }: Pick<NewBpfFilter, "hook" | "handle" | "priority">,
): void {
  assert(priority >= 1 && priority <= 0xffff, "the priority of a filter is 1 to 65535");
  putFilterHook(w, hook, handle, ((priority << 16) | swap16(ETH_P_ALL)) >>> 0);
}

/** The header of a dump request (handle and info 0), or of one about a filter. */
export function putFilterHook(w: Writer, hook: FilterHook, handle = 0, info = 0): void {
  if ("block" in hook) {
    putTcmsg(w, { ifindex: TCM_IFINDEX_MAGIC_BLOCK, handle, parent: hook.block, info });
  } else {
    const parent = hook.side === "ingress" ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
    putTcmsg(w, { ifindex: hook.ifindex, handle, parent, info });
  }
}

/** @throws NetlinkError MALFORMED */
export function decodeFilter(payload: Uint8Array): Filter {
  return decoding("filter", () => {
    const reader = new Reader(payload);
    const header = takeTcmsg(reader);
    const all = Attributes.decode(reader.rest());
    const kind = required(all.string(TCA_KIND), "kind of filter");
    const options = all.bytes(TCA_OPTIONS);
    const isBpf = kind === "bpf" && options !== undefined;
    return {
      hook: decodeHook(header),
      kind,
      handle: header.handle,
      priority: header.info >>> 16,
      protocol: swap16(header.info & 0xffff),
      chain: all.u32(TCA_CHAIN) ?? 0,
      bpf: isBpf ? decodeBpf(Attributes.decode(options)) : undefined,
      options: isBpf ? undefined : options?.slice(),
      attributes: all.rest(),
    };
  });
}

function decodeHook({ ifindex, parent }: Tcmsg): FilterHook | undefined {
  if (ifindex === TCM_IFINDEX_MAGIC_BLOCK) return { block: parent };
  if (parent === TC_H_MIN_INGRESS) return { ifindex: parseIfindex(ifindex), side: "ingress" };
  if (parent === TC_H_MIN_EGRESS) return { ifindex: parseIfindex(ifindex), side: "egress" };
  return undefined;
}

function decodeBpf(options: Attributes): BpfFilter {
  return {
    name: options.string(TCA_BPF_NAME),
    directAction: ((options.u32(TCA_BPF_FLAGS) ?? 0) & TCA_BPF_FLAG_ACT_DIRECT) !== 0,
    programId: options.u32(TCA_BPF_ID),
    tag: options.bytes(TCA_BPF_TAG)?.slice(),
  };
}
