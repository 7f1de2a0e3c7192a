/** What a transition asks its runner to do, as data, performed in the order listed. */
export type SessionEffect =
  /** ConnectRetryCounter = 0. */
  | "resetConnectRetryCounter"
  /** ConnectRetryCounter += 1. */
  | "countConnectRetry"
  /** (Re)starts with ConnectRetryTime, jittered (RFC 4271 10). */
  | "startConnectRetryTimer"
  | "stopConnectRetryTimer"
  /** (Re)starts with the configured DelayOpenTime. */
  | "startDelayOpenTimer"
  | "stopDelayOpenTimer"
  /** Begins a TCP connection to the peer. */
  | "connect"
  /** Closes the TCP connection if there is one; what was sent is still delivered. */
  | "dropConnection"
  | "sendOpen"
  | "sendKeepalive"
  /** See `notificationOf`. */
  | "sendNotification"
  /** While waiting for an OPEN: RFC 4271 8.2.2 suggests 4 minutes. */
  | "startLargeHoldTimer"
  /**
   * While waiting for BFD: the negotiated hold time, or where that is 0, BfdHoldTime
   * (draft-ietf-idr-bgp-bfd-strict-mode 3).
   */
  | "startBfdHoldTimer"
  /** (Re)starts with the negotiated hold time; none when that is 0. */
  | "startHoldTimer"
  /** (Re)starts with the keepalive time, jittered; none when the hold time is 0. */
  | "startKeepaliveTimer"
  /** Stops the hold, keepalive and send hold timers. */
  | "stopSessionTimers"
  /** (Re)starts the back-off before the next attempt (DampPeerOscillations). */
  | "startIdleHoldTimer"
  | "stopIdleHoldTimer"
  /** The session is Established: the peer is owed the table. */
  | "sessionUp"
  /** The session was Established: its routes go or become stale (`retainedFamilies`). */
  | "sessionDown"
  /** Hands the UPDATE to the RIB. */
  | "deliverUpdate"
  | "deliverRouteRefresh";
