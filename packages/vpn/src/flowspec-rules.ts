/**
 * Flow specifications (RFC 8955, RFC 8956) as an ordered list of rules for a data plane. Whether a
 * route may be used at all (RFC 8955 6, RFC 9117) the RIB has decided before.
 */
import {
  decodeExtendedCommunity,
  encodeFlowSpec,
  type FlowSpec,
  type FlowSpecComponent,
  type FlowSpecPrefix,
  formatFlowSpec,
} from "@heddle/bgp";
import { prefixOf, type VrfId } from "@heddle/inet";
import type { Vrf } from "./vrf.ts";

export interface FlowSpecRoute {
  readonly flowSpec: FlowSpec;
  /** Of its best path. */
  readonly extendedCommunities: readonly bigint[];
}

/** What is done with packets that match; absent parts are not asked for (RFC 8955 7). */
export interface FlowSpecActions {
  /** Bytes per second; 0 drops. */
  readonly byteRate?: number;
  /** Packets per second; 0 drops. */
  readonly packetRate?: number;
  readonly redirect?: VrfId;
  /** 0 to 63. */
  readonly dscp?: number;
  readonly sample: boolean;
  /** The rules behind this one are looked at as well; else the first match is the last. */
  readonly isContinued: boolean;
}

export interface FlowSpecRule {
  readonly flowSpec: FlowSpec;
  readonly actions: FlowSpecActions;
}

/**
 * In the order in which packets are matched; `vrfs` are those that a redirect can name.
 * @throws BgpError `encode` for a specification that cannot be sent
 */
export function flowspecRules(
  routes: readonly FlowSpecRoute[],
  vrfs: readonly Vrf[] = [],
): FlowSpecRule[] {
  const ordered = routes.map((route) => ({ ...route, parts: partsOf(route) }));
  ordered.sort((a, b) => compareParts(a.parts, b.parts));
  return ordered.map(({ flowSpec, extendedCommunities }) => ({
    flowSpec,
    actions: actionsOf(extendedCommunities, vrfs),
  }));
}

/** A component with its bytes on the wire. */
interface Part {
  readonly type: number;
  readonly component: FlowSpecComponent;
  readonly bytes: Uint8Array;
}

function partsOf({ flowSpec: { components, family } }: FlowSpecRoute): Part[] {
  return components.map((component) => {
    const { key } = encodeFlowSpec({ family, components: [component] });
    return { type: key[0] as number, component, bytes: key.subarray(1) };
  });
}

/**
 * RFC 8955 5.1, negative when `a` goes first: at the first component in which they differ, the one
 * of the lower type, and the one that has a component at all. IPv4 goes before IPv6, which no
 * packet can tell.
 */
function compareParts(a: readonly Part[], b: readonly Part[]): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return -1;
    if (part.type !== other.type) return part.type - other.type;
    const order =
      "prefix" in part.component && "prefix" in other.component
        ? comparePrefixes(part.component, other.component)
        : compareBytes(part.bytes, other.bytes);
    if (order !== 0) return order;
  }
  return a.length - b.length === 0 ? 0 : 1;
}

/**
 * The longer of two that overlap, else the lower address; in IPv6 first the one with the lower
 * offset (RFC 8956 4).
 */
function comparePrefixes(a: FlowSpecPrefix, b: FlowSpecPrefix): number {
  if (a.prefix.family !== b.prefix.family) return a.prefix.family - b.prefix.family;
  const offsets = (a.offset ?? 0) - (b.offset ?? 0);
  if (offsets !== 0) return offsets;
  const shorter = Math.min(a.prefix.length, b.prefix.length);
  if (prefixOf(a.prefix.address, shorter) === prefixOf(b.prefix.address, shorter)) {
    return b.prefix.length - a.prefix.length;
  }
  return a.prefix.address < b.prefix.address ? -1 : 1;
}

/** As memcmp; of two that begin alike, the longer goes first. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const order = (a[i] as number) - (b[i] as number);
    if (order !== 0) return order;
  }
  return b.length - a.length;
}

/**
 * RFC 8955 7.7 leaves it open what contradicting actions mean: here the lowest rate counts, the
 * lowest mark, and of redirects the VRF with the lowest id.
 */
function actionsOf(communities: readonly bigint[], vrfs: readonly Vrf[]): FlowSpecActions {
  let byteRate: number | undefined;
  let packetRate: number | undefined;
  let redirect: VrfId | undefined;
  let dscp: number | undefined;
  let sample = false;
  let isContinued = false;
  for (const value of communities) {
    const community = decodeExtendedCommunity(value);
    switch (community.kind) {
      case "traffic-rate-bytes":
        byteRate = lowerRate(byteRate, community.rate);
        break;
      case "traffic-rate-packets":
        packetRate = lowerRate(packetRate, community.rate);
        break;
      case "redirect":
        for (const { importTargets, vrfId } of vrfs) {
          if (importTargets.includes(community.routeTarget)) redirect = lower(redirect, vrfId);
        }
        break;
      case "traffic-marking":
        dscp = lower(dscp, community.dscp);
        break;
      case "traffic-action":
        sample ||= community.sample;
        isContinued ||= community.terminal;
        break;
      default:
        break;
    }
  }
  return {
    ...(byteRate === undefined ? {} : { byteRate }),
    ...(packetRate === undefined ? {} : { packetRate }),
    ...(redirect === undefined ? {} : { redirect }),
    ...(dscp === undefined ? {} : { dscp }),
    sample,
    isContinued,
  };
}

/** RFC 8955 7.1: below zero is zero. What is no number asks for nothing. */
function lowerRate(known: number | undefined, rate: number): number | undefined {
  return Number.isNaN(rate) ? known : lower(known, Math.max(0, rate));
}

function lower<N extends number>(known: N | undefined, value: N): N {
  return known === undefined || value < known ? value : known;
}

/** `destination 10.0.0.0/8: bytes/s 0; sample` for people. */
export function formatFlowSpecRule({ actions, flowSpec }: FlowSpecRule): string {
  const { byteRate, dscp, isContinued, packetRate, redirect, sample } = actions;
  const parts = [
    byteRate === undefined ? "" : `bytes/s ${byteRate}`,
    packetRate === undefined ? "" : `packets/s ${packetRate}`,
    redirect === undefined ? "" : `redirect vrf ${redirect}`,
    dscp === undefined ? "" : `dscp ${dscp}`,
    sample ? "sample" : "",
    isContinued ? "continue" : "stop",
  ];
  return `${formatFlowSpec(flowSpec)}: ${parts.filter((part) => part !== "").join("; ")}`;
}
