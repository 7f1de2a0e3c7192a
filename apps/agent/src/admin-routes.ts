/** The paths of the admin socket; their types are in `@heddle/node` (admin-api). */
import process from "node:process";
import { CniError } from "@heddle/cni";
import { ParseError, type Prefix, parsePrefix } from "@heddle/inet";
import {
  type AgentStatus,
  allocationViewsOf,
  blockViewsOf,
  peerViewOf,
  type RouteView,
  routeViewOf,
} from "@heddle/node";
import type { RoutesFilter } from "@heddle/speaker";
import { AdminRequestError, type AdminRoute } from "./admin-server.ts";
import { type AgentParts, version } from "./parts.ts";

/** Most rows of one answer. */
const routesMax = 100_000;

export function adminRoutes(parts: AgentParts): Readonly<Record<string, AdminRoute>> {
  const { config, speaker, node } = parts;
  return {
    "/v1/status": () => statusOf(parts),
    "/v1/bgp/peers": () => speaker.peers().map((peer) => peerViewOf(config.node, peer)),
    "/v1/bgp/routes": (query) => routesOf(parts, query),
    "/v1/ipam/blocks": () => blockViewsOf(config.node, node.state),
    "/v1/ipam/allocations": () => allocationViewsOf(config.node, node.state),
    "/v1/drops": () => parts.dataplane.drops(),
  };
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

/** @throws AdminRequestError */
function routesOf({ config, speaker }: AgentParts, query: URLSearchParams): RouteView[] {
  const family = query.get("family");
  const within = query.get("within");
  const filter: RoutesFilter = {
    ...(family === null ? {} : { family: familyOf(family) }),
    ...(within === null ? {} : { within: prefixOf(within) }),
    ...(query.get("best") === "true" ? { bestOnly: true } : {}),
  };
  const rows: RouteView[] = [];
  for (const route of speaker.routes(filter)) {
    if (rows.length === routesMax) {
      throw new AdminRequestError(`more than ${routesMax} routes, want a narrower query (within)`);
    }
    rows.push(routeViewOf(config.node, route));
  }
  return rows;
}

function familyOf(text: string): NonNullable<RoutesFilter["family"]> {
  if (text === "ipv4") return "ipv4-unicast";
  if (text === "ipv6") return "ipv6-unicast";
  throw new AdminRequestError(`family ${JSON.stringify(text)}, want ipv4 or ipv6`);
}

function prefixOf(text: string): Prefix {
  try {
    return parsePrefix(text);
  } catch (error) {
    if (error instanceof ParseError) throw new AdminRequestError(error.message);
    throw error;
  }
}
