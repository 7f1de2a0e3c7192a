/**
 * Runs the state machine of one connection (`step` of @heddle/bgp): feeds it what TCP, timers and
 * messages bring and performs the effects it asks for. What a session means for its peer (who
 * survives a collision, what becomes of routes) is decided by the {@link SessionHost}.
 *
 * Events that arise while effects are performed are taken afterwards, in order: a transition is
 * never entered in the middle of another.
 */
import {
  DecodeError,
  decodeNotification,
  decodeOpen,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  errorCodes,
  messageTypes,
  type Negotiated,
  type NotificationCause,
  notificationFor,
  notificationOf,
  type Open,
  type RouteRefresh,
  type SessionEffect,
  type SessionEvent,
  type SessionOptions,
  type SessionState,
  step,
} from "@heddle/bgp";
import { BoundedQueue, type Clock, must, type Rng } from "@heddle/std";
import type { SessionTimers as TimerConfig } from "../config.ts";
import type { MessageStream } from "../tcp/connection.ts";
import type { IdleHold } from "./idle-hold.ts";
import type { MessageCounters, MessageTypeName } from "./message-counters.ts";
import { alignedMs, jittered, SessionTimers } from "./session-timers.ts";

/** What a session asks of its peer. */
export interface SessionHost {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timers: TimerConfig;
  /** Shared by the sessions of the peer. */
  readonly idleHold: IdleHold;
  /** DelayOpenTime; undefined: our OPEN does not wait. */
  readonly delayOpenMs: number | undefined;
  /** Configured time between KEEPALIVEs; undefined: a third of the hold time. */
  readonly keepaliveMs: number | undefined;
  /** The BFD session to the peer is Up, or the peer's operator has turned it off. */
  readonly isBfdReady: boolean;
  readonly counters: MessageCounters;
  dial(signal: AbortSignal): Promise<MessageStream>;
  /** The OPEN to send. */
  localOpen(): Open;
  /**
   * The peer's OPEN has come. Undefined: this session loses a connection collision (RFC 4271 6.8).
   * @throws DecodeError when the OPEN cannot be accepted
   */
  opened(session: Session, open: Open): Negotiated | undefined;
  established(session: Session, negotiated: Negotiated): void;
  /** The session was Established; called before its connection is closed. */
  lost(session: Session, negotiated: Negotiated, event: SessionEvent): void;
  /** @throws DecodeError `reset` */
  update(session: Session, bytes: Uint8Array, start: number, end: number): void;
  /** @throws DecodeError `reset` */
  routeRefresh(session: Session, body: Uint8Array): void;
  /** The write queue has room again. */
  drained(session: Session): void;
  /** False: stay Idle although the back-off is over. */
  mayStart(session: Session): boolean;
  /** `taken` wants to be called. */
  readonly isRecorded: boolean;
  /** Every event that the machine takes, before it does; `message` is what a message event is about. */
  taken(session: Session, event: SessionEvent, message: Uint8Array | undefined): void;
  /** `sent` is the NOTIFICATION sent on the way, if any. */
  changed(
    session: Session,
    before: SessionState,
    event: SessionEvent,
    sent?: NotificationCause,
  ): void;
}

const keepalive = encodeKeepalive();
const updateEvent: SessionEvent = { kind: "UpdateMsg" };
const keepaliveEvent: SessionEvent = { kind: "KeepAliveMsg" };
const refreshEvent: SessionEvent = { kind: "RouteRefreshMsg" };
/** More events than one transition can cause. */
const pendingCountMax = 16;

/** Events that a message of the peer makes. */
const messageEvents: ReadonlySet<SessionEvent["kind"]> = new Set([
  "BGPOpen",
  "BGPOpen_with_DelayOpenTimer_running",
  "BGPOpenMsgErr",
  "OpenCollisionDump",
  "KeepAliveMsg",
  "UpdateMsg",
  "UpdateMsgErr",
  "RouteRefreshMsg",
  "RouteRefreshMsgErr",
  "NotifMsg",
  "NotifMsgVerErr",
]);

/** The message that an UpdateMsg or RouteRefreshMsg is about, borrowed while it is handled. */
interface Received {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class Session {
  readonly options: SessionOptions;
  readonly #host: SessionHost;
  readonly #timers: SessionTimers;
  readonly #pending = new BoundedQueue<SessionEvent>(pendingCountMax);
  #stepping = false;
  #state: SessionState = { kind: "Idle" };
  #connection: MessageStream | undefined;
  #attempt: AbortController | undefined;
  #connectRetryCounter = 0;
  #holdTimeMs = 0;
  #heardAtMs = 0;
  /** What the running hold timer stands for. */
  #watchedMs = 0;
  #establishedAtMs = 0;
  #received: Received | undefined;
  #sent: NotificationCause | undefined;

