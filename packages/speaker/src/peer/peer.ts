/**
 * One configured peer. It has two sessions, one that initiates and one that accepts (RFC 4271
 * 8.2.1), of which at most one becomes Established; it decides between them (6.8), tells the RIB
 * what the session means, and keeps the peer's routes across a graceful restart.
 */
import {
  type AddressFamily,
  addressFamilyOf,
  ceaseSubcodes,
  collisionSurvivor,
  decodeRouteRefresh,
  errorCodes,
  extendedMessageLengthMax,
  formatNotification,
  messageLengthMax,
  type Negotiated,
  type NotificationCause,
  negotiate,
  type Open,
  openOf,
  type PeerIndex,
  type Rib,
  type RibPeerCounts,
  refreshSubtypes,
  retainedFamilies,
  type SessionEvent,
  type SessionState,
} from "@heddle/bgp";
import { formatIp } from "@heddle/inet";
import type { Fd } from "@heddle/native";
import type { Clock, Log, Rng } from "@heddle/std";
import type { BfdHandle } from "../bfd/bfd.ts";
import {
  defaultGracefulRestart,
  defaultHoldTimeMs,
  type GracefulRestartConfig,
  type PeerConfig,
  type SessionTimers,
  type SpeakerConfig,
} from "../config.ts";
import type { Convergence } from "../convergence.ts";
import type { RibDriver } from "../rib-driver.ts";
import type { PeerStatus } from "../status.ts";
import type { MessageStream } from "../tcp/connection.ts";
import { dial } from "../tcp/dial.ts";
import { rejectConnection } from "../tcp/listener.ts";
import { Session, type SessionHost } from "./session.ts";
import { StaleRoutes } from "./stale-routes.ts";

/** What all peers of a speaker share. */
export interface PeerContext {
  readonly speaker: Pick<SpeakerConfig, "asn" | "routerId">;
  readonly gracefulRestart: GracefulRestartConfig | undefined;
  readonly rib: Rib;
  readonly driver: RibDriver;
  /** When routes may be selected and sent. */
  readonly selection: Convergence;
  /** When routes that the kernel had at start and nobody confirmed may go. */
  readonly sweep: Convergence;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly timers: SessionTimers;
  readonly netns: Fd | undefined;
  /** Undefined when the peer has no BFD. */
  watchBfd(
    peer: PeerConfig,
    down: (controlPlaneIndependent: boolean) => void,
  ): BfdHandle | undefined;
}

const noData = new Uint8Array(0);

export class Peer implements SessionHost {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timers: SessionTimers;
  readonly #cx: PeerContext;
  readonly #log: Log;
  readonly #index: PeerIndex;
  readonly #stale: StaleRoutes;
  readonly #outgoing: Session | undefined;
  #incoming: Session;
  /** Accepts a connection that may end the established session. */
  #challenger: Session | undefined;
  readonly #bfd: BfdHandle | undefined;
  #config: PeerConfig;
  #stopped = false;
  #establishedAtMs = 0;
  #establishedCount = 0;
  #lastLoss: PeerStatus["lastError"];
  /** Why the last attempt since then did not become a session. */
  #lastFailure: PeerStatus["lastError"];

  /** `index` is of the RIB, which the caller has told about the peer. */
  constructor(config: PeerConfig, index: PeerIndex, cx: PeerContext) {
    this.#config = config;
    this.#index = index;
    this.#cx = cx;
    this.clock = cx.clock;
    this.rng = cx.rng;
    this.timers = cx.timers;
    this.#log = cx.log.with({ peer: formatIp(config.address) });
    const { staleTimeMs } = cx.gracefulRestart ?? defaultGracefulRestart;
    this.#stale = new StaleRoutes(cx.rib, index, cx.clock, staleTimeMs, () => this.#staleSwept());
    this.#incoming = new Session(this, true);
    this.#outgoing = config.passive === true ? undefined : new Session(this, false);
    this.#bfd = cx.watchBfd(config, (independent) => this.#bfdDown(independent));
  }

  get config(): PeerConfig {
    return this.#config;
  }

  /** `config` differs from the present one in its policies only; the caller has told the RIB. */
  takePolicies(config: PeerConfig): void {
    this.#config = config;
  }

  get index(): PeerIndex {
    return this.#index;
  }

  start(): void {
    this.#incoming.start();
    this.#outgoing?.start();
  }

