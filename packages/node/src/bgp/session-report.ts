/**
 * The node's entry in `status.sessions` of a BGPPeer, from what the speaker knows. Pure.
 */
import type { BGPPeer, BGPPeerSession } from "@heddle/api";
import type { AddressFamily, RibPeerCounts } from "@heddle/bgp";
import { formatTime } from "@heddle/kube";
import type { PeerStatus } from "@heddle/speaker";

/** What of a peer's status is told. */
export interface ReportedPeer
  extends Pick<PeerStatus, "address" | "state" | "reason" | "uptimeMs" | "lastError" | "lastLoss"> {
  readonly counts: ReadonlyMap<
    AddressFamily,
    Pick<RibPeerCounts, "received" | "accepted" | "advertised">
  >;
}

/** Of `lastError` in the schema. */
const errorLengthMax = 1024;

/** A peer that the speaker was never told of. */
export function withoutSession(reason: string): Omit<ReportedPeer, "address"> {
  const none = { lastError: undefined, lastLoss: undefined };
  return { state: "Idle", reason, uptimeMs: 0, counts: new Map(), ...none };
}

export function sessionOf(
  node: string,
  peer: Omit<ReportedPeer, "address">,
  sinceWallMs: number,
): BGPPeerSession {
  const sums = { received: 0, accepted: 0, advertised: 0 };
  for (const { received, accepted, advertised } of peer.counts.values()) {
    sums.received += received;
    sums.accepted += accepted;
    sums.advertised += advertised;
  }
  const error = errorOf(peer);
  return {
    node,
    state: peer.state,
    since: formatTime(sinceWallMs),
    ...(error === undefined ? {} : { lastError: error.slice(0, errorLengthMax) }),
    receivedPrefixCount: sums.received,
    acceptedPrefixCount: sums.accepted,
    advertisedPrefixCount: sums.advertised,
  };
}

/**
 * Why there is no session, or why the last one ended. What the last attempt failed of stays the
 * same from attempt to attempt; what is being done about it does not.
 */
function errorOf({
  state,
  reason,
  lastError,
  lastLoss,
}: Omit<ReportedPeer, "address">): string | undefined {
  if (state === "Established") return lastLoss?.message;
  const failed = lastError?.message;
  const isThat = failed !== undefined && (reason === undefined || reason.includes(failed));
  return isThat ? failed : reason;
}

/**
 * Whether somebody waits for the difference: a session that is up or is not, or another reason.
 * States on the way and counts change all the time.
 */
export function isNews(next: BGPPeerSession, told: BGPPeerSession): boolean {
  const isUp = ({ state }: BGPPeerSession): boolean => state === "Established";
  return isUp(next) !== isUp(told) || next.lastError !== told.lastError;
}

/** The peer with `session` as the entry of `node`, or with none. */
export function withSession(
  peer: BGPPeer,
  node: string,
  session: BGPPeerSession | undefined,
): BGPPeer {
  const { sessions = [], ...status } = peer.status ?? { conditions: [] };
  const others = sessions.filter((each) => each.node !== node);
  const next = session === undefined ? others : [...others, session];
  return { ...peer, status: { ...status, sessions: next } };
}
