/** Paths as `gobgp -j` shows them: attributes by their type. */
import { formatExtendedCommunity } from "@heddle/bgp";
import type { Origin, Path } from "../daemon.ts";

interface GobgpAttribute {
  readonly type: number;
  readonly value?: unknown;
  readonly nexthop?: string;
  readonly metric?: number;
  readonly as_paths?: readonly { readonly segment_type: number; readonly asns: number[] }[];
  readonly communities?: readonly number[];
  readonly [field: string]: unknown;
}

export interface GobgpPath {
  readonly nlri: Readonly<Record<string, unknown>>;
  readonly attrs: readonly GobgpAttribute[];
  readonly stale?: boolean;
  readonly best?: boolean;
  readonly "source-id"?: string;
  readonly "neighbor-ip"?: string;
}

const originNames: readonly Origin[] = ["igp", "egp", "incomplete"];

export function attributeOf(path: GobgpPath, type: number): GobgpAttribute | undefined {
  return path.attrs.find((attribute) => attribute.type === type);
}

export function pathOf(path: GobgpPath): Path {
  const value = (type: number): unknown => attributeOf(path, type)?.value;
  const numberOf = (type: number): number | undefined => {
    const found = value(type) ?? attributeOf(path, type)?.metric;
    return found === undefined ? undefined : Number(found);
  };
  return {
    asPath: asPathOf(attributeOf(path, 2)),
    origin: originNames[Number(value(1) ?? 2)] as Origin,
    nextHop: String(attributeOf(path, 3)?.nexthop ?? attributeOf(path, 14)?.nexthop ?? ""),
    med: numberOf(4),
    localPref: numberOf(5),
    communities: (attributeOf(path, 8)?.communities ?? [])
      .map((community) => `${community >>> 16}:${community & 0xffff}`)
      .sort(),
    largeCommunities: ((value(32) ?? []) as Record<string, number>[])
      .map(({ ASN, LocalData1, LocalData2 }) => `${ASN}:${LocalData1}:${LocalData2}`)
      .sort(),
    extendedCommunities: ((value(16) ?? []) as GobgpExtended[]).map(extended).sort(),
    originatorId: value(9) as string | undefined,
    clusterList: (value(10) ?? []) as string[],
    stale: path.stale === true,
  };
}

function asPathOf(attribute: GobgpAttribute | undefined): string {
  return (attribute?.as_paths ?? [])
    .map(({ segment_type: type, asns }) => {
      if (type === 1) return `{${asns.join(",")}}`;
      if (type === 3) return `(${asns.join(" ")})`;
      if (type === 4) return `[${asns.join(",")}]`;
      return asns.join(" ");
    })
    .join(" ");
}

interface GobgpExtended {
  readonly type: number;
  readonly subtype?: number;
  readonly value?: string;
  readonly [field: string]: unknown;
}

/** Names by the low six bits of the type, and the sub-type. */
function extended(community: GobgpExtended): string {
  const { type, subtype, value } = community;
  if (subtype === 2 && type <= 2) return `rt:${value}`;
  if (subtype === 3 && type <= 2) return `soo:${value}`;
  if (typeof value === "bigint" || typeof value === "number") {
    const high = BigInt((type << 8) | (subtype ?? 0)) << 48n;
    return formatExtendedCommunity(high | BigInt(value));
  }
  return JSON.stringify(community);
}
