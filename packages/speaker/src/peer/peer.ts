/**
 * One peer. It has two sessions, one that initiates and one that accepts (RFC 4271 8.2.1), of which
 * at most one becomes Established; it decides between them (6.8), tells the RIB what the session
 * means, keeps the peer's routes across a graceful restart, and does what an operator asks.
 */
import {
  type AddressFamily,
  ceaseSubcodes,
  ceaseWithText,
  collisionSurvivor,
  type LocalSide,
  mayHaveRestarted,
  type Negotiated,
  type NotificationCause,
  negotiate,
  type Open,
  openOf,
  type PeerIndex,
  retainedFamilies,
  type SessionEvent,
  type SessionState,
} from "@heddle/bgp";
import { formatIp } from "@heddle/inet";
import type { Clock, Log, Rng } from "@heddle/std";
import type { BfdHandle } from "../bfd/bfd.ts";
import type { PeerConfig, SessionTimers } from "../config.ts";
import { isSame } from "../same-config.ts";
import type { PeerFailure, PeerStatus } from "../status.ts";
import type { MessageStream } from "../tcp/connection.ts";
import { rejectConnection } from "../tcp/listener.ts";
import { dialPeer } from "./dial-peer.ts";
import { cease, failureOf, isPrefixLimit, isQuiet } from "./failure.ts";
import { GracefulShutdown } from "./graceful-shutdown.ts";
import { IdleHold } from "./idle-hold.ts";
import { MessageCounters } from "./message-counters.ts";
import type { PeerContext } from "./peer-context.ts";
import { awaitedKeyOf, type PeerKey, peerKeyOf } from "./peer-key.ts";
import { peerStatusOf } from "./peer-status.ts";
import { PrefixLimit } from "./prefix-limit.ts";
import { RouteRefreshes } from "./route-refreshes.ts";
import type { Session, SessionHost } from "./session.ts";
import { expectedAsnOf, localSideOf, restartSideOf, ribSessionOf } from "./session-facts.ts";
import { SessionPair } from "./session-pair.ts";
import { type RecordingOptions, SessionRecorder } from "./session-recorder.ts";
import { StaleRoutes, staleLimitsOf } from "./stale-routes.ts";

/** Why no session is wanted. */
type Halt =
  /** For good: the peer is removed. */
  | { readonly kind: "stopped" }
  /** By an operator, until `enable`. */
  | { readonly kind: "shutdown"; readonly text: string };

export class Peer implements SessionHost {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timers: SessionTimers;
  readonly idleHold: IdleHold;
  readonly counters: MessageCounters = new MessageCounters();
  readonly index: PeerIndex;
  readonly key: PeerKey;
  readonly range: string | undefined;
  /** Under which name a started speaker waits for the peer's table. */
  readonly #awaitedAs: PeerKey;
  readonly #cx: PeerContext;
  readonly #log: Log;
  readonly #stale: StaleRoutes;
  readonly #refreshes: RouteRefreshes;
  readonly #limit: PrefixLimit;
  readonly #leaving: GracefulShutdown;
  readonly #sessions: SessionPair;
  readonly #bfd: BfdHandle | undefined;
  #config: PeerConfig;
  #halt: Halt | undefined;
  #establishedAtMs = 0;
  #idleSinceMs: number;
  #establishedCount = 0;
  #lastLoss: PeerFailure | undefined;
  /** Why the last attempt since then did not become a session. */
  #lastFailure: PeerFailure | undefined;
  #recorder: SessionRecorder | undefined;

