/** Runs Framer, state machine and RIB for one connection, as a speaker does, without a socket. */
import type { Asn } from "@heddle/inet";
import { must } from "@heddle/std";
import { DecodeError } from "../../src/errors.ts";
import type { SessionEffect } from "../../src/fsm/effects.ts";
import type { SessionEvent } from "../../src/fsm/events.ts";
import { type Negotiated, negotiate } from "../../src/fsm/negotiate.ts";
import type { LocalSide } from "../../src/fsm/offer.ts";
import type { SessionState } from "../../src/fsm/state.ts";
import { step } from "../../src/fsm/step.ts";
import { addressFamilyOf } from "../../src/packet/address-family.ts";
import { Framer } from "../../src/packet/framing.ts";
import { messageTypes } from "../../src/packet/iana.ts";
import { decodeNotification } from "../../src/packet/notification.ts";
import { decodeOpen } from "../../src/packet/open.ts";
import { decodeRouteRefresh } from "../../src/packet/route-refresh.ts";
import type { PeerIndex, RibSession } from "../../src/rib/peer.ts";
import type { Rib } from "../../src/rib/rib.ts";

const options = { passive: true, delayOpen: false };

interface Message {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class FuzzSession {
  readonly #rib: Rib;
  readonly #peer: PeerIndex;
  readonly #local: LocalSide;
  readonly #peerAsn: Asn;
  readonly #framer = new Framer();
  #state: SessionState = { kind: "Idle" };
  #message: Message = { bytes: new Uint8Array(0), start: 0, end: 0 };
  #negotiated: Negotiated | undefined;
  /** Messages taken since the connection began. */
  messageCount = 0;
  /** What ended the session. */
  ending = "";

  constructor(rib: Rib, peer: PeerIndex, local: LocalSide, peerAsn: Asn) {
    this.#rib = rib;
    this.#peer = peer;
    this.#local = local;
    this.#peerAsn = peerAsn;
    this.#take({ kind: "AutomaticStart_with_PassiveTcpEstablishment" });
    this.#take({ kind: "TcpConnectionConfirmed" });
  }

  get isEstablished(): boolean {
    return this.#state.kind === "Established";
  }

  /** What the peer sends; DecodeError ends the session, anything else is thrown. */
  push(chunk: Uint8Array): void {
    if (this.#state.kind === "Idle") return;
    try {
      this.#framer.push(chunk, (type, bytes, start, end) => {
        this.messageCount += 1;
        this.#message = { bytes, start, end };
        this.#take(this.#eventOf(type, bytes, start, end));
        return this.#state.kind !== "Idle";
      });
    } catch (error) {
      this.#take(errorEvent("BGPHeaderErr", error));
    }
  }

  /** The connection is gone. */
  close(): void {
    this.#take({ kind: "TcpConnectionFails", message: "closed" });
  }

  #eventOf(type: number, bytes: Uint8Array, start: number, end: number): SessionEvent {
    switch (type) {
      case messageTypes.open:
        return this.#openEvent(bytes.subarray(start, end));
      case messageTypes.update:
        return { kind: "UpdateMsg" };
      case messageTypes.notification:
        return { kind: "NotifMsg", cause: decodeNotification(bytes.subarray(start, end)) };
      case messageTypes.keepalive:
        return { kind: "KeepAliveMsg" };
      default:
        return { kind: "RouteRefreshMsg" };
    }
  }

  #openEvent(body: Uint8Array): SessionEvent {
    try {
      const negotiated = negotiate(this.#local, this.#peerAsn, decodeOpen(body));
      return { kind: "BGPOpen", negotiated, awaitsBfd: false };
    } catch (error) {
      return errorEvent("BGPOpenMsgErr", error);
    }
  }

  #take(event: SessionEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event, options);
    this.#state = state;
    if (event.kind === "BGPOpen" && state.kind === "OpenConfirm") {
      this.#negotiated = event.negotiated;
      if (event.negotiated.extendedMessage) this.#framer.allowExtended();
    }
    if (before.kind !== "Idle" && state.kind === "Idle") {
      this.ending = "message" in event ? event.message : event.kind;
    }
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: SessionEffect): void {
    switch (effect) {
      case "sessionUp": {
        const negotiated = must(this.#negotiated, "Established follows an OPEN");
        this.#rib.sessionUp(this.#peer, ribSessionOf(negotiated));
        break;
      }
      case "sessionDown":
        this.#rib.sessionDown(this.#peer);
        break;
      case "deliverUpdate":
        this.#deliver((bytes, start, end) => this.#rib.receive(this.#peer, bytes, start, end));
        break;
      case "deliverRouteRefresh":
        this.#deliver((bytes, start, end) => {
          const { afi, safi, subtype } = decodeRouteRefresh(bytes.subarray(start, end));
          const family = addressFamilyOf(afi, safi);
          if (family !== undefined && subtype === 0) this.#rib.refresh(this.#peer, family);
        });
        break;
      default:
        // Timers and what is sent make no difference to what the peer's messages do.
        break;
    }
  }

  #deliver(take: (bytes: Uint8Array, start: number, end: number) => void): void {
    const { bytes, start, end } = this.#message;
    try {
      take(bytes, start, end);
    } catch (error) {
      this.#take(errorEvent("UpdateMsgErr", error));
    }
  }
}

function errorEvent(
  kind: "BGPHeaderErr" | "BGPOpenMsgErr" | "UpdateMsgErr",
  error: unknown,
): SessionEvent {
  if (!(error instanceof DecodeError)) throw error;
  return { kind, cause: error.notification, message: error.message };
}

function ribSessionOf(negotiated: Negotiated): RibSession {
  const { external, fourOctetAs, families, peerAsn } = negotiated;
  return {
    cx: {
      external,
      fourOctetAs,
      families,
      ...(external ? { firstAsn: peerAsn } : {}),
      addPathReceive: negotiated.addPathReceive,
      extendedNextHop: negotiated.extendedNextHop,
    },
    routerId: negotiated.peerRouterId,
    messageLengthMax: negotiated.extendedMessage ? 65535 : 4096,
    addPathSend: negotiated.addPathSend,
  };
}
