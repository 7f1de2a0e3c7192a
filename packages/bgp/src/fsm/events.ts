/**
 * Events of the session state machine (RFC 4271 8.1), under their RFC names. TCP validity (14, 15)
 * is decided before an event is made.
 */
import type { NotificationCause } from "../errors.ts";
import type { Negotiated } from "./negotiate.ts";

export type SessionEvent =
  | { readonly kind: "ManualStart" }
  /** `silent`: no NOTIFICATION, so that the peer keeps our routes (RFC 4724 4.1). */
  | { readonly kind: "ManualStop"; readonly cause: NotificationCause; readonly silent: boolean }
  | { readonly kind: "AutomaticStart" }
  | { readonly kind: "ManualStart_with_PassiveTcpEstablishment" }
  | { readonly kind: "AutomaticStart_with_PassiveTcpEstablishment" }
  /** Idle is left when the back-off is over (DampPeerOscillations). */
  | { readonly kind: "AutomaticStart_with_DampPeerOscillations" }
  | {
      readonly kind: "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment";
    }
  | { readonly kind: "AutomaticStop"; readonly cause: NotificationCause }
  | { readonly kind: "ConnectRetryTimer_Expires" }
  | { readonly kind: "HoldTimer_Expires" }
  | { readonly kind: "KeepaliveTimer_Expires" }
  | { readonly kind: "DelayOpenTimer_Expires" }
  | { readonly kind: "IdleHoldTimer_Expires" }
  | { readonly kind: "Tcp_CR_Acked" }
  | { readonly kind: "TcpConnectionConfirmed" }
  /** `delaysOpen`: while the DelayOpenTimer was running; absent: it was not. */
  | {
      readonly kind: "TcpConnectionFails";
      readonly message: string;
      readonly delaysOpen?: boolean;
    }
  /** `awaitsBfd`: both sides want BFD to be Up first, and it is not. */
  | { readonly kind: "BGPOpen"; readonly negotiated: Negotiated; readonly awaitsBfd: boolean }
  | {
      readonly kind: "BGPOpen_with_DelayOpenTimer_running";
      readonly negotiated: Negotiated;
      readonly awaitsBfd: boolean;
    }
  | { readonly kind: "BGPHeaderErr"; readonly cause: NotificationCause; readonly message: string }
  | { readonly kind: "BGPOpenMsgErr"; readonly cause: NotificationCause; readonly message: string }
  | { readonly kind: "OpenCollisionDump" }
  /** A NOTIFICATION about the version; as NotifMsg but not damped. */
  | { readonly kind: "NotifMsgVerErr"; readonly cause: NotificationCause }
  | { readonly kind: "NotifMsg"; readonly cause: NotificationCause }
  | { readonly kind: "KeepAliveMsg" }
  | { readonly kind: "UpdateMsg" }
  | { readonly kind: "UpdateMsgErr"; readonly cause: NotificationCause; readonly message: string }
  /** RFC 2918. */
  | { readonly kind: "RouteRefreshMsg" }
  /** RFC 7313 5. */
  | {
      readonly kind: "RouteRefreshMsgErr";
      readonly cause: NotificationCause;
      readonly message: string;
    }
  /** The path to the peer works; heard only where it is waited for. */
  | { readonly kind: "BfdUp" }
  /** RFC 5882 4.3: the path to the peer failed. */
  | { readonly kind: "BfdDown" }
  /** RFC 9687: the peer has not taken what we send for too long. */
  | { readonly kind: "SendHoldTimer_Expires" };

export type SessionEventKind = SessionEvent["kind"];

export const sessionEventKinds: readonly SessionEventKind[] = [
  "ManualStart",
  "ManualStop",
  "AutomaticStart",
  "ManualStart_with_PassiveTcpEstablishment",
  "AutomaticStart_with_PassiveTcpEstablishment",
  "AutomaticStart_with_DampPeerOscillations",
  "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment",
  "AutomaticStop",
  "ConnectRetryTimer_Expires",
  "HoldTimer_Expires",
  "KeepaliveTimer_Expires",
  "DelayOpenTimer_Expires",
  "IdleHoldTimer_Expires",
  "Tcp_CR_Acked",
  "TcpConnectionConfirmed",
  "TcpConnectionFails",
  "BGPOpen",
  "BGPOpen_with_DelayOpenTimer_running",
  "BGPHeaderErr",
  "BGPOpenMsgErr",
  "OpenCollisionDump",
  "NotifMsgVerErr",
  "NotifMsg",
  "KeepAliveMsg",
  "UpdateMsg",
  "UpdateMsgErr",
  "RouteRefreshMsg",
  "RouteRefreshMsgErr",
  "BfdUp",
  "BfdDown",
  "SendHoldTimer_Expires",
];
