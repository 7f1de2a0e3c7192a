/**
 * Which routes of a peer outlive its session (RFC 4724 4.2, RFC 8538 4, RFC 5882 4.3), and which of
 * our own the peer shall drop.
 */
import type { NotificationCause } from "../errors.ts";
import type { AddressFamily } from "../packet/address-family.ts";
import { ceaseSubcodes, errorCodes } from "../packet/iana.ts";
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
  return graceful !== undefined && keepsRoutes(graceful, event) ? keptFamilies(graceful) : [];
}

/** Families whose routes are kept when the session ends, for whichever of the two times. */
function keptFamilies({ families, longLived }: PeerGracefulRestart): readonly AddressFamily[] {
  const lasting = longLived.filter(({ staleTimeMs }) => staleTimeMs > 0);
  return [...new Set([...families, ...lasting.map(({ family }) => family)])];
}

/** RFC 4724 5: the peer may be back before its old session is known to be gone. */
export function mayHaveRestarted({ peerGracefulRestart }: Negotiated): boolean {
  return peerGracefulRestart !== undefined && keptFamilies(peerGracefulRestart).length > 0;
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
 * Reasons for which the peer must drop our routes (RFC 8538 5.1): we stop for good, or for longer
 * than it could wait, or the path failed. After a reset by an operator, RFC 8538 leaves it open.
 */
const finalSubcodes: ReadonlySet<number> = new Set([
  ceaseSubcodes.maxPrefixes,
  ceaseSubcodes.administrativeShutdown,
  ceaseSubcodes.peerDeconfigured,
  ceaseSubcodes.administrativeReset,
  ceaseSubcodes.bfdDown,
]);

/** The NOTIFICATION to send so that the peer does with our routes what `cause` means (RFC 8538 3). */
export function notificationFor(
  negotiated: Negotiated | undefined,
  cause: NotificationCause,
): NotificationCause {
  const bothKeep = negotiated?.peerGracefulRestart?.notification === true;
  const isFinal = cause.code === errorCodes.cease && finalSubcodes.has(cause.subcode);
  return bothKeep && isFinal ? hardReset(cause) : cause;
}