  /**
   * `index` is of the RIB, which the caller has told about the peer; `range` names the range that
   * the peer connected from.
   */
  constructor(config: PeerConfig, index: PeerIndex, range: string | undefined, cx: PeerContext) {
    this.#config = config;
    this.range = range;
    this.index = index;
    this.key = peerKeyOf(config.address, config.ifindex);
    this.#awaitedAs = awaitedKeyOf(this.key, range, config.ifindex);
    this.#cx = cx;
    this.clock = cx.clock;
    this.rng = cx.rng;
    this.timers = cx.timers;
    this.#idleSinceMs = cx.clock.nowMs();
    this.idleHold = new IdleHold(cx.timers, cx.clock, cx.rng);
    this.#log = cx.log.with({ peer: formatIp(config.address) });
    const { rib, clock } = cx;
    const limits = staleLimitsOf(cx.gracefulRestart);
    this.#stale = new StaleRoutes(rib, index, clock, limits, () => this.#staleSwept());
    this.#refreshes = new RouteRefreshes(index, cx, this.#log);
    this.#leaving = new GracefulShutdown(rib, index, clock);
    this.#limit = new PrefixLimit(this.#log, clock);
    this.#sessions = new SessionPair(this, config.passive !== true);
    this.#bfd = cx.watchBfd(config, {
      ready: () => this.#bfdReady(),
      down: (independent) => this.#bfdDown(independent),
    });
  }

  get config(): PeerConfig {
    return this.#config;
  }

  /** `config` differs from the present one in what needs no new session. */
  takeConfig(config: PeerConfig): void {
    const { importPolicy, exportPolicy } = this.#config;
    this.#config = config;
    this.#cx.rib.setPrefixCountMax(this.index, config.prefixCountMax);
    const isSamePolicy =
      isSame(importPolicy, config.importPolicy) && isSame(exportPolicy, config.exportPolicy);
    if (!isSamePolicy) this.#leaving.apply(config, this.#isExternal);
  }

  get #isExternal(): boolean {
    return this.#config.kind === "fabric" && this.#config.confederationMember !== true;
  }

  /** Unless the configuration holds the peer back. */
  start(): void {
    const { automaticStart, heldDown } = this.#config;
    if (heldDown !== undefined) return;
    if (automaticStart === false) this.idleHold.hold("never");
    else this.#sessions.start();
  }

  /**
   * Ends all sessions for good with `cause`, or silently so that the peer keeps our routes; its own
   * routes go.
   */
  stop(cause: NotificationCause, silent: boolean): void {
    this.#halt = { kind: "stopped" };
    this.#sessions.stop(cause, silent);
    this.#leaving.end(this.#config);
    this.#refreshes.sessionDown();
    this.#stale.drop();
    this.#recorder?.end();
    // A peer that is to keep our routes must not hear of BFD's end: the speaker abandons its
    // thread.
    if (!silent) this.#bfd?.[Symbol.dispose]();
  }

  // What an operator asks.

  /** Ends the session with `text` (RFC 9003) and stays down until `enable`. */
  shutdown(text: string): void {
    this.#leaving.end(this.#config);
    this.#halt = { kind: "shutdown", text };
    this.#sessions.stop(ceaseWithText(ceaseSubcodes.administrativeShutdown, text), false);
  }

  /** RFC 8326: `shutdown` after traffic had `waitMs` to move. */
  gracefulShutdown(waitMs: number, text: string): void {
    this.#leaving.begin(this.#config, this.#isExternal, waitMs, () => this.shutdown(text));
  }

  /** Ends a shutdown, or whatever else waits for an operator, and starts at once. */
  enable(): void {
    this.#leaving.end(this.#config);
    this.#halt = undefined;
    this.idleHold.forgive();
    if (this.#config.heldDown === undefined) this.#sessions.start();
  }

  /** Ends the session with `text` and starts anew. */
  reset(text: string): void {
    this.#sessions.stop(ceaseWithText(ceaseSubcodes.administrativeReset, text), false);
    if (this.#halt === undefined) this.enable();
  }

  /**
   * Asks the peer for its table again (RFC 2918).
   * @throws SpeakerError `state` without a session, or with a peer that does not take it
   */
  softResetIn(family?: AddressFamily): void {
    this.#refreshes.request(this.#name, this.#sessions.established, family);
  }

  /** Sends our table again. @throws SpeakerError `state` without a session */
  softResetOut(family?: AddressFamily): void {
    this.#refreshes.answer(this.#name, this.#sessions.established, family);
  }

  get #name(): string {
    return `peer ${formatIp(this.#config.address)}`;
  }

  /**
   * Everything that the peer's sessions take from now on is recorded, in place of what was recorded
   * before, until the recording is full or disposed of.
   */
  record(options: RecordingOptions): Disposable {
    this.#recorder?.end();
    const recorder = new SessionRecorder(this.#config.address, this.clock, options);
    this.#recorder = recorder;
    return {
      [Symbol.dispose]: () => {
        recorder.end();
        if (this.#recorder === recorder) this.#recorder = undefined;
      },
    };
  }

  /** A connection from the peer's address. */
  accept(connection: MessageStream): void {
    if (this.#isHalted) {
      rejectConnection(connection);
      return;
    }
    const state = this.#sessions.established?.state;
    const mayReplace = state !== undefined && this.#mayBeReplaced(state);
    this.#sessions.accept(connection, mayReplace);
  }

  #mayBeReplaced(state: SessionState): boolean {
    return hasRestartingPeer(state) || this.#config.collisionDetectEstablished === true;
  }

  /** Neither side may make a session now. */
  get #isHalted(): boolean {
    return this.#halt !== undefined || this.idleHold.isHeld || this.#config.heldDown !== undefined;
  }

  status(): PeerStatus {
    const { rib, driver } = this.#cx;
    const session = this.#sessions.established;
    return peerStatusOf({
      config: this.#config,
      dynamic: this.range,
      state: this.#sessions.furthestState,
      certificateName: this.certificateName,
      session,
      retryCount: Math.max(...this.#sessions.all.map((s) => s.connectRetryCounter)),
      establishedForMs: session === undefined ? 0 : this.clock.nowMs() - this.#establishedAtMs,
      establishedCount: this.#establishedCount,
      counts: (family) => rib.counts(this.index, family),
      counters: this.counters,
      idleHold: this.idleHold,
      shutdownText: this.#halt?.kind === "shutdown" ? this.#halt.text : undefined,
      lastError: this.#lastFailure ?? this.#lastLoss,
      lastLoss: this.#lastLoss,
      bfd: this.#bfd?.state,
      stale: this.#stale,
      discards: rib.discardCounts(this.index),
      refreshes: this.#refreshes,
      warned: this.#limit.warned,
      slowSinceMs: driver.fullSinceMs(this.index),
      nowMs: this.clock.nowMs(),
    });
  }

  /** Undefined while there is a session; else since when there has been none. */
  get idleSinceMs(): number | undefined {
    return this.#sessions.all.some(({ connection }) => connection !== undefined)
      ? undefined
      : this.#idleSinceMs;
  }

  /** What the certificate of the Established session calls the peer. */
  get certificateName(): string | undefined {
    return this.#sessions.established?.connection?.peerName;
  }

  /** At least one session was Established. */
  get hasBeenUp(): boolean {
    return this.#establishedCount > 0;
  }

  /** Routes of an ended session wait for the peer's return. */
  get keepsRoutes(): boolean {
    return this.#stale.families.length > 0;
  }

  // What a session asks.

  get delayOpenMs(): number | undefined {
    return this.#config.delayOpenMs;
  }

  get keepaliveMs(): number | undefined {
    return this.#config.keepaliveMs;
  }

  get isBfdReady(): boolean {
    return this.#bfd?.state === "Up" || this.#bfd?.isDisabledByPeer === true;
  }

  dial(signal: AbortSignal): Promise<MessageStream> {
    return dialPeer(this.#config, this.#cx, signal);
  }

  localOpen(): Open {
    return openOf(this.#localSide());
  }

  #localSide(): LocalSide {
    const { speaker, gracefulRestart: config, selection } = this.#cx;
    const wasUp = this.#establishedCount > 0;
    const gracefulRestart =
      config === undefined || this.#config.gracefulRestart === false
        ? undefined
        : restartSideOf(config, speaker, wasUp, selection.isOver);
    const enhancedRouteRefresh = this.#refreshes.mayBeEnhanced;
    return localSideOf(speaker, this.#config, { gracefulRestart, enhancedRouteRefresh });
  }

  opened(session: Session, open: Open): Negotiated | undefined {
    const local = this.#localSide();
    const asn = expectedAsnOf(this.#cx.speaker, this.#config, open.asn);
    const negotiated = negotiate(local, asn, open);
    const survives = collisionSurvivor(local, { asn, routerId: open.routerId });
    return this.#sessions.resolve(session, survives, hasRestartingPeer) ? negotiated : undefined;
  }

  established(session: Session, negotiated: Negotiated): void {
    const { rib, driver, selection, sweep } = this.#cx;
    this.#establishedAtMs = this.clock.nowMs();
    this.#establishedCount += 1;
    this.#lastFailure = undefined;
    this.#limit.reset();
    if (negotiated.extendedMessage) session.connection?.allowExtended();
    rib.sessionUp(this.index, ribSessionOf(this.#config, negotiated));
    this.#stale.sessionUp(negotiated);
    selection.sessionUp(this.#awaitedAs, negotiated);
    sweep.sessionUp(this.#awaitedAs, negotiated);
    const awaitsMemberships = negotiated.families.includes("route-target");
    driver.attach(this.index, session, awaitsMemberships ? this.timers.membershipWaitMs : 0);
    this.#sessions.parkOther(session);
  }

  lost(_session: Session, negotiated: Negotiated, event: SessionEvent): void {
    const { driver, selection, sweep } = this.#cx;
    driver.detach(this.index);
    selection.sessionDown(this.#awaitedAs);
    sweep.sessionDown(this.#awaitedAs);
    this.#refreshes.sessionDown();
    const isFinal = this.#halt !== undefined;
    this.#stale.sessionDown(isFinal ? [] : retainedFamilies(negotiated, event), negotiated);
    if (isPrefixLimit(event)) {
      const { prefixRestartMs } = this.#config;
      if (prefixRestartMs !== undefined) this.idleHold.hold(prefixRestartMs);
    }
    driver.schedule();
  }

  update(session: Session, bytes: Uint8Array, start: number, end: number): void {
    const { rib, driver, selection, sweep } = this.#cx;
    const result = rib.receive(this.index, bytes, start, end);
    driver.schedule();
    if (result.problems.length > 0) {
      this.#log.warn("UPDATE with malformed attributes", { problems: result.problems });
    }
    if (result.endOfRib !== undefined) {
      this.#stale.endOfRib(result.endOfRib);
      selection.endOfRib(this.#awaitedAs, result.endOfRib);
      sweep.endOfRib(this.#awaitedAs, result.endOfRib);
    }
    this.#limit.heard(this.#config, this.#receivedCountOf);
    if (result.limitExceeded !== undefined) {
      session.dispatch({ kind: "AutomaticStop", cause: cease(ceaseSubcodes.maxPrefixes) });
    }
  }

  readonly #receivedCountOf = (family: AddressFamily): number =>
    this.#cx.rib.counts(this.index, family).received;

  routeRefresh(session: Session, body: Uint8Array): void {
    this.#refreshes.received(session, body);
  }

  drained(session: Session): void {
    if (session.state.kind === "Established") this.#cx.driver.drained(this.index);
  }

  mayStart(session: Session): boolean {
    const other = this.#sessions.other(session)?.state.kind;
    return !this.#isHalted && other !== "Established" && other !== "OpenConfirm";
  }

  get isRecorded(): boolean {
    return this.#recorder?.hasEnded === false;
  }

  taken(session: Session, event: SessionEvent, message: Uint8Array | undefined): void {
    this.#recorder?.take(this.#sessions.sideOf(session), session, event, message);
  }

  changed(
    session: Session,
    before: SessionState,
    event: SessionEvent,
    sent?: NotificationCause,
  ): void {
    const failure = failureOf(event, sent, this.clock.wallMs());
    if (session.state.kind === "Idle") this.#idleSinceMs = this.clock.nowMs();
    const hasEnded = session.connection === undefined && !isQuiet(event);
    if (failure !== undefined && hasEnded) this.#noteFailure(before, failure);
    this.#logChange(session, before, failure);
    if (session.state.kind !== "Idle" || this.#halt !== undefined) return;
    if (this.#sessions.isChallenger(session)) {
      this.#sessions.dismissChallenger();
      return;
    }
    // A parked session waits for this one; an accepting one is ready again at once.
    const other = this.#sessions.other(session);
    if (other?.isParked === true && this.mayStart(other)) other.startLater();
  }

  #noteFailure(before: SessionState, error: PeerFailure): void {
    if (before.kind === "Established") this.#lastLoss = error;
    // While a session is up, the failure of the other connection is of no interest.
    else if (this.#sessions.established === undefined) this.#lastFailure = error;
  }

  #logChange(session: Session, before: SessionState, failure: PeerFailure | undefined): void {
    const fields = {
      from: before.kind,
      to: session.state.kind,
      side: this.#sessions.sideOf(session),
      ...(failure === undefined ? {} : { reason: failure.message }),
    };
    if (session.state.kind === "Established") this.#log.info("BGP session established", fields);
    else if (before.kind === "Established") this.#log.warn("BGP session lost", fields);
    else this.#log.debug("BGP session changed state", fields);
  }

  #bfdReady(): void {
    for (const session of this.#sessions.all) {
      const { state } = session;
      const isAwaited = state.kind === "OpenConfirm" && state.bfd !== "ready";
      if (isAwaited) session.dispatch({ kind: "BfdUp" });
    }
  }

  #bfdDown(controlPlaneIndependent: boolean): void {
    const session = this.#sessions.established;
    if (session !== undefined) {
      session.dispatch({ kind: "BfdDown" });
    } else if (controlPlaneIndependent && this.#stale.families.length > 0) {
      // RFC 5882 4.3.2: the C bit that counts is the restarting peer's. Its BFD would have gone on
      // without its control plane, so it has stopped to forward; ours detects that, so it lives.
      this.#stale.drop();
      this.#staleSwept();
    }
  }

  #staleSwept(): void {
    this.#log.warn("stale routes of a restarting peer removed or made a last resort");
    this.#cx.driver.schedule();
  }
}

function hasRestartingPeer(state: SessionState): boolean {
  return "negotiated" in state && mayHaveRestarted(state.negotiated);
}
