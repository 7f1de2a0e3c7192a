/**
 * The paths of the admin socket; their types are in `@heddle/node` (admin-api), those of BGP in
 * `@heddle/admin`.
 */
import process from "node:process";
import {
  AdminRequestError,
  type AdminRoute,
  type BgpAdmin,
  bgpActions,
  bgpRoutes,
} from "@heddle/admin";
import { CniError } from "@heddle/cni";
import {
  type AgentStatus,
  allocationViewsOf,
  blockViewsOf,
  type VrfRoutesView,
  vrfRoutesViewOf,
  vrfViewsOf,
} from "@heddle/node";
import type { AgentParts } from "./parts.ts";
import { version } from "./version.ts";

export function adminRoutes(parts: AgentParts): Readonly<Record<string, AdminRoute>> {
  const { config, node } = parts;
  return {
    "/v1/status": () => statusOf(parts),
    ...bgpRoutes(bgpOf(parts)),
    "/v1/bgp/vrfs": () => vrfViewsOf(config.node, parts.vpn.vrfs()),
    "/v1/bgp/vrfs/routes": (query) => vrfRoutesOf(parts, query),
    "/v1/ipam/blocks": () => blockViewsOf(config.node, node.state),
    "/v1/ipam/allocations": () => allocationViewsOf(config.node, node.state),
    "/v1/drops": () => parts.dataplane.drops(),
  };
}

/** What changes something: by POST. */
export function adminActions(parts: AgentParts): Readonly<Record<string, AdminRoute>> {
  return bgpActions(bgpOf(parts));
}

function bgpOf({ config, speaker }: AgentParts): BgpAdmin {
  return { node: config.node, speaker: () => speaker.speaker };
}

const vrfRouteCountMax = 20_000;

/** @throws AdminRequestError */
function vrfRoutesOf({ config, vpn }: AgentParts, query: URLSearchParams): VrfRoutesView {
  const name = query.get("vrf");
  if (name === null) throw new AdminRequestError("want vrf, the name of a VPC");
  const found = vpn.vrfs().find(({ vrf }) => vrf.name === name);
  if (found === undefined) {
    throw new AdminRequestError(`no addresses of VPC ${name} on node ${config.node}`, 404);
  }
  return vrfRoutesViewOf(config.node, found, vrfRouteCountMax);
}

async function statusOf(parts: AgentParts): Promise<AgentStatus> {
  const { config, cache, speaker, attachment, node } = parts;
  const peers = speaker.peers();
  const drops = await parts.dataplane.drops();
  return {
    node: config.node,
    version,
    pid: process.pid,
    startedAt: new Date(parts.startedAtMs).toISOString(),
    apiServer: {
      url: parts.server,
      synced: cache.isSynced(),
      lastError: cache.lastError === undefined ? null : cache.lastError.message,
    },
    dataplane: {
      uplinks: attachment.plan.uplinks,
      podCount: node.state.allocations.size,
      drops: drops
        .filter(({ packets }) => packets > 0n)
        .map(({ reason, packets }) => ({ reason, packets: packets.toString() })),
    },
    bgp: {
      asn: attachment.plan.bgp === undefined ? null : attachment.plan.bgp.asn,
      established: peers.filter((peer) => peer.state === "Established").length,
      peers: peers.length,
    },
    cniProblems: await cniProblemsOf(parts),
    problems: [...attachment.problems],
  };
}

/** What CNI STATUS would answer. */
async function cniProblemsOf({ node }: AgentParts): Promise<string[]> {
  try {
    await node.network.status();
    return [];
  } catch (error) {
    if (error instanceof CniError) return [error.message];
    throw error;
  }
}
