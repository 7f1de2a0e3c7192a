/**
 * Two speakers in one process: state machine, codecs and RIB, joined by a wire that is a list. Time
 * is a virtual clock, so that nothing waits. `node examples/bgp/sessions.ts` prints what happens.
 */
import {
  addressFamilyOf,
  DecodeError,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  Framer,
  formatNotification,
  type LocalSide,
  messageTypes,
  type Negotiated,
  negotiate,
  notificationOf,
  openOf,
  type PeerIndex,
  Rib,
  refreshSubtypes,
  retainedFamilies,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
  step,
} from "@heddle/bgp";
import { type Asn, formatPrefix, parseAsn, parseIp4, parsePrefix } from "@heddle/inet";
import { type Clock, must, type Timer, VirtualClock } from "@heddle/std";

const families = ["ipv4-unicast"] as const;
const options = { passive: false, delayOpen: false };
const openHoldMs = 240_000;
const idleHoldMs = 1000;
type TimerEvent =
  | "ConnectRetryTimer_Expires"
  | "HoldTimer_Expires"
  | "KeepaliveTimer_Expires"
  | "IdleHoldTimer_Expires";

/** One end of a session: performs what `step` asks for. */
export class Endpoint {
  readonly rib: Rib;
  readonly log: string[] = [];
  /** Messages that the other end has not read. */
  readonly sent: Uint8Array[] = [];
  readonly #peer: PeerIndex;
  readonly #local: LocalSide;
  readonly #peerAsn: Asn;
  readonly #clock: Clock;
  readonly #timers: Map<TimerEvent, Timer> = new Map();
  #framer = new Framer();
  #state: SessionState = { kind: "Idle" };
  #message: Uint8Array = new Uint8Array(0);

  constructor(n: 1 | 2, clock: Clock) {
    const [address, other] = [parseIp4(`192.0.2.${n}`), parseIp4(`192.0.2.${3 - n}`)];
    const asn = parseAsn(64500 + n);
    this.#peerAsn = parseAsn(64503 - n);
    this.#local = { asn, routerId: address, holdTimeMs: 9000, families };
    this.#clock = clock;
    this.rib = new Rib({
      localAsn: asn,
      routerId: address,
      families,
      multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
      forwarding: false,
      hashSeed: n,
    });
    const accept = { name: "accept", terms: [], otherwise: "accept" } as const;
    this.#peer = this.rib.addPeer({
      address: other,
      asn: this.#peerAsn,
      importPolicy: accept,
      exportPolicy: accept,
      nextHop4: address,
      reflectorClient: false,
      nextHopSelf: false,
    });
  }

  get state(): SessionState["kind"] {
    return this.#state.kind;
  }

  /** Takes an event: the next state, then the effects, in their order. */
  take(event: SessionEvent): void {
    const before = this.#state;
    const { state, effects } = step(before, event, options);
    this.#state = state;
    if (state.kind !== before.kind) {
      this.log.push(`${before.kind} -> ${state.kind} by ${event.kind}`);
    }
    for (const effect of effects) this.#perform(effect, before, event);
  }

  /** Whole or partial messages of the other end. */
  read(chunk: Uint8Array): void {
    try {
      this.#framer.push(chunk, (type, bytes, start, end) => {
        this.#message = bytes.subarray(start, end);
        this.take(this.#eventOf(type));
        return this.#state.kind !== "Idle";
      });
    } catch (error) {
      this.take(errorEvent("BGPHeaderErr", error));
    }
  }

  /** Once per turn of the event loop. */
  turn(): void {
    const deliver = (_peer: PeerIndex, bytes: Uint8Array): boolean => {
      this.sent.push(bytes);
      return true;
    };
    while (this.rib.dirty) this.rib.flush(deliver);
    for (let b = this.rib.pull(this.#peer); b !== undefined; b = this.rib.pull(this.#peer)) {
      this.sent.push(b);
    }
  }

  #eventOf(type: number): SessionEvent {
    switch (type) {
      case messageTypes.open:
        return this.#openEvent();
      case messageTypes.update:
        return { kind: "UpdateMsg" };
      case messageTypes.keepalive:
        return { kind: "KeepAliveMsg" };
      case messageTypes.notification: {
        const cause = decodeNotification(this.#message);
        this.log.push(`received ${formatNotification(cause)}`);
        return { kind: "NotifMsg", cause };
      }
      default:
        return { kind: "RouteRefreshMsg" };
    }
  }

  #openEvent(): SessionEvent {
    try {
      const negotiated = negotiate(this.#local, this.#peerAsn, decodeOpen(this.#message));
      if (negotiated.extendedMessage) this.#framer.allowExtended();
      return { kind: "BGPOpen", negotiated, awaitsBfd: false };
    } catch (error) {
      return errorEvent("BGPOpenMsgErr", error);
    }
  }

  #perform(effect: SessionEffect, before: SessionState, event: SessionEvent): void {
    const { holdTimeMs } = "negotiated" in this.#state ? this.#state.negotiated : this.#local;
    switch (effect) {
      case "sendOpen":
        this.sent.push(encodeOpen(openOf(this.#local)));
        break;
      case "sendKeepalive":
        this.sent.push(encodeKeepalive());
        break;
      case "sendNotification":
        this.sent.push(encodeNotification(notificationOf(before, event)));
        break;
      case "sessionUp":
        this.#sessionUp(negotiatedOf(this.#state));
        break;
      case "sessionDown":
        this.rib.sessionDown(this.#peer, retainedFamilies(negotiatedOf(before), event));
        break;
      case "deliverUpdate":
        this.#deliver();
        break;
      case "deliverRouteRefresh":
        this.#refresh();
        break;
      case "startConnectRetryTimer":
        this.#start("ConnectRetryTimer_Expires", 120_000);
        break;
      case "startLargeHoldTimer":
      case "startBfdHoldTimer":
        this.#start("HoldTimer_Expires", openHoldMs);
        break;
      case "startHoldTimer":
        this.#start("HoldTimer_Expires", holdTimeMs);
        break;
      case "startKeepaliveTimer":
        this.#start("KeepaliveTimer_Expires", holdTimeMs / 3);
        break;
      case "startIdleHoldTimer":
        this.#start("IdleHoldTimer_Expires", idleHoldMs);
        break;
      case "stopConnectRetryTimer":
        this.#stop("ConnectRetryTimer_Expires");
        break;
      case "stopIdleHoldTimer":
        this.#stop("IdleHoldTimer_Expires");
        break;
      case "stopSessionTimers":
        this.#stop("HoldTimer_Expires");
        this.#stop("KeepaliveTimer_Expires");
        break;
      case "dropConnection":
        this.#framer = new Framer();
        break;
      case "connect":
      case "startDelayOpenTimer":
      case "stopDelayOpenTimer":
      case "countConnectRetry":
      case "resetConnectRetryCounter":
        // The wire is there at once, no OPEN is delayed, and nobody counts.
        break;
    }
  }

  #sessionUp({ fourOctetAs, external, extendedMessage, ...negotiated }: Negotiated): void {
    this.rib.sessionUp(this.#peer, {
      cx: { fourOctetAs, external, families: negotiated.families, firstAsn: this.#peerAsn },
      routerId: negotiated.peerRouterId,
      messageLengthMax: extendedMessage ? 65535 : 4096,
    });
  }

  #deliver(): void {
    try {
      const { problems } = this.rib.receive(this.#peer, this.#message, 0, this.#message.length);
      this.log.push(...problems);
    } catch (error) {
      this.take(errorEvent("UpdateMsgErr", error));
    }
  }

  #refresh(): void {
    try {
      const { afi, safi, subtype } = decodeRouteRefresh(this.#message);
      const family = addressFamilyOf(afi, safi);
      const isRequest = subtype === refreshSubtypes.request;
      if (isRequest && family !== undefined) this.rib.refresh(this.#peer, family);
    } catch (error) {
      this.take(errorEvent("RouteRefreshMsgErr", error));
    }
  }

  #start(kind: TimerEvent, delayMs: number): void {
    this.#stop(kind);
    if (delayMs > 0) {
      this.#timers.set(
        kind,
        this.#clock.after(delayMs, () => this.take({ kind })),
      );
    }
  }

  #stop(kind: TimerEvent): void {
    this.#timers.get(kind)?.cancel();
    this.#timers.delete(kind);
  }
}

