/**
 * The session state machine (RFC 4271 8.2.2) as a table: every event in every state has a cell, and
 * a cell lists transitions of which the first whose guard holds is taken; the last has no guard.
 *
 * One machine runs per connection: a peer has one that initiates and one that accepts (passive),
 * and RFC 4271 6.8 decides between them when both learn who the peer is. So "a second connection"
 * is no event of a machine.
 *
 * Where this differs from the text, on purpose:
 * - Events 9 to 28 that the text answers with a Finite State Machine Error though they bear an
 *   error of their own (BGPHeaderErr, BGPOpenMsgErr in Established) send that error.
 * - A NOTIFICATION is never answered with one, also not in OpenSent.
 * - A failed attempt to connect is damped like every other failure: the counter grows and Idle is
 *   left by the timer.
 * - UPDATEs do not restart the KeepaliveTimer: KEEPALIVEs come at their pace also between them.
 * - The passive machine never initiates, so it runs no ConnectRetryTimer.
 */
import type { SessionEffect } from "./effects.ts";
import type { SessionEvent, SessionEventKind } from "./events.ts";
import { mayHaveRestarted } from "./retention.ts";
import type { BfdWait, SessionState, SessionStateKind } from "./state.ts";

/** What a guard may look at. */
export interface GuardInput {
  readonly state: SessionState;
  readonly event: SessionEvent;
  readonly options: SessionOptions;
}

/** Optional session attributes (RFC 4271 8.1.1) that the table looks at. */
export interface SessionOptions {
  /** PassiveTcpEstablishment: the machine accepts connections and never initiates. */
  readonly passive: boolean;
  /** DelayOpen: the OPEN is held back for DelayOpenTime, or until the peer's comes. */
  readonly delayOpen: boolean;
}

export interface Transition {
  /** Absent: always. */
  readonly guard?: (input: GuardInput) => boolean;
  readonly next: SessionStateKind;
  /** Of the OpenConfirm that is entered; absent: `ready`, or as before when the state stays. */
  readonly bfd?: BfdWait;
  readonly effects: readonly SessionEffect[];
}

export type Cell = readonly Transition[];
export type SessionTable = Readonly<
  Record<SessionStateKind, Readonly<Record<SessionEventKind, Cell>>>
>;

/** The machine accepts connections. */
export function isPassive({ options }: GuardInput): boolean {
  return options.passive;
}

export function delaysOpen({ options }: GuardInput): boolean {
  return options.delayOpen;
}

/** The connection was there, and our OPEN was held back. */
export function wasDelayingOpen({ event }: GuardInput): boolean {
  return event.kind === "TcpConnectionFails" && event.delaysOpen === true;
}

/** The peer's OPEN was accepted, and BFD has to come Up before our KEEPALIVE. */
export function openAwaitsBfd({ event }: GuardInput): boolean {
  return "awaitsBfd" in event && event.awaitsBfd;
}

/** Our KEEPALIVE waits for BFD. */
export function awaitsBfd({ state }: GuardInput): boolean {
  return state.kind === "OpenConfirm" && state.bfd !== "ready";
}

/** The peer's KEEPALIVE has come while ours waited for BFD. */
export function heardWhileAwaiting({ state }: GuardInput): boolean {
  return state.kind === "OpenConfirm" && state.bfd === "awaited-alive";
}

/** The peer is to keep our routes: close without a NOTIFICATION. */
export function isSilentStop({ event }: GuardInput): boolean {
  return event.kind === "ManualStop" && event.silent;
}

/** RFC 4724 5: a new connection of a peer that announced graceful restart replaces the old one. */
export function peerMayHaveRestarted({ state }: GuardInput): boolean {
  return state.kind === "Established" && mayHaveRestarted(state.negotiated);
}

function go(next: SessionStateKind, ...effects: SessionEffect[]): Cell {
  return [{ next, effects }];
}

function stay(state: SessionStateKind, ...effects: SessionEffect[]): Cell {
  return [{ next: state, effects }];
}

const toConnect: readonly SessionEffect[] = ["startConnectRetryTimer", "connect"];

const startIdle: Cell = go(
  "Connect",
  "stopIdleHoldTimer",
  "resetConnectRetryCounter",
  ...toConnect,
);
const startIdlePassive: Cell = go("Active", "stopIdleHoldTimer", "resetConnectRetryCounter");