  /**
   * Ends all sessions for good with `cause`, or silently so that the peer keeps our routes; its own
   * routes go.
   */
  stop(cause: NotificationCause, silent: boolean): void {
    this.#stopped = true;
    for (const session of this.#sessions()) {
      session.dispatch({ kind: "ManualStop", cause, silent });
      session.retire();
    }
    this.#stale.drop();
    // A peer that is to keep our routes must not hear of BFD's end: the speaker abandons its
    // thread.
    if (!silent) this.#bfd?.[Symbol.dispose]();
  }

  /** A connection from the peer's address. */
  accept(connection: MessageStream): void {
    const established = this.#established();
    if (this.#stopped) {
      rejectConnection(connection);
      return;
    }
    if (established !== undefined) {
      this.#challenge(established.state, connection);
      return;
    }
    const session = this.#incoming;
    if (session.state.kind === "OpenSent") {
      const message = "the peer connected anew";
      session.dispatch({ kind: "TcpConnectionFails", message });
    }
    // The back-off is for what we start: a peer that comes back is not kept waiting.
    if (session.state.kind === "Idle") session.start();
    if (session.state.kind === "Active") session.accept(connection);
    else rejectConnection(connection);
  }

  /**
   * RFC 4724 5: of a peer that may have restarted, a new connection ends the old session; but not
   * before its OPEN is accepted, since anybody on the peer's machine can connect and send anything.
   * The newest connection is the one that counts.
   */
  #challenge(state: SessionState, connection: MessageStream): void {
    const graceful = "negotiated" in state ? state.negotiated.peerGracefulRestart : undefined;
    if (graceful === undefined || graceful.families.length === 0) {
      rejectConnection(connection);
      return;
    }
    this.#dismissChallenger();
    this.#challenger = new Session(this, true);
    this.#challenger.start();
    this.#challenger.accept(connection);
  }

  /** The challenger has shown that it is the peer: it is the accepting session from now on. */
  #promote(challenger: Session): void {
    const established = this.#established();
    const replaced = this.#incoming;
    this.#incoming = challenger;
    this.#challenger = undefined;
    established?.dispatch({ kind: "TcpConnectionConfirmed" });
    discard(replaced);
  }

  #dismissChallenger(): void {
    const challenger = this.#challenger;
    this.#challenger = undefined;
    if (challenger !== undefined) discard(challenger);
  }

  status(): PeerStatus {
    const session = this.#established();
    const state = this.#furthestState();
    const negotiated = "negotiated" in state ? state.negotiated : undefined;
    return {
      address: this.#config.address,
      asn: this.#config.asn,
      kind: this.#config.kind,
      state: state.kind,
      uptimeMs: session === undefined ? 0 : this.clock.nowMs() - this.#establishedAtMs,
      establishedCount: this.#establishedCount,
      families: session === undefined || negotiated === undefined ? [] : negotiated.families,
      routerId: negotiated?.peerRouterId,
      counts: this.#counts(),
      holdTimeMs: negotiated === undefined ? this.#holdTimeMs : negotiated.holdTimeMs,
      sendQueueLength: session?.connection?.queuedLength ?? 0,
      lastError: this.#lastFailure ?? this.#lastLoss,
      bfd: this.#bfd?.state,
      gracefulRestart: {
        negotiated: negotiated?.peerGracefulRestart !== undefined,
        staleFamilies: this.#stale.families,
      },
    };
  }

  get #holdTimeMs(): number {
    return this.#config.holdTimeMs ?? defaultHoldTimeMs;
  }

  #counts(): ReadonlyMap<AddressFamily, RibPeerCounts> {
    const { families } = this.#config;
    return new Map(families.map((family) => [family, this.#cx.rib.counts(this.#index, family)]));
  }

  #sessions(): Session[] {
    const all = [this.#outgoing, this.#incoming, this.#challenger];
    return all.filter((session) => session !== undefined);
  }

  #other(session: Session): Session | undefined {
    return session === this.#incoming ? this.#outgoing : this.#incoming;
  }

  #established(): Session | undefined {
    return this.#sessions().find((session) => session.state.kind === "Established");
  }

  /** The state to show: that of the session nearest to Established. */
  #furthestState(): SessionState {
    const order = ["Idle", "Active", "Connect", "OpenSent", "OpenConfirm", "Established"];
    const states = this.#sessions().map((session) => session.state);
    return states.reduce((a, b) => (order.indexOf(b.kind) > order.indexOf(a.kind) ? b : a));
  }

  // What a session asks.

  dial(signal: AbortSignal): Promise<MessageStream> {
    const { address, port, localAddress, ifindex, md5, ttlSecurity } = this.#config;
    return dial(
      {
        remote: address,
        port: port ?? 179,
        local: localAddress,
        ifindex,
        md5,
        ttlSecurity: ttlSecurity === true,
        netns: this.#cx.netns,
      },
      signal,
    );
  }

  localOpen(): Open {
    return openOf(this.#localSide());
  }

  #localSide(): Parameters<typeof openOf>[0] {
    const { asn, routerId } = this.#cx.speaker;
    const graceful = this.#config.gracefulRestart === false ? undefined : this.#cx.gracefulRestart;
    const side = { asn, routerId, holdTimeMs: this.#holdTimeMs, families: this.#config.families };
    if (graceful === undefined) return side;
    // Once a session has been up, the kernel has what it needs to forward without one.
    const forwarding = graceful.restarting || this.#establishedCount > 0;
    const restarting = graceful.restarting && !this.#cx.selection.isOver;
    const { restartTimeMs } = graceful;
    return { ...side, gracefulRestart: { restartTimeMs, restarting, forwarding } };
  }

  opened(session: Session, open: Open): Negotiated | undefined {
    const local = this.#localSide();
    const negotiated = negotiate(local, this.#config.asn, open);
    if (session === this.#challenger) this.#promote(session);
    const other = this.#other(session);
    if (other?.state.kind === "Established") return undefined;
    if (other?.state.kind !== "OpenConfirm") return negotiated;
    const peer = { asn: this.#config.asn, routerId: open.routerId };
    const survivor =
      collisionSurvivor(local, peer) === "initiated" ? this.#outgoing : this.#incoming;
    if (survivor !== session) return undefined;
    other.dispatch({ kind: "OpenCollisionDump" });
    return negotiated;
  }

  established(session: Session, negotiated: Negotiated): void {
    const { rib, driver, selection, sweep } = this.#cx;
    this.#establishedAtMs = this.clock.nowMs();
    this.#establishedCount += 1;
    this.#lastFailure = undefined;
    if (negotiated.extendedMessage) session.connection?.allowExtended();
    rib.sessionUp(this.#index, {
      cx: {
        fourOctetAs: negotiated.fourOctetAs,
        external: negotiated.external,
        families: negotiated.families,
        ...(negotiated.external ? { firstAsn: negotiated.peerAsn } : {}),
      },
      routerId: negotiated.peerRouterId,
      messageLengthMax: negotiated.extendedMessage ? extendedMessageLengthMax : messageLengthMax,
    });
    this.#stale.sessionUp(negotiated);
    selection.sessionUp(this.#config.address, negotiated);
    sweep.sessionUp(this.#config.address, negotiated);
    driver.attach(this.#index, session);
    this.#parkOther(session);
  }

  /** The session that is not needed now waits in Idle (initiating) or Active (accepting). */
  #parkOther(session: Session): void {
    const other = this.#other(session);
    if (other === undefined || (other.passive && other.state.kind === "Active")) return;
    const cause = cease(ceaseSubcodes.collisionResolution);
    other.dispatch({ kind: "ManualStop", cause, silent: false });
    if (other.passive) other.start();
  }

  lost(_session: Session, negotiated: Negotiated, event: SessionEvent): void {
    const { driver, selection, sweep } = this.#cx;
    driver.detach(this.#index);
    selection.sessionDown(this.#config.address);
    sweep.sessionDown(this.#config.address);
    const retained = this.#stopped ? [] : retainedFamilies(negotiated, event);
    const graceful = negotiated.peerGracefulRestart;
    this.#stale.sessionDown(retained, graceful === undefined ? 0 : graceful.restartTimeMs);
    driver.schedule();
  }

  update(session: Session, bytes: Uint8Array, start: number, end: number): void {
    const { rib, driver, selection, sweep } = this.#cx;
    const result = rib.receive(this.#index, bytes, start, end);
    driver.schedule();
    if (result.problems.length > 0) {
      this.#log.warn("UPDATE with malformed attributes", { problems: result.problems });
    }
    if (result.endOfRib !== undefined) {
      this.#stale.endOfRib(result.endOfRib);
      selection.endOfRib(this.#config.address, result.endOfRib);
      sweep.endOfRib(this.#config.address, result.endOfRib);
    }
    if (result.limitExceeded !== undefined) {
      session.dispatch({ kind: "AutomaticStop", cause: cease(ceaseSubcodes.maxPrefixes) });
    }
  }

  routeRefresh(_session: Session, body: Uint8Array): void {
    const refresh = decodeRouteRefresh(body);
    const family = addressFamilyOf(refresh.afi, refresh.safi);
    // RFC 7313 5: other subtypes are not requests. RFC 2918 4: a family not negotiated is ignored.
    if (family === undefined || refresh.subtype !== refreshSubtypes.request) return;
    const state = this.#furthestState();
    if (!("negotiated" in state) || !state.negotiated.families.includes(family)) return;
    this.#cx.rib.refresh(this.#index, family);
    this.#cx.driver.schedule();
  }

  drained(session: Session): void {
    if (session.state.kind === "Established") this.#cx.driver.drained(this.#index);
  }

  mayStart(session: Session): boolean {
    const other = this.#other(session)?.state.kind;
    return !this.#stopped && other !== "Established" && other !== "OpenConfirm";
  }

  changed(
    session: Session,
    before: SessionState,
    event: SessionEvent,
    sent?: NotificationCause,
  ): void {
    const failure = failureOf(event, sent);
    if (failure !== undefined && session.state.kind === "Idle" && !isQuiet(event)) {
      this.#noteFailure(before, { message: failure, atWallMs: this.clock.wallMs() });
    }
    this.#logChange(session, before, failure);
    if (session.state.kind !== "Idle" || this.#stopped) return;
    if (session === this.#challenger) {
      this.#dismissChallenger();
      return;
    }
    // A parked session waits for this one; an accepting one is ready again at once.
    const other = this.#other(session);
    if (other?.isParked === true && this.mayStart(other)) other.startLater();
  }

  #noteFailure(before: SessionState, error: NonNullable<PeerStatus["lastError"]>): void {
    if (before.kind === "Established") this.#lastLoss = error;
    // While a session is up, the failure of the other connection is of no interest.
    else if (this.#established() === undefined) this.#lastFailure = error;
  }

  #logChange(session: Session, before: SessionState, failure: string | undefined): void {
    const fields = {
      from: before.kind,
      to: session.state.kind,
      side: session.passive ? "accepted" : "initiated",
      ...(failure === undefined ? {} : { reason: failure }),
    };
    if (session.state.kind === "Established") this.#log.info("BGP session established", fields);
    else if (before.kind === "Established") this.#log.warn("BGP session lost", fields);
    else this.#log.debug("BGP session changed state", fields);
  }

  #bfdDown(controlPlaneIndependent: boolean): void {
    const session = this.#established();
    if (session !== undefined) {
      session.dispatch({ kind: "BfdDown" });
    } else if (controlPlaneIndependent && this.#stale.families.length > 0) {
      // RFC 5882 4.3.2: with C bits on both sides, BFD says that the peer stopped forwarding, too.
      this.#stale.drop();
      this.#staleSwept();
    }
  }

  #staleSwept(): void {
    this.#log.warn("stale routes of a restarting peer removed");
    this.#cx.driver.schedule();
  }
}

/** Ends a session that is not needed, for good. */
function discard(session: Session): void {
  const cause = cease(ceaseSubcodes.connectionRejected);
  session.dispatch({ kind: "ManualStop", cause, silent: false });
  session.retire();
}

export function cease(subcode: number): NotificationCause {
  return { code: errorCodes.cease, subcode, data: noData };
}

/** Ends that are no failure: a parked session and the loser of a collision. */
function isQuiet(event: SessionEvent): boolean {
  return event.kind === "ManualStop" || event.kind === "OpenCollisionDump";
}

/** Why a session or an attempt ended, for people. */
function failureOf(event: SessionEvent, sent: NotificationCause | undefined): string | undefined {
  if (event.kind === "NotifMsg" || event.kind === "NotifMsgVerErr") {
    return `received ${formatNotification(event.cause)}`;
  }
  const told = sent === undefined ? "" : `; sent ${formatNotification(sent)}`;
  if ("message" in event) return `${event.message}${told}`;
  if (event.kind === "BfdDown") return `BFD session down${told}`;
  return sent === undefined ? undefined : `sent ${formatNotification(sent)}`;
}
