/** What the admin socket shows, from what the parts of the node hold. Pure. */
import { nativeVpcName } from "@heddle/api";
import type { PathAttributes } from "@heddle/bgp";
import { containsIp, formatIp, formatPrefix, sizeOf } from "@heddle/inet";
import type { PeerStatus, Route } from "@heddle/speaker";
import { heldBy } from "../journal/allocation.ts";
import type { JournalState } from "../journal/journal.ts";
import type { AllocationView, BlockView, PeerView, RouteView } from "./admin-api.ts";

export function peerViewOf(node: string, peer: PeerStatus): PeerView {
  let received = 0;
  let accepted = 0;
  let advertised = 0;
  let stale = 0;
  for (const counts of peer.counts.values()) {
    received += counts.received;
    accepted += counts.accepted;
    advertised += counts.advertised;
    stale += counts.stale;
  }
  return {
    node,
    address: formatIp(peer.address),
    asn: peer.asn,
    kind: peer.kind,
    state: peer.state,
    uptimeMs: peer.uptimeMs,
    establishedCount: peer.establishedCount,
    families: peer.families,
    bfd: peer.bfd === undefined ? null : peer.bfd,
    holdTimeMs: peer.holdTimeMs,
    received,
    accepted,
    advertised,
    stale,
    gracefulRestart: peer.gracefulRestart.negotiated,
    lastError: peer.lastError === undefined ? null : peer.lastError.message,
    lastErrorAt: peer.lastError === undefined ? null : formatTime(peer.lastError.atWallMs),
  };
}

export function routeViewOf(node: string, route: Route): RouteView {
  const { attributes } = route;
  return {
    node,
    prefix: formatPrefix(route.prefix),
    peer: route.from === undefined ? "local" : formatIp(route.from),
    nextHop: route.from === undefined ? "-" : formatIp(attributes.nextHop),
    asPath: formatAsPath(attributes.asPath),
    localPref: attributes.localPref === undefined ? null : attributes.localPref,
    med: attributes.med === undefined ? null : attributes.med,
    communities: attributes.communities.map((value) => `${value >>> 16}:${value & 0xffff}`),
    best: route.best,
    multipath: route.multipath,
    stale: route.stale,
    ineligible: route.ineligible === undefined ? null : route.ineligible,
  };
}

/** Sets in braces, confederation segments in parentheses, as routers show them. */
function formatAsPath(segments: PathAttributes["asPath"]): string {
  const texts = segments.map(({ type, asns }) => {
    if (type === "set") return `{${asns.join(",")}}`;
    return type === "sequence" ? asns.join(" ") : `(${asns.join(" ")})`;
  });
  return texts.join(" ");
}

/** Blocks in the order of their addresses, with the addresses that pods have. */
export function blockViewsOf(node: string, { blocks, allocations }: JournalState): BlockView[] {
  const used = [...allocations.values()].flatMap(heldBy);
  return [...blocks.values()]
    .map(({ prefix, pool, subnet, vpc, vrf }) => ({
      node,
      cidr: formatPrefix(prefix),
      pool,
      subnet,
      vpc,
      size: Number(sizeOf(prefix)),
      used: used.filter((held) => held.vrf === vrf && containsIp(prefix, held.ip)).length,
    }))
    .sort((a, b) => compare(a.cidr, b.cidr) || compare(a.vpc, b.vpc));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** One row per address, infrastructure addresses after the others. */
export function allocationViewsOf(node: string, { allocations }: JournalState): AllocationView[] {
  return [...allocations.values()].flatMap((allocation) =>
    heldBy(allocation).map(({ vrf, ip }) => ({
      node,
      address: formatIp(ip),
      vpc: vrf === allocation.vrf ? allocation.vpc : nativeVpcName,
      namespace: allocation.namespace,
      pod: allocation.pod,
      containerId: allocation.containerId,
      ifname: allocation.ifname,
      since: formatTime(allocation.sinceMs),
      claim: allocation.claim === undefined ? null : allocation.claim,
    })),
  );
}

function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
