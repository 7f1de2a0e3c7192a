/** The paths of the admin socket; those of BGP are in `@heddle/admin`. */
import process from "node:process";
import { type AdminRoute, type BgpAdmin, bgpActions, bgpRoutes } from "@heddle/admin";
import { type Owners, type RouteServerParts, version } from "./parts.ts";

/** `/v1/status` */
export interface RouteServerStatus {
  readonly node: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  /** Null without agents: then nobody is asked who owns what. */
  readonly apiServer: {
    readonly url: string;
    /** All owners have been listed. */
    readonly synced: boolean;
    readonly lastError: string | null;
  } | null;
  /** Blocks and addresses that nodes own. */
  readonly ownedCount: number;
  readonly bgp: {
    readonly asn: number;
    readonly established: number;
    readonly peers: number;
    /** False while it waits for its peers' tables after a restart. */
    readonly converged: boolean;
  };
}

export function adminRoutes(parts: RouteServerParts): Readonly<Record<string, AdminRoute>> {
  return { "/v1/status": () => statusOf(parts), ...bgpRoutes(bgpOf(parts)) };
}

/** What changes something: by POST. */
export function adminActions(parts: RouteServerParts): Readonly<Record<string, AdminRoute>> {
  return bgpActions(bgpOf(parts));
}

function bgpOf({ config, speaker }: RouteServerParts): BgpAdmin {
  return { node: config.name, speaker: () => speaker };
}

function statusOf(parts: RouteServerParts): RouteServerStatus {
  const { config, startedAtMs, speaker, owners } = parts;
  const peers = speaker.peers();
  return {
    node: config.name,
    version,
    pid: process.pid,
    startedAt: new Date(startedAtMs).toISOString(),
    apiServer: owners === undefined ? null : apiServerOf(owners),
    ownedCount: owners === undefined ? 0 : owners.ownership.entryCount,
    bgp: {
      asn: config.asn,
      established: peers.filter(({ state }) => state === "Established").length,
      peers: peers.length,
      converged: speaker.isConverged,
    },
  };
}

function apiServerOf({ server, ownership }: Owners): RouteServerStatus["apiServer"] {
  const { isSynced, lastError } = ownership;
  return {
    url: server,
    synced: isSynced,
    lastError: lastError === undefined ? null : lastError.message,
  };
}
