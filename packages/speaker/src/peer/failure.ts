/** Why a session or an attempt ended, for people and for the status. */
import {
  ceaseSubcodes,
  errorCodes,
  formatNotification,
  type NotificationCause,
  type SessionEvent,
} from "@heddle/bgp";
import type { PeerFailure } from "../status.ts";

const noData = new Uint8Array(0);

export function cease(subcode: number): NotificationCause {
  return { code: errorCodes.cease, subcode, data: noData };
}

/** Ends that are no failure: a parked session and the loser of a collision. */
export function isQuiet(event: SessionEvent): boolean {
  return event.kind === "ManualStop" || event.kind === "OpenCollisionDump";
}

/** Undefined for what is not worth telling; `sent` is the NOTIFICATION sent on the way, if any. */
export function failureOf(
  event: SessionEvent,
  sent: NotificationCause | undefined,
  atWallMs: number,
): PeerFailure | undefined {
  if (event.kind === "NotifMsg" || event.kind === "NotifMsgVerErr") {
    const { code, subcode } = event.cause;
    const message = `received ${formatNotification(event.cause)}`;
    return { direction: "received", message, code, subcode, atWallMs };
  }
  const own = ownReasonOf(event);
  if (sent === undefined) {
    return own === undefined ? undefined : { direction: "local", message: own, atWallMs };
  }
  const { code, subcode } = sent;
  const told = `sent ${formatNotification(sent)}`;
  const message = own === undefined ? told : `${own}; ${told}`;
  return { direction: "sent", message, code, subcode, atWallMs };
}

function ownReasonOf(event: SessionEvent): string | undefined {
  if ("message" in event) return event.message;
  if (event.kind === "BfdDown") return "BFD session down";
  if (event.kind === "SendHoldTimer_Expires") return "the peer takes nothing of what we send";
  return undefined;
}

/** The peer is over its prefix limit. */
export function isPrefixLimit(event: SessionEvent): boolean {
  return (
    event.kind === "AutomaticStop" &&
    event.cause.code === errorCodes.cease &&
    event.cause.subcode === ceaseSubcodes.maxPrefixes
  );
}
