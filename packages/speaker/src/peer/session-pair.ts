/**
 * The sessions of a peer: one that initiates, unless the peer is passive, and one that accepts
 * (RFC 4271 8.2.1), of which at most one is Established. Decides between connections (6.8).
 */
import {
  ceaseSubcodes,
  type NotificationCause,
  type SessionEvent,
  type SessionState,
} from "@heddle/bgp";
import type { MessageStream } from "../tcp/connection.ts";
import { rejectConnection } from "../tcp/listener.ts";
import { cease } from "./failure.ts";
import { Session, type SessionHost } from "./session.ts";

/** Names of the sessions in logs and recordings. */
export type SessionSide = "initiated" | "accepted" | "challenger";

const byProgress = ["Idle", "Active", "Connect", "OpenSent", "OpenConfirm", "Established"];

export class SessionPair {
  readonly #host: SessionHost;
  readonly #outgoing: Session | undefined;
  #incoming: Session;
  /** Accepts a connection that may end the established session. */
  #challenger: Session | undefined;

  constructor(host: SessionHost, initiates: boolean) {
    this.#host = host;
    this.#incoming = new Session(host, true);
    this.#outgoing = initiates ? new Session(host, false) : undefined;
  }

  get all(): readonly Session[] {
    const all = [this.#outgoing, this.#incoming, this.#challenger];
    return all.filter((session) => session !== undefined);
  }

  get established(): Session | undefined {
    return this.all.find((session) => session.state.kind === "Established");
  }

  /** The state to show: that of the session nearest to Established. */
  get furthestState(): SessionState {
    const states = this.all.map((session) => session.state);
    return states.reduce((a, b) =>
      byProgress.indexOf(b.kind) > byProgress.indexOf(a.kind) ? b : a,
    );
  }

  sideOf(session: Session): SessionSide {
    if (session === this.#challenger) return "challenger";
    return session.passive ? "accepted" : "initiated";
  }

  other(session: Session): Session | undefined {
    return session === this.#incoming ? this.#outgoing : this.#incoming;
  }

  isChallenger(session: Session): boolean {
    return session === this.#challenger;
  }

  /** Starts those that are Idle and not parked because the other has, or nearly has, a session. */
  start(): void {
    for (const session of this.all) {
      if (session.state.kind === "Idle" && this.#host.mayStart(session)) session.start();
    }
  }

  /** Ends all, with `cause` or silently; they can be started again. */
  stop(cause: NotificationCause, silent: boolean): void {
    this.dismissChallenger();
    for (const session of this.all) {
      session.dispatch({ kind: "ManualStop", cause, silent });
      session.retire();
    }
  }

  /**
   * A connection from the peer. While a session is Established, it is heard only where
   * `mayReplace`; the newest connection is the one that counts.
   */
  accept(connection: MessageStream, mayReplace: boolean): void {
    if (this.established !== undefined) {
      if (mayReplace) this.#challenge(connection);
      else rejectConnection(connection);
      return;
    }
    const session = this.#incoming;
    const isOpening = session.connection !== undefined && session.state.kind !== "OpenConfirm";
    if (isOpening) {
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
   */
  #challenge(connection: MessageStream): void {
    this.dismissChallenger();
    this.#challenger = new Session(this.#host, true);
    this.#challenger.start();
    this.#challenger.accept(connection);
  }

  /**
   * The OPEN of `session` was accepted: whether it goes on. `survives` names the side that wins a
   * collision; a challenger of a peer that `hasRestarted` wins over the Established session in any
   * case.
   */
  resolve(
    session: Session,
    survives: "initiated" | "accepted",
    hasRestarted: (state: SessionState) => boolean,
  ): boolean {
    if (session === this.#challenger) {
      const old = this.established;
      const restarted = old === undefined || hasRestarted(old.state);
      if (!restarted && survives !== "accepted") return false;
      const event = restarted ? "TcpConnectionConfirmed" : "OpenCollisionDump";
      this.#promote(session, { kind: event });
    }
    const other = this.other(session);
    if (other?.state.kind === "Established") return false;
    if (other?.state.kind !== "OpenConfirm") return true;
    const survivor = survives === "initiated" ? this.#outgoing : this.#incoming;
    if (survivor !== session) return false;
    other.dispatch({ kind: "OpenCollisionDump" });
    return true;
  }

  /** The challenger has shown that it is the peer: it is the accepting session from now on. */
  #promote(challenger: Session, event: SessionEvent): void {
    const established = this.established;
    const replaced = this.#incoming;
    this.#incoming = challenger;
    this.#challenger = undefined;
    established?.dispatch(event);
    discard(replaced);
  }

  dismissChallenger(): void {
    const challenger = this.#challenger;
    this.#challenger = undefined;
    if (challenger !== undefined) discard(challenger);
  }

  /** The session that is not needed now waits in Idle (initiating) or Active (accepting). */
  parkOther(session: Session): void {
    const other = this.other(session);
    if (other === undefined || (other.passive && other.state.kind === "Active")) return;
    const cause = cease(ceaseSubcodes.collisionResolution);
    other.dispatch({ kind: "ManualStop", cause, silent: false });
    if (other.passive) other.start();
  }
}

/** Ends a session that is not needed, for good. */
function discard(session: Session): void {
  const cause = cease(ceaseSubcodes.connectionRejected);
  session.dispatch({ kind: "ManualStop", cause, silent: false });
  session.retire();
}