  constructor(host: SessionHost, passive: boolean) {
    this.#host = host;
    this.options = { passive, delayOpen: host.delayOpenMs !== undefined };
    this.#timers = new SessionTimers(host.clock);
  }

  get passive(): boolean {
    return this.options.passive;
  }

  get state(): SessionState {
    return this.#state;
  }

  get connectRetryCounter(): number {
    return this.#connectRetryCounter;
  }

  get connection(): MessageStream | undefined {
    return this.#connection;
  }

  /** Idle and without a timer that ends it. */
  get isParked(): boolean {
    return this.#state.kind === "Idle" && !this.#timers.isRunning("idleHold");
  }

  start(): void {
    this.dispatch({
      kind: this.passive ? "AutomaticStart_with_PassiveTcpEstablishment" : "AutomaticStart",
    });
  }

  /** Leaves Idle after a back-off. */
  startLater(): void {
    this.dispatch({
      kind: this.passive
        ? "AutomaticStart_with_DampPeerOscillations_and_PassiveTcpEstablishment"
        : "AutomaticStart_with_DampPeerOscillations",
    });
  }

  /** Takes over a connection that the peer made. The session must be Active. */
  accept(connection: MessageStream): void {
    must(this.#state.kind === "Active" ? true : undefined, "only an Active session accepts");
    this.#attach(connection);
    this.dispatch({ kind: "TcpConnectionConfirmed" });
  }

  dispatch(event: SessionEvent): void {
    must(this.#pending.push(event) ? true : undefined, "a transition causes few events");
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
        this.#take(next);
      }
    } finally {
      this.#stepping = false;
    }
  }

  #take(event: SessionEvent): void {
    const before = this.#state;
    if (this.#host.isRecorded) this.#host.taken(this, event, this.#receivedMessage(event));
    const { state, effects } = step(before, event, this.options);
    this.#state = state;
    for (const effect of effects) this.#effects[effect](before, event);
    if (state.kind === before.kind) return;
    const sent = this.#sent;
    this.#sent = undefined;
    this.#host.changed(this, before, event, sent);
  }

  /** The message behind `event`; timers and the like have none. */
  #receivedMessage({ kind }: SessionEvent): Uint8Array | undefined {
    const received = this.#received;
    if (received === undefined || !messageEvents.has(kind)) return undefined;
    const { bytes, start, end } = received;
    return bytes.subarray(start, end);
  }