const idle: Record<SessionEventKind, Cell> = {
  ManualStart: startIdle,
  ManualStop: stay("Idle", "stopIdleHoldTimer"),
  AutomaticStart: startIdle,
  ManualStart_with_PassiveTcpEstablishment: startIdlePassive,
  AutomaticStart_with_PassiveTcpEstablishment: startIdlePassive,
  AutomaticStart_with_DampPeerOscillations: stay("Idle", "startIdleHoldTimer"),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: stay(
    "Idle",
    "startIdleHoldTimer",
  ),
  AutomaticStop: stay("Idle"),
  ConnectRetryTimer_Expires: stay("Idle"),
  HoldTimer_Expires: stay("Idle"),
  KeepaliveTimer_Expires: stay("Idle"),
  DelayOpenTimer_Expires: stay("Idle"),
  IdleHoldTimer_Expires: [
    { guard: isPassive, next: "Active", effects: [] },
    { next: "Connect", effects: toConnect },
  ],
  Tcp_CR_Acked: stay("Idle", "dropConnection"),
  TcpConnectionConfirmed: stay("Idle", "dropConnection"),
  TcpConnectionFails: stay("Idle"),
  BGPOpen: stay("Idle"),
  BGPOpen_with_DelayOpenTimer_running: stay("Idle"),
  BGPHeaderErr: stay("Idle"),
  BGPOpenMsgErr: stay("Idle"),
  OpenCollisionDump: stay("Idle"),
  NotifMsgVerErr: stay("Idle"),
  NotifMsg: stay("Idle"),
  KeepAliveMsg: stay("Idle"),
  UpdateMsg: stay("Idle"),
  UpdateMsgErr: stay("Idle"),
  RouteRefreshMsg: stay("Idle"),
  RouteRefreshMsgErr: stay("Idle"),
  BfdUp: stay("Idle"),
  BfdDown: stay("Idle"),
  SendHoldTimer_Expires: stay("Idle"),
};

/** Connect and Active, on everything that should not happen there. */
const abandonAttempt: Cell = go(
  "Idle",
  "stopConnectRetryTimer",
  "stopDelayOpenTimer",
  "dropConnection",
  "countConnectRetry",
  "startIdleHoldTimer",
);
const stopAttempt: Cell = go(
  "Idle",
  "dropConnection",
  "resetConnectRetryCounter",
  "stopConnectRetryTimer",
  "stopDelayOpenTimer",
);
/** While the OPEN is held back, the peer may refuse our version before it has seen it. */
const refusedAttempt: Cell = go(
  "Idle",
  "stopConnectRetryTimer",
  "stopDelayOpenTimer",
  "dropConnection",
  "startIdleHoldTimer",
);
const delayOver: Cell = go("OpenSent", "stopConnectRetryTimer", "sendOpen", "startLargeHoldTimer");
const confirm: readonly SessionEffect[] = [
  "sendKeepalive",
  "startKeepaliveTimer",
  "startHoldTimer",
];
const openWhileDelaying: Cell = [
  {
    guard: openAwaitsBfd,
    next: "OpenConfirm",
    bfd: "awaited",
    effects: ["stopConnectRetryTimer", "stopDelayOpenTimer", "sendOpen", "startBfdHoldTimer"],
  },
  {
    next: "OpenConfirm",
    effects: ["stopConnectRetryTimer", "stopDelayOpenTimer", "sendOpen", ...confirm],
  },
];

function connected(state: "Connect" | "Active"): Cell {
  return [
    {
      guard: delaysOpen,
      next: state,
      effects: ["stopConnectRetryTimer", "startDelayOpenTimer"],
    },
    { next: "OpenSent", effects: ["stopConnectRetryTimer", "sendOpen", "startLargeHoldTimer"] },
  ];
}

/** Of an attempt that got as far as a connection, the peer may make the next one. */
const lostWhileConnecting: Cell = [
  {
    guard: wasDelayingOpen,
    next: "Active",
    effects: ["startConnectRetryTimer", "stopDelayOpenTimer", "dropConnection"],
  },
  ...abandonAttempt,
];

