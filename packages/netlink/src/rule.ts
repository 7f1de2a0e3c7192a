/**
 * RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (linux/fib_rules.h): which table a packet is looked up in.
 *
 *     struct fib_rule_hdr {
 *       u8 family; u8 dst_len; u8 src_len; u8 tos;
 *       u8 table; u8 res1; u8 res2; u8 action; u32 flags;
 *     }
 */
import { Reader, type Writer } from "@heddle/codec";
import { type Family, type Ip, type Prefix, prefixOf } from "@heddle/inet";
import { Attributes, putIp, putString, putU8, putU32, type RawAttribute } from "./attributes.ts";
import { decoding } from "./netlink-error.ts";
import { afOf, type Request } from "./request.ts";
import { decodeFamily } from "./route.ts";
import {
  FIB_RULE_INVERT,
  FR_ACT_TO_TBL,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_IIFNAME,
  FRA_OIFNAME,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SRC,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
} from "./uapi/fib-rules.ts";
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  RT_TABLE_COMPAT,
  RTM_DELRULE,
  RTM_NEWRULE,
} from "./uapi/rtnetlink.ts";

export interface Rule {
  readonly family: Family;
  /** Rules are tried from the lowest number on. */
  readonly priority: number;
  /** `FR_ACT_*`. */
  readonly action: number;
  /** uint32, for FR_ACT_TO_TBL. */
  readonly table: number;
  readonly source: Prefix | undefined;
  readonly destination: Prefix | undefined;
  readonly inputInterface: string | undefined;
  readonly outputInterface: string | undefined;
  readonly fwmark: number | undefined;
  readonly fwmask: number | undefined;
  /** Routes of this prefix length or shorter do not count. */
  readonly suppressPrefixLength: number | undefined;
  /** `RTPROT_*`. */
  readonly protocol: number | undefined;
  /** True: matches what the selectors do not. */
  readonly invert: boolean;
  readonly attributes: readonly RawAttribute[];
}

export interface NewRule {
  readonly family: Family;
  readonly priority: number;
  /** Default FR_ACT_TO_TBL. */
  readonly action?: number;
  readonly table?: number;
  readonly source?: Prefix;
  readonly destination?: Prefix;
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly suppressPrefixLength?: number;
  readonly protocol?: number;
  readonly invert?: boolean;
}

/** Fails with EEXIST when an equal rule exists. */
export function newRule(rule: NewRule): Request {
  return {
    type: RTM_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    doing: `add IPv${rule.family} rule ${rule.priority}`,
    encode: (w) => putRule(w, rule),
  };
}

/** Fails with ENOENT when there is none. */
export function deleteRule(rule: NewRule): Request {
  return {
    type: RTM_DELRULE,
    flags: 0,
    doing: `delete IPv${rule.family} rule ${rule.priority}`,
    encode: (w) => putRule(w, rule),
  };
}

function putRule(w: Writer, rule: NewRule): void {
  const { table = 0, source, destination, action = FR_ACT_TO_TBL } = rule;
  w.u8(afOf(rule.family))
    .u8(destination?.length ?? 0)
    .u8(source?.length ?? 0)
    .u8(0);
  w.u8(table < 256 ? table : RT_TABLE_COMPAT)
    .zeros(2)
    .u8(action);
  w.u32Le(rule.invert === true ? FIB_RULE_INVERT : 0);
  putU32(w, FRA_PRIORITY, rule.priority);
  if (table > 0) putU32(w, FRA_TABLE, table);
  if (source !== undefined) putIp(w, FRA_SRC, source.address);
  if (destination !== undefined) putIp(w, FRA_DST, destination.address);
  if (rule.inputInterface !== undefined) putString(w, FRA_IIFNAME, rule.inputInterface);
  if (rule.outputInterface !== undefined) putString(w, FRA_OIFNAME, rule.outputInterface);
  if (rule.fwmark !== undefined) putU32(w, FRA_FWMARK, rule.fwmark);
  if (rule.fwmask !== undefined) putU32(w, FRA_FWMASK, rule.fwmask);
  if (rule.suppressPrefixLength !== undefined) {
    putU32(w, FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength);
  }
  if (rule.protocol !== undefined) putU8(w, FRA_PROTOCOL, rule.protocol);
}

/** @throws NetlinkError MALFORMED */
export function decodeRule(payload: Uint8Array): Rule {
  return decoding("rule", () => {
    const reader = new Reader(payload);
    const family = decodeFamily(reader.u8());
    const [destinationLength, sourceLength] = [reader.u8(), reader.u8()];
    reader.skip(1);
    const headerTable = reader.u8();
    reader.skip(2);
    const action = reader.u8();
    const flags = reader.u32Le();
    const all = Attributes.decode(reader.rest());
    return {
      family,
      priority: all.u32(FRA_PRIORITY) ?? 0,
      action,
      table: all.u32(FRA_TABLE) ?? headerTable,
      source: optionalPrefix(all.ip(FRA_SRC), sourceLength),
      destination: optionalPrefix(all.ip(FRA_DST), destinationLength),
      inputInterface: all.string(FRA_IIFNAME),
      outputInterface: all.string(FRA_OIFNAME),
      fwmark: all.u32(FRA_FWMARK),
      fwmask: all.u32(FRA_FWMASK),
      suppressPrefixLength: unlessAllOnes(all.u32(FRA_SUPPRESS_PREFIXLEN)),
      protocol: all.u8(FRA_PROTOCOL),
      invert: (flags & FIB_RULE_INVERT) !== 0,
      attributes: all.rest(),
    };
  });
}

function optionalPrefix(address: Ip | undefined, length: number): Prefix | undefined {
  return address === undefined ? undefined : prefixOf(address, length);
}

/** The kernel reports "not set" as -1. */
function unlessAllOnes(value: number | undefined): number | undefined {
  return value === 0xffffffff ? undefined : value;
}