  readonly #effects: Readonly<
    Record<SessionEffect, (before?: SessionState, event?: SessionEvent) => void>
  > = {
    resetConnectRetryCounter: () => {
      this.#connectRetryCounter = 0;
    },
    countConnectRetry: (before) => {
      this.#connectRetryCounter += 1;
      // Anybody at the peer's address can make an accepted connection fail; that must not keep us
      // from dialling.
      if (!this.passive || before?.kind === "Established") this.#host.idleHold.failed();
    },
    startConnectRetryTimer: () => {
      const delayMs = jittered(this.#host.timers.connectRetryMs, this.#host.rng);
      this.#timers.start("connectRetry", delayMs, () =>
        this.dispatch({ kind: "ConnectRetryTimer_Expires" }),
      );
    },
    stopConnectRetryTimer: () => this.#timers.stop("connectRetry"),
    startDelayOpenTimer: () =>
      this.#timers.start("delayOpen", this.#host.delayOpenMs ?? 0, () =>
        this.dispatch({ kind: "DelayOpenTimer_Expires" }),
      ),
    stopDelayOpenTimer: () => this.#timers.stop("delayOpen"),
    connect: () => this.#connect(),
    dropConnection: () => this.#drop(),
    sendOpen: () => this.#send("open", encodeOpen(this.#host.localOpen())),
    sendKeepalive: () => this.#send("keepalive", keepalive),
    sendNotification: (before, event) => this.#notify(before, event),
    startLargeHoldTimer: () => this.#startHoldTimer(this.#host.timers.openHoldMs),
    startBfdHoldTimer: () => this.#startHoldTimer(this.#holdTimeMs || this.#host.timers.bfdHoldMs),
    startHoldTimer: () => this.#restartHoldTimer(),
    startKeepaliveTimer: () => this.#startKeepaliveTimer(),
    stopSessionTimers: () => {
      this.#timers.stop("hold");
      this.#timers.stop("keepalive");
      this.#timers.stop("sendHold");
      this.#holdTimeMs = 0;
    },
    startIdleHoldTimer: () => this.#startIdleHoldTimer(),
    stopIdleHoldTimer: () => this.#timers.stop("idleHold"),
    sessionUp: () => {
      this.#establishedAtMs = this.#host.clock.nowMs();
      this.#host.established(this, this.#negotiated(this.#state));
    },
    sessionDown: (before, event) => {
      this.#host.idleHold.held(this.#host.clock.nowMs() - this.#establishedAtMs);
      const gone = must(before, "an effect of a transition");
      this.#host.lost(this, this.#negotiated(gone), must(event, "an effect of a transition"));
    },
    deliverUpdate: () =>
      this.#deliver("UpdateMsgErr", (r) => this.#host.update(this, r.bytes, r.start, r.end)),
    deliverRouteRefresh: () =>
      this.#deliver("RouteRefreshMsgErr", (r) =>
        this.#host.routeRefresh(this, r.bytes.subarray(r.start, r.end)),
      ),
  };

  #negotiated(state: SessionState): Negotiated {
    return must("negotiated" in state ? state.negotiated : undefined, "the OPENs are exchanged");
  }

  #connect(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#host.dial(attempt.signal).then(
      (connection) => {
        if (this.#attempt !== attempt) {
          connection.close();
          return;
        }
        this.#attempt = undefined;
        this.#attach(connection);
        this.dispatch({ kind: "Tcp_CR_Acked" });
      },
      (error: unknown) => {
        if (this.#attempt !== attempt) return;
        this.#attempt = undefined;
        const message = error instanceof Error ? error.message : String(error);
        this.dispatch({ kind: "TcpConnectionFails", message });
      },
    );
  }

  #attach(connection: MessageStream): void {
    this.#connection = connection;
    const isCurrent = (): boolean => this.#connection === connection;
    connection.open({
      message: (type, bytes, start, end) => {
        if (isCurrent()) this.#message(type, { bytes, start, end });
        return isCurrent();
      },
      malformed: (error) => {
        if (!isCurrent()) return;
        const { notification: cause, message } = error;
        this.dispatch({ kind: "BGPHeaderErr", cause, message });
      },
      lost: (message) => {
        if (!isCurrent()) return;
        this.#connection = undefined;
        const delaysOpen = this.#timers.isRunning("delayOpen");
        this.dispatch({ kind: "TcpConnectionFails", message, delaysOpen });
      },
      drained: () => {
        if (!isCurrent()) return;
        this.#timers.stop("sendHold");
        this.#host.drained(this);
      },
    });
  }

  #drop(): void {
    this.#attempt?.abort(new Error("the attempt was given up"));
    this.#attempt = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  #message(type: number, received: Received): void {
    this.#host.counters.received(type);
    this.#received = received;
    try {
      this.dispatch(this.#eventOf(type, received));
    } finally {
      this.#received = undefined;
    }
  }

  #eventOf(type: number, { bytes, start, end }: Received): SessionEvent {
    switch (type) {
      case messageTypes.update:
        return updateEvent;
      case messageTypes.keepalive:
        return keepaliveEvent;
      case messageTypes.routeRefresh:
        return refreshEvent;
      case messageTypes.open:
        return this.#openEvent(bytes.subarray(start, end));
      default:
        return notificationEvent(bytes.subarray(start, end));
    }
  }

  #openEvent(body: Uint8Array): SessionEvent {
    try {
      const open = decodeOpen(body);
      // An OPEN out of turn is an error of the state machine, whatever it holds.
      if ("negotiated" in this.#state) {
        return { kind: "BGPOpen", negotiated: this.#state.negotiated, awaitsBfd: false };
      }
      const negotiated = this.#host.opened(this, open);
      if (negotiated === undefined) return { kind: "OpenCollisionDump" };
      this.#holdTimeMs = negotiated.holdTimeMs;
      const isDelaying = this.#timers.isRunning("delayOpen");
      return {
        kind: isDelaying ? "BGPOpen_with_DelayOpenTimer_running" : "BGPOpen",
        negotiated,
        awaitsBfd: negotiated.bfdStrict && !this.#host.isBfdReady,
      };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return { kind: "BGPOpenMsgErr", cause: error.notification, message: error.message };
    }
  }

  #deliver(
    failure: "UpdateMsgErr" | "RouteRefreshMsgErr",
    run: (received: Received) => void,
  ): void {
    try {
      run(must(this.#received, "a message is being handled"));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.dispatch({ kind: failure, cause: error.notification, message: error.message });
    }
  }

  #send(type: Exclude<MessageTypeName, "update">, bytes: Uint8Array): void {
    if (this.#connection === undefined) return;
    this.#host.counters.sent(type);
    this.#connection.send(bytes);
  }

  #notify(before?: SessionState, event?: SessionEvent): void {
    const from = must(before, "an effect of a transition");
    const why = must(event, "an effect of a transition");
    const negotiated = "negotiated" in from ? from.negotiated : undefined;
    this.#sent = notificationFor(negotiated, notificationOf(from, why));
    this.#send("notification", encodeNotification(this.#sent));
  }

  /** Asks for the table of a family, or delimits one of ours (RFC 2918, RFC 7313). */
  sendRouteRefresh(refresh: RouteRefresh): void {
    this.#send("routeRefresh", encodeRouteRefresh(refresh));
  }

  /** Sends `bytes` of the RIB. False: stop until the host hears `drained`. */
  sendUpdates(bytes: Uint8Array): boolean {
    if (this.#connection === undefined) return false;
    this.#host.counters.sentUpdates(bytes);
    if (this.#connection.send(bytes)) return true;
    if (!this.#timers.isRunning("sendHold")) {
      const delayMs = Math.max(this.#host.timers.sendHoldMinMs, 2 * this.#holdTimeMs);
      this.#timers.start("sendHold", delayMs, () =>
        this.dispatch({ kind: "SendHoldTimer_Expires" }),
      );
    }
    return false;
  }

  #restartHoldTimer(): void {
    this.#heardAtMs = this.#host.clock.nowMs();
    // The running timer looks at #heardAtMs when it fires, so a message costs no timer.
    const isWatching = this.#timers.isRunning("hold") && this.#watchedMs === this.#holdTimeMs;
    if (this.#state.kind === "Established" && isWatching) return;
    this.#timers.stop("hold");
    if (this.#holdTimeMs > 0) this.#startHoldTimer(this.#holdTimeMs);
  }

  #startHoldTimer(timeMs: number): void {
    this.#heardAtMs = this.#host.clock.nowMs();
    this.#watchHold(timeMs, timeMs);
  }

  #watchHold(timeMs: number, delayMs: number): void {
    this.#watchedMs = timeMs;
    this.#timers.start("hold", delayMs, () => {
      const silentMs = this.#host.clock.nowMs() - this.#heardAtMs;
      if (silentMs < timeMs) this.#watchHold(timeMs, timeMs - silentMs);
      else this.#graceHold(timeMs);
    });
  }

  /**
   * The hold time is over. After a stall of our own the peer's messages may lie unread in the
   * socket, so one turn of the event loop passes before the peer is given up.
   */
  #graceHold(timeMs: number): void {
    const heardAtMs = this.#heardAtMs;
    this.#timers.start("hold", 1, () => {
      if (this.#heardAtMs === heardAtMs) this.dispatch({ kind: "HoldTimer_Expires" });
      else this.#watchHold(timeMs, timeMs);
    });
  }

  #startKeepaliveTimer(): void {
    if (this.#holdTimeMs === 0) return;
    const thirdMs = this.#holdTimeMs / 3;
    const intervalMs = Math.min(thirdMs, this.#host.keepaliveMs ?? thirdMs);
    const delayMs = jittered(intervalMs, this.#host.rng);
    this.#timers.start("keepalive", alignedMs(this.#host.clock.nowMs(), delayMs), () =>
      this.dispatch({ kind: "KeepaliveTimer_Expires" }),
    );
  }

  #startIdleHoldTimer(): void {
    const delayMs = this.#host.idleHold.delayMs();
    if (delayMs === undefined) {
      this.#timers.stop("idleHold");
      return;
    }
    this.#timers.start("idleHold", delayMs, () => {
      if (this.#host.mayStart(this)) this.dispatch({ kind: "IdleHoldTimer_Expires" });
    });
  }

  /** Stops all timers; the session must be Idle. */
  retire(): void {
    must(this.#state.kind === "Idle" ? true : undefined, "an Idle session retires");
    this.#timers.stopAll();
  }
}

function notificationEvent(body: Uint8Array): SessionEvent {
  const cause = decodeNotification(body);
  const isVersion = cause.code === errorCodes.openMessage && cause.subcode === 1;
  return { kind: isVersion ? "NotifMsgVerErr" : "NotifMsg", cause };
}
