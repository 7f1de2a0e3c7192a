/** For tests: nodes of one design, and their routes as the RIB of another node gives them. */
import { decodeEvpnRoute, macMobilityOf, type PathAttributes, type RouteChange } from "@heddle/bgp";
import {
  parseIp,
  parseIp4,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  parseVni,
  parseVrfId,
} from "@heddle/inet";
import { formatOriginated, type OriginatedRoute } from "../export/originated-route.ts";
import type { ImportConfig } from "../import/import-table.ts";
import type { EthernetSegment, LocalState, Subnet, Vrf, Vtep } from "../vrf.ts";

/** Node `n` is 10.0.0.n. */
export function vtepOf(n: number): Vtep {
  return {
    address: parseIp(`10.0.0.${n}`),
    routerId: parseIp4(`10.0.0.${n}`),
    encapsulations: ["vxlan", "mpls-in-udp", "ipip"],
  };
}

export function configOf(n: number): ImportConfig {
  return {
    vtep: vtepOf(n),
    multipath: { ebgpCountMax: 8, ibgpCountMax: 8, relaxAsPath: true },
  };
}

/** VRF `id` of node `n`: route targets 65000:id, and 65000:(10 id) of its subnet `a`. */
export function vrfOf(n: number, id: number, more: Partial<Vrf> = {}): Vrf {
  const targets = [parseRouteTarget(`65000:${id}`)];
  return {
    name: `red-${id}`,
    vrfId: parseVrfId(id),
    rd: parseRouteDistinguisher(`10.0.0.${n}:${id}`),
    importTargets: targets,
    exportTargets: targets,
    l3: { vni: parseVni(10000 + id), routerMac: parseMac(`02:00:00:00:ff:0${n}`) },
    label: 1000 + id,
    subnets: [subnetOf(n, id * 10)],
    ...more,
  };
}

export function subnetOf(n: number, id: number, more: Partial<Subnet> = {}): Subnet {
  const targets = [parseRouteTarget(`65000:${id}`)];
  return {
    name: "a",
    rd: parseRouteDistinguisher(`10.0.0.${n}:${id}`),
    importTargets: targets,
    exportTargets: targets,
    l2Vni: parseVni(20000 + id),
    irb: "symmetric",
    prefixes: [parsePrefix(`10.${id}.0.0/24`)],
    announcePrefixes: false,
    ...more,
  };
}

export function segmentOf(esi: bigint, more: Partial<EthernetSegment> = {}): EthernetSegment {
  return {
    esi: esi as EthernetSegment["esi"],
    singleActive: false,
    label: 0,
    electionAlgorithm: "modulo",
    subnets: [{ vrf: "red-1", subnet: "a" }],
    ...more,
  };
}

export function stateOf(more: Partial<LocalState>): LocalState {
  return { vrfs: [], segments: [], endpoints: [], prefixes: [], ...more };
}

/** A route of node `n` as best path in another node's RIB; `local` in its own. */
export function announced(
  route: OriginatedRoute,
  n: number,
  more: { readonly local?: boolean; readonly localPref?: number } = {},
): RouteChange {
  const { family, key, payload } = route;
  const attributes: PathAttributes = {
    origin: 0,
    asPath: [],
    nextHop: vtepOf(n).address,
    atomicAggregate: false,
    communities: [],
    extendedCommunities: [],
    largeCommunities: [],
    clusterList: [],
    unknown: [],
    ...route.attributes,
  };
  const mobility = macMobilityOf(attributes.extendedCommunities);
  const isLocal = more.local === true;
  const decoded = family === "evpn" ? decodeEvpnRoute(key, payload) : undefined;
  const { nextHop } = attributes;
  return {
    family,
    key,
    best: {
      family,
      key,
      payload,
      text: formatOriginated(route),
      pathId: 0,
      peer: isLocal ? undefined : 1,
      attributes,
      best: true,
      multipath: true,
      stale: false,
      longLivedStale: false,
      ineligible: undefined,
    },
    candidate: {
      score: isLocal ? -1 : 1000 - (more.localPref ?? 100),
      mobility: mobility === undefined ? 0 : Number(mobility.sticky) * 2 ** 32 + mobility.sequence,
      ...(decoded?.kind === "mac-ip" ? { mac: { nextHop, esi: decoded.esi } } : {}),
      med: 0,
      neighborAsn: undefined,
      external: false,
      identifier: parseIp4(`10.0.0.${n}`),
      clusterListLength: 1,
      peerAddress: parseIp("10.255.0.1"),
      asPath: [],
      pathId: 0,
    },
  };
}

export function withdrawn({ family, key }: OriginatedRoute): RouteChange {
  return { family, key, best: undefined, candidate: undefined };
}