function attempting(state: "Connect" | "Active"): Record<SessionEventKind, Cell> {
  return {
    ManualStart: stay(state),
    ManualStop: stopAttempt,
    AutomaticStart: stay(state),
    ManualStart_with_PassiveTcpEstablishment: stay(state),
    AutomaticStart_with_PassiveTcpEstablishment: stay(state),
    AutomaticStart_with_DampPeerOscillations: stay(state),
    AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: stay(state),
    AutomaticStop: abandonAttempt,
    ConnectRetryTimer_Expires: go("Connect", "stopDelayOpenTimer", "dropConnection", ...toConnect),
    HoldTimer_Expires: abandonAttempt,
    KeepaliveTimer_Expires: abandonAttempt,
    DelayOpenTimer_Expires: delayOver,
    IdleHoldTimer_Expires: abandonAttempt,
    Tcp_CR_Acked: connected(state),
    TcpConnectionConfirmed: connected(state),
    TcpConnectionFails: state === "Connect" ? lostWhileConnecting : abandonAttempt,
    BGPOpen: abandonAttempt,
    BGPOpen_with_DelayOpenTimer_running: openWhileDelaying,
    BGPHeaderErr: abandonAttempt,
    BGPOpenMsgErr: abandonAttempt,
    OpenCollisionDump: abandonAttempt,
    NotifMsgVerErr: refusedAttempt,
    NotifMsg: abandonAttempt,
    KeepAliveMsg: abandonAttempt,
    UpdateMsg: abandonAttempt,
    UpdateMsgErr: abandonAttempt,
    RouteRefreshMsg: abandonAttempt,
    RouteRefreshMsgErr: abandonAttempt,
    BfdUp: stay(state),
    // A path without BFD may still carry TCP: the session is what BFD protects.
    BfdDown: stay(state),
    SendHoldTimer_Expires: abandonAttempt,
  };
}

const release: readonly SessionEffect[] = ["stopConnectRetryTimer", "stopSessionTimers"];
const damp: readonly SessionEffect[] = ["countConnectRetry", "startIdleHoldTimer"];

const failWithNotification: Cell = go(
  "Idle",
  "sendNotification",
  ...release,
  "dropConnection",
  ...damp,
);
const failSilently: Cell = go("Idle", ...release, "dropConnection", ...damp);
const stopOpening: Cell = [
  {
    guard: isSilentStop,
    next: "Idle",
    effects: [...release, "dropConnection", "resetConnectRetryCounter"],
  },
  {
    next: "Idle",
    effects: ["sendNotification", ...release, "dropConnection", "resetConnectRetryCounter"],
  },
];

const openSent: Record<SessionEventKind, Cell> = {
  ManualStart: stay("OpenSent"),
  ManualStop: stopOpening,
  AutomaticStart: stay("OpenSent"),
  ManualStart_with_PassiveTcpEstablishment: stay("OpenSent"),
  AutomaticStart_with_PassiveTcpEstablishment: stay("OpenSent"),
  AutomaticStart_with_DampPeerOscillations: stay("OpenSent"),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: stay("OpenSent"),
  AutomaticStop: failWithNotification,
  ConnectRetryTimer_Expires: failWithNotification,
  HoldTimer_Expires: failWithNotification,
  KeepaliveTimer_Expires: failWithNotification,
  DelayOpenTimer_Expires: failWithNotification,
  IdleHoldTimer_Expires: failWithNotification,
  Tcp_CR_Acked: stay("OpenSent"),
  TcpConnectionConfirmed: stay("OpenSent"),
  TcpConnectionFails: [
    { guard: isPassive, next: "Active", effects: ["stopSessionTimers", "dropConnection"] },
    {
      next: "Active",
      effects: ["stopSessionTimers", "dropConnection", "startConnectRetryTimer"],
    },
  ],
  BGPOpen: [
    {
      guard: openAwaitsBfd,
      next: "OpenConfirm",
      bfd: "awaited",
      effects: ["stopConnectRetryTimer", "startBfdHoldTimer"],
    },
    { next: "OpenConfirm", effects: ["stopConnectRetryTimer", ...confirm] },
  ],
  BGPOpen_with_DelayOpenTimer_running: failWithNotification,
  BGPHeaderErr: failWithNotification,
  BGPOpenMsgErr: failWithNotification,
  OpenCollisionDump: failWithNotification,
  NotifMsgVerErr: go("Idle", ...release, "dropConnection", "startIdleHoldTimer"),
  NotifMsg: failSilently,
  KeepAliveMsg: failWithNotification,
  UpdateMsg: failWithNotification,
  UpdateMsgErr: failWithNotification,
  RouteRefreshMsg: failWithNotification,
  RouteRefreshMsgErr: failWithNotification,
  BfdUp: stay("OpenSent"),
  BfdDown: stay("OpenSent"),
  SendHoldTimer_Expires: failSilently,
};

const bfdUp: Cell = [
  { guard: heardWhileAwaiting, next: "Established", effects: [...confirm, "sessionUp"] },
  { guard: awaitsBfd, next: "OpenConfirm", bfd: "ready", effects: confirm },
  { next: "OpenConfirm", effects: [] },
];

