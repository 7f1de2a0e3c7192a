/**
 * Which routes of a peer outlive its session (RFC 4724 4.2, RFC 8538 4, RFC 5882 4.3), and which of
 * our own the peer shall drop.
 */
import type { NotificationCause } from "../errors.ts";
import type { AddressFamily } from "../packet/address-family.ts";
import { hardReset, isHardReset } from "../packet/notification.ts";
import type { SessionEvent } from "./events.ts";
import type { Negotiated, PeerGracefulRestart } from "./negotiate.ts";

/**
 * The families whose routes become stale instead of going, when `event` ends an Established
 * session.
 */
export function retainedFamilies(
  negotiated: Negotiated,
  event: SessionEvent,
): readonly AddressFamily[] {
  const graceful = negotiated.peerGracefulRestart;
  return graceful !== undefined && keepsRoutes(graceful, event) ? graceful.families : [];
}

function keepsRoutes(graceful: PeerGracefulRestart, event: SessionEvent): boolean {
  switch (event.kind) {
    case "TcpConnectionFails":
    case "TcpConnectionConfirmed":
      return true;
    case "NotifMsg":
      return graceful.notification && !isHardReset(event.cause);
    case "HoldTimer_Expires":
    case "SendHoldTimer_Expires":
      return graceful.notification;
    // BfdDown is a failure of the path itself, and everything else is our own decision or the
    // peer's fault.
    default:
      return false;
  }
}

/**
 * The NOTIFICATION to send so that the peer does with our routes what `event` means: it must drop
 * them when we stop for good or the path failed (RFC 8538 3.1).
 */
export function notificationFor(
  negotiated: Negotiated | undefined,
  event: SessionEvent,
  cause: NotificationCause,
): NotificationCause {
  const bothKeep = negotiated?.peerGracefulRestart?.notification === true;
  const final = event.kind === "ManualStop" || event.kind === "BfdDown";
  return bothKeep && final ? hardReset(cause) : cause;
}
