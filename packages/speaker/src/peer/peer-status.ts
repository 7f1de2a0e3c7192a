/** The status of a peer from what its parts know. Pure. */
import type {
  AddressFamily,
  DiscardCounts,
  Negotiated,
  RibPeerCounts,
  SessionState,
  SessionStateKind,
} from "@heddle/bgp";
import type { BfdState } from "../bfd/packet.ts";
import { defaultHoldTimeMs, type PeerConfig } from "../config.ts";
import type { CapabilityStatus, PeerFailure, PeerStatus } from "../status.ts";
import type { IdleHold } from "./idle-hold.ts";
import type { MessageCounters } from "./message-counters.ts";
import { isLinkLocal } from "./peer-key.ts";
import type { RouteRefreshes } from "./route-refreshes.ts";
import type { Session } from "./session.ts";
import type { StaleRoutes } from "./stale-routes.ts";

export interface PeerFacts {
  readonly config: PeerConfig;
  readonly dynamic: string | undefined;
  readonly state: SessionState;
  readonly certificateName: string | undefined;
  /** The Established one. */
  readonly session: Session | undefined;
  readonly retryCount: number;
  readonly establishedForMs: number;
  readonly establishedCount: number;
  readonly counts: (family: AddressFamily) => RibPeerCounts;
  readonly counters: MessageCounters;
  readonly idleHold: IdleHold;
  /** The operator's, while the peer is shut down. */
  readonly shutdownText: string | undefined;
  readonly lastError: PeerFailure | undefined;
  readonly lastLoss: PeerFailure | undefined;
  readonly bfd: BfdState | undefined;
  readonly stale: StaleRoutes;
  readonly discards: DiscardCounts;
  readonly refreshes: RouteRefreshes;
  readonly warned: readonly AddressFamily[];
  readonly slowSinceMs: number | undefined;
  readonly nowMs: number;
}

export function peerStatusOf(facts: PeerFacts): PeerStatus {
  const { config, state, session, counters, stale, slowSinceMs } = facts;
  const negotiated = "negotiated" in state ? state.negotiated : undefined;
  const { holdTimeMs } = negotiated ?? { holdTimeMs: config.holdTimeMs ?? defaultHoldTimeMs };
  const thirdMs = holdTimeMs / 3;
  const isUp = session !== undefined && negotiated !== undefined;
  return {
    address: config.address,
    ifindex: isLinkLocal(config.address) ? config.ifindex : undefined,
    asn: negotiated?.peerAsn ?? config.asn,
    kind: config.kind,
    dynamic: facts.dynamic,
    certificateName: facts.certificateName,
    state: state.kind,
    reason: isUp ? undefined : reasonOf(facts),
    uptimeMs: facts.establishedForMs,
    establishedCount: facts.establishedCount,
    families: isUp ? negotiated.families : [],
    routerId: negotiated?.peerRouterId,
    counts: new Map(config.families.map((family) => [family, facts.counts(family)])),
    discards: facts.discards,
    unansweredRefreshes: facts.refreshes.unanswered,
    prefixWarnings: facts.warned,
    holdTimeMs,
    keepaliveMs: Math.min(thirdMs, config.keepaliveMs ?? thirdMs),
    sendQueueLength: session?.connection?.queuedLength ?? 0,
    slowForMs: slowSinceMs === undefined ? undefined : facts.nowMs - slowSinceMs,
    messages: { received: counters.receivedCounts, sent: counters.sentCounts },
    connectRetryCounter: facts.retryCount,
    failureCount: facts.idleHold.failureCount,
    lastError: facts.lastError,
    lastLoss: facts.lastLoss,
    bfd: facts.bfd,
    gracefulRestart: {
      negotiated: negotiated?.peerGracefulRestart !== undefined,
      staleFamilies: stale.families,
      longLivedFamilies: stale.longLivedFamilies,
    },
    capabilities: isUp ? capabilitiesOf(negotiated, facts.refreshes.families) : undefined,
  };
}

function capabilitiesOf(
  negotiated: Negotiated,
  refreshing: readonly AddressFamily[],
): CapabilityStatus {
  const { peerGracefulRestart } = negotiated;
  const longLived = peerGracefulRestart === undefined ? [] : peerGracefulRestart.longLived;
  return {
    fourOctetAs: negotiated.fourOctetAs,
    extendedMessage: negotiated.extendedMessage,
    routeRefresh: negotiated.routeRefresh,
    enhancedRouteRefresh: negotiated.enhancedRouteRefresh,
    addPathReceive: negotiated.addPathReceive,
    addPathSend: negotiated.addPathSend,
    extendedNextHop: negotiated.extendedNextHop,
    longLived: longLived.map(({ family }) => family),
    bfdStrict: negotiated.bfdStrict,
    peerRole: negotiated.peerRole,
    peerHostname: negotiated.peerHostname,
    refreshing,
  };
}

const doing: Readonly<Record<SessionStateKind, string>> = {
  Idle: "waits before the next attempt",
  Connect: "connecting",
  Active: "waits for a connection",
  OpenSent: "waits for the peer's OPEN",
  OpenConfirm: "waits for the peer's KEEPALIVE",
  Established: "the session is being torn down",
};

/**
 * A wrong TCP-MD5 password looks like a peer that does not answer: the kernel drops what is not
 * signed as it should be, and nobody is told.
 */
const unanswered = "; no answer to our SYN: the peer is away, filtered, or has another password";

function reasonOf(facts: PeerFacts): string {
  const { config, state, idleHold, shutdownText } = facts;
  if (shutdownText !== undefined) {
    const text = shutdownText === "" ? "" : `: ${shutdownText}`;
    return `shut down by the operator${text}`;
  }
  if (config.heldDown !== undefined) return config.heldDown;
  const why = failuresOf(facts);
  if (idleHold.isHeldForGood) return `waits to be enabled${why}`;
  if (state.kind === "OpenConfirm" && state.bfd !== "ready") return `waits for BFD to be Up${why}`;
  const hint = state.kind === "Connect" && config.md5 !== undefined && why === "" ? unanswered : "";
  return `${doing[state.kind]}${why}${hint}`;
}

/** What the peer's operator wrote when the session ended outlasts the attempts that fail since. */
function failuresOf({ lastError, lastLoss }: PeerFacts): string {
  if (lastError === undefined) return "";
  const before =
    lastLoss === undefined || lastLoss === lastError
      ? ""
      : `; the last session ended: ${lastLoss.message}`;
  return `; last: ${lastError.message}${before}`;
}