const openConfirm: Record<SessionEventKind, Cell> = {
  ManualStart: stay("OpenConfirm"),
  ManualStop: stopOpening,
  AutomaticStart: stay("OpenConfirm"),
  ManualStart_with_PassiveTcpEstablishment: stay("OpenConfirm"),
  AutomaticStart_with_PassiveTcpEstablishment: stay("OpenConfirm"),
  AutomaticStart_with_DampPeerOscillations: stay("OpenConfirm"),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: stay("OpenConfirm"),
  AutomaticStop: failWithNotification,
  ConnectRetryTimer_Expires: failWithNotification,
  HoldTimer_Expires: failWithNotification,
  KeepaliveTimer_Expires: stay("OpenConfirm", "sendKeepalive", "startKeepaliveTimer"),
  DelayOpenTimer_Expires: failWithNotification,
  IdleHoldTimer_Expires: failWithNotification,
  Tcp_CR_Acked: stay("OpenConfirm"),
  TcpConnectionConfirmed: stay("OpenConfirm"),
  TcpConnectionFails: failSilently,
  BGPOpen: failWithNotification,
  BGPOpen_with_DelayOpenTimer_running: failWithNotification,
  BGPHeaderErr: failWithNotification,
  BGPOpenMsgErr: failWithNotification,
  OpenCollisionDump: failWithNotification,
  NotifMsgVerErr: go("Idle", ...release, "dropConnection", "startIdleHoldTimer"),
  NotifMsg: failSilently,
  KeepAliveMsg: [
    { guard: awaitsBfd, next: "OpenConfirm", bfd: "awaited-alive", effects: [] },
    { next: "Established", effects: ["startHoldTimer", "sessionUp"] },
  ],
  UpdateMsg: failWithNotification,
  UpdateMsgErr: failWithNotification,
  RouteRefreshMsg: failWithNotification,
  RouteRefreshMsgErr: failWithNotification,
  BfdUp: bfdUp,
  BfdDown: [{ guard: awaitsBfd, next: "OpenConfirm", effects: [] }, ...failWithNotification],
  SendHoldTimer_Expires: failSilently,
};

const lose: readonly SessionEffect[] = ["sessionDown", ...release, "dropConnection"];
const loseWithNotification: Cell = go("Idle", "sendNotification", ...lose, ...damp);
const loseSilently: Cell = go("Idle", ...lose, ...damp);

const established: Record<SessionEventKind, Cell> = {
  ManualStart: stay("Established"),
  ManualStop: [
    { guard: isSilentStop, next: "Idle", effects: [...lose, "resetConnectRetryCounter"] },
    { next: "Idle", effects: ["sendNotification", ...lose, "resetConnectRetryCounter"] },
  ],
  AutomaticStart: stay("Established"),
  ManualStart_with_PassiveTcpEstablishment: stay("Established"),
  AutomaticStart_with_PassiveTcpEstablishment: stay("Established"),
  AutomaticStart_with_DampPeerOscillations: stay("Established"),
  AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment: stay("Established"),
  AutomaticStop: loseWithNotification,
  ConnectRetryTimer_Expires: loseWithNotification,
  HoldTimer_Expires: loseWithNotification,
  KeepaliveTimer_Expires: stay("Established", "sendKeepalive", "startKeepaliveTimer"),
  DelayOpenTimer_Expires: loseWithNotification,
  IdleHoldTimer_Expires: loseWithNotification,
  Tcp_CR_Acked: stay("Established"),
  TcpConnectionConfirmed: [
    { guard: peerMayHaveRestarted, next: "Idle", effects: [...lose, "startIdleHoldTimer"] },
    { next: "Established", effects: [] },
  ],
  TcpConnectionFails: loseSilently,
  BGPOpen: loseWithNotification,
  BGPOpen_with_DelayOpenTimer_running: loseWithNotification,
  BGPHeaderErr: loseWithNotification,
  BGPOpenMsgErr: loseWithNotification,
  OpenCollisionDump: loseWithNotification,
  NotifMsgVerErr: loseSilently,
  NotifMsg: loseSilently,
  KeepAliveMsg: stay("Established", "startHoldTimer"),
  UpdateMsg: stay("Established", "startHoldTimer", "deliverUpdate"),
  UpdateMsgErr: loseWithNotification,
  RouteRefreshMsg: stay("Established", "deliverRouteRefresh"),
  RouteRefreshMsgErr: loseWithNotification,
  BfdUp: stay("Established"),
  BfdDown: loseWithNotification,
  SendHoldTimer_Expires: loseSilently,
};

export const sessionTable: SessionTable = {
  Idle: idle,
  Connect: attempting("Connect"),
  Active: attempting("Active"),
  OpenSent: openSent,
  OpenConfirm: openConfirm,
  Established: established,
};
