/** Paths as FRR shows them with `json`. */
import type { Origin, Path } from "../daemon.ts";

interface FrrCommunities {
  readonly list?: readonly string[];
  readonly string?: string;
}

export interface FrrPath {
  readonly aspath?: { readonly string: string };
  readonly origin?: string;
  readonly metric?: number;
  readonly locPrf?: number;
  readonly community?: FrrCommunities;
  readonly largeCommunity?: FrrCommunities;
  readonly extendedCommunity?: FrrCommunities;
  readonly originatorId?: string;
  readonly clusterList?: { readonly list: readonly string[] };
  readonly nexthops?: readonly { readonly ip?: string }[];
  readonly peer?: { readonly peerId: string };
  readonly stale?: boolean;
  readonly valid?: boolean;
  readonly bestpath?: { readonly overall?: boolean };
  /** RFC 9234. */
  readonly otc?: number;
}

const origins: Readonly<Record<string, Origin>> = {
  IGP: "igp",
  EGP: "egp",
  incomplete: "incomplete",
};

/** Communities that FRR writes as words. */
const wellKnown: Readonly<Record<string, string>> = {
  gracefulShutdown: "65535:0",
  "graceful-shutdown": "65535:0",
  llgrStale: "65535:6",
  "llgr-stale": "65535:6",
  noLlgr: "65535:7",
  noExport: "65535:65281",
  "no-export": "65535:65281",
  noAdvertise: "65535:65282",
  noPeer: "65535:65284",
  blackhole: "65535:666",
};

export function pathOf(path: FrrPath): Path {
  const asPath = path.aspath?.string ?? "";
  return {
    asPath: asPath === "Local" ? "" : asPath,
    origin: origins[path.origin ?? ""] ?? "incomplete",
    nextHop: path.nexthops?.[0]?.ip ?? "",
    med: path.metric,
    localPref: path.locPrf,
    communities: (path.community?.list ?? []).map((text) => wellKnown[text] ?? text).sort(),
    largeCommunities: [...(path.largeCommunity?.list ?? [])].sort(),
    extendedCommunities: extended(path.extendedCommunity?.string ?? ""),
    originatorId: path.originatorId,
    clusterList: path.clusterList?.list ?? [],
    stale: path.stale === true,
  };
}

/** `RT:65001:1 SoO:65001:2 ET:8 Rmac:02:..` as the text of @heddle/bgp. */
function extended(text: string): string[] {
  const names: Readonly<Record<string, string>> = {
    RT: "rt",
    SoO: "soo",
    ET: "encap",
    Rmac: "router-mac",
    MM: "mac-mobility",
    "ESI-label-Rt": "esi-label",
    "ES-Import-Rt": "es-import",
  };
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const [, name, value] = /^([A-Za-z-]+):(.*)$/.exec(word) ?? [];
      const known = name === undefined ? undefined : names[name];
      return known === undefined ? word : `${known}:${value}`;
    })
    .sort();
}