function negotiatedOf(state: SessionState): Negotiated {
  return must("negotiated" in state ? state.negotiated : undefined, "the OPENs were exchanged");
}

function errorEvent(
  kind: "BGPHeaderErr" | "BGPOpenMsgErr" | "UpdateMsgErr" | "RouteRefreshMsgErr",
  error: unknown,
): SessionEvent {
  if (!(error instanceof DecodeError)) throw error;
  return { kind, cause: error.notification, message: error.message };
}

export function runSessions(): string[] {
  const clock = new VirtualClock();
  const [a, b] = [new Endpoint(1, clock), new Endpoint(2, clock)];
  a.rib.originate(parsePrefix("203.0.113.0/24"));
  for (const end of [a, b]) end.take({ kind: "AutomaticStart" });
  a.take({ kind: "Tcp_CR_Acked" });
  b.take({ kind: "TcpConnectionConfirmed" });
  settle(a, b);
  const held = [...b.rib.routes()].map(({ prefix }) => `b has ${formatPrefix(prefix)}`);

  // Half a minute on a wire that works, then it is cut: nobody hears the other any more.
  for (let second = 0; second < 30; second += 1) {
    clock.advance(1000);
    settle(a, b);
  }
  const alive = `after 30 s: ${a.state}, ${b.state}`;
  clock.advance(9000);
  b.turn();
  const left = `after 9 s of silence: ${b.state}, ${b.rib.prefixCount("ipv4-unicast")} routes`;
  return [...b.log.map((line) => `b: ${line}`), ...held, alive, left];
}

/** Carries what was sent until neither end has more to say. */
function settle(a: Endpoint, b: Endpoint): void {
  for (let busy = true; busy; ) {
    a.turn();
    b.turn();
    busy = a.sent.length + b.sent.length > 0;
    for (const bytes of a.sent.splice(0)) b.read(bytes);
    for (const bytes of b.sent.splice(0)) a.read(bytes);
  }
}

if (import.meta.main) console.log(runSessions().join("\n"));
