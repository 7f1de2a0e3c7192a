/**
 * Events of the session state machine (RFC 4271 8.1), under their RFC names. Left out, because the
 * options they belong to are not offered: DelayOpen (12, 20), and the separate DampPeerOscillations
 * starts (6, 7), as every automatic restart is damped here. TCP validity (14, 15) is decided before
 * an event is made.
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
  | { readonly kind: "AutomaticStop"; readonly cause: NotificationCause }
  | { readonly kind: "ConnectRetryTimer_Expires" }
  | { readonly kind: "HoldTimer_Expires" }
  | { readonly kind: "KeepaliveTimer_Expires" }
  | { readonly kind: "IdleHoldTimer_Expires" }
  | { readonly kind: "Tcp_CR_Acked" }
  | { readonly kind: "TcpConnectionConfirmed" }
  | { readonly kind: "TcpConnectionFails"; readonly message: string }
  | { readonly kind: "BGPOpen"; readonly negotiated: Negotiated }
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
  "AutomaticStop",
  "ConnectRetryTimer_Expires",
  "HoldTimer_Expires",
  "KeepaliveTimer_Expires",
  "IdleHoldTimer_Expires",
  "Tcp_CR_Acked",
  "TcpConnectionConfirmed",
  "TcpConnectionFails",
  "BGPOpen",
  "BGPHeaderErr",
  "BGPOpenMsgErr",
  "OpenCollisionDump",
  "NotifMsgVerErr",
  "NotifMsg",
  "KeepAliveMsg",
  "UpdateMsg",
  "UpdateMsgErr",
  "RouteRefreshMsg",
  "BfdDown",
  "SendHoldTimer_Expires",
];
