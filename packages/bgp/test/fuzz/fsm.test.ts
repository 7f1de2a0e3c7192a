/** The session state machine under random lists of events: states are legal, effects balanced. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp4 } from "@heddle/inet";
import type { SessionEffect } from "../../src/fsm/effects.ts";
import {
  type SessionEvent,
  type SessionEventKind,
  sessionEventKinds,
} from "../../src/fsm/events.ts";
import { negotiate } from "../../src/fsm/negotiate.ts";
import { type LocalSide, openOf } from "../../src/fsm/offer.ts";
import {
  type SessionState,
  type SessionStateKind,
  sessionStateKinds,
} from "../../src/fsm/state.ts";
import { step } from "../../src/fsm/step.ts";
import { Draw } from "./draw.ts";

const local: LocalSide = {
  asn: parseAsn(65000),
  routerId: parseIp4("10.255.0.1"),
  holdTimeMs: 9000,
  families: ["ipv4-unicast"],
};
const remote = { ...local, asn: parseAsn(65001), routerId: parseIp4("10.255.0.2") };
const graceful = { restartTimeMs: 120_000, restarting: false, forwarding: true };
const cause = { code: 6, subcode: 2, data: new Uint8Array(0) };

function negotiated(withGracefulRestart: boolean): ReturnType<typeof negotiate> {
  const more = withGracefulRestart ? { gracefulRestart: graceful } : {};
  return negotiate({ ...local, ...more }, remote.asn, openOf({ ...remote, ...more }));
}

function eventOf(kind: SessionEventKind, draw: Draw): SessionEvent {
  switch (kind) {
    case "ManualStop":
      return { kind, cause, silent: draw.oneIn(2) };
    case "AutomaticStop":
    case "NotifMsg":
    case "NotifMsgVerErr":
      return { kind, cause };
    case "TcpConnectionFails":
      return { kind, message: "gone", delaysOpen: draw.oneIn(2) };
    case "BGPOpen":
    case "BGPOpen_with_DelayOpenTimer_running":
      return { kind, negotiated: negotiated(draw.oneIn(2)), awaitsBfd: draw.oneIn(3) };
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
    case "RouteRefreshMsgErr":
      return { kind, cause, message: "bad" };
    default:
      return { kind };
  }
}

type TimerName = "ConnectRetry" | "DelayOpen" | "Hold" | "Keepalive" | "IdleHold";

/** What a runner would have at hand after the effects so far. */
class World {
  readonly timers: Set<TimerName> = new Set();
  connection: "none" | "opening" | "open" = "none";
  /** An OPEN was sent on the connection. */
  sentOpen = false;
  isUp = false;

  perform(effect: SessionEffect): void {
    switch (effect) {
      case "startConnectRetryTimer":
        this.timers.add("ConnectRetry");
        break;
      case "stopConnectRetryTimer":
        this.timers.delete("ConnectRetry");
        break;
      case "startDelayOpenTimer":
        this.timers.add("DelayOpen");
        break;
      case "stopDelayOpenTimer":
        this.timers.delete("DelayOpen");
        break;
      case "startLargeHoldTimer":
      case "startBfdHoldTimer":
      case "startHoldTimer":
        this.timers.add("Hold");
        break;
      case "startKeepaliveTimer":
        this.timers.add("Keepalive");
        break;
      case "stopSessionTimers":
        this.timers.delete("Hold");
        this.timers.delete("Keepalive");
        break;
      case "startIdleHoldTimer":
        this.timers.add("IdleHold");
        break;
      case "stopIdleHoldTimer":
        this.timers.delete("IdleHold");
        break;
      case "connect":
        assert.equal(this.connection, "none", "one connection at a time");
        this.connection = "opening";
        break;
      case "dropConnection":
        this.connection = "none";
        this.sentOpen = false;
        break;
      case "sendOpen":
        assert.equal(this.connection, "open", "an OPEN needs a connection");
        assert.equal(this.sentOpen, false, "one OPEN per connection");
        this.sentOpen = true;
        break;
      case "sendKeepalive":
      case "sendNotification":
        assert.equal(this.connection, "open", `${effect} needs a connection`);
        break;
      case "sessionUp":
        assert.equal(this.isUp, false, "up once");
        this.isUp = true;
        break;
      case "sessionDown":
        assert.equal(this.isUp, true, "down after up");
        this.isUp = false;
        break;
      default:
        break;
    }
  }

  /** What can happen next: timers that run expire, a connection that is there speaks or fails. */
  possible(passive: boolean): SessionEventKind[] {
    const kinds: SessionEventKind[] = ["ManualStop", "AutomaticStop", "BfdUp", "BfdDown"];
    kinds.push(
      passive ? "ManualStart_with_PassiveTcpEstablishment" : "ManualStart",
      passive ? "AutomaticStart_with_PassiveTcpEstablishment" : "AutomaticStart",
    );
    for (const timer of this.timers) kinds.push(`${timer}Timer_Expires` as const);
    if (this.connection === "opening") kinds.push("Tcp_CR_Acked", "TcpConnectionFails");
    if (this.connection === "none" && passive) kinds.push("TcpConnectionConfirmed");
    if (this.connection !== "open") return kinds;
    const isDelayed = this.timers.has("DelayOpen");
    kinds.push(
      isDelayed ? "BGPOpen_with_DelayOpenTimer_running" : "BGPOpen",
      "KeepAliveMsg",
      "UpdateMsg",
      "TcpConnectionFails",
      "BGPHeaderErr",
      "BGPOpenMsgErr",
      "UpdateMsgErr",
      "NotifMsg",
      "NotifMsgVerErr",
      "OpenCollisionDump",
      "RouteRefreshMsg",
      "RouteRefreshMsgErr",
      "SendHoldTimer_Expires",
    );
    return kinds;
  }

  /** The event has happened to the world before the machine hears of it. */
  happen(event: SessionEvent): void {
    const timer = /^(.*)Timer_Expires$/.exec(event.kind)?.[1] as TimerName | undefined;
    if (timer !== undefined) this.timers.delete(timer);
    if (event.kind === "Tcp_CR_Acked" || event.kind === "TcpConnectionConfirmed") {
      this.connection = "open";
    }
  }
}

/** What a session does on its way up, where it is possible at all. */
const usual: Readonly<Record<SessionStateKind, readonly SessionEventKind[]>> = {
  Idle: ["ManualStart", "ManualStart_with_PassiveTcpEstablishment", "IdleHoldTimer_Expires"],
  Connect: ["Tcp_CR_Acked", "BGPOpen_with_DelayOpenTimer_running", "DelayOpenTimer_Expires"],
  Active: ["TcpConnectionConfirmed", "BGPOpen_with_DelayOpenTimer_running"],
  OpenSent: ["BGPOpen"],
  OpenConfirm: ["KeepAliveMsg", "BfdUp", "KeepaliveTimer_Expires"],
  Established: ["UpdateMsg", "KeepAliveMsg", "RouteRefreshMsg", "KeepaliveTimer_Expires"],
};

function nextKind(state: SessionState, possible: SessionEventKind[], draw: Draw): SessionEventKind {
  const likely = usual[state.kind].filter((kind) => possible.includes(kind));
  return draw.pick(likely.length === 0 || draw.oneIn(5) ? possible : likely);
}

/** What runs in a state, when only what is possible has happened. */
function checkWorld(state: SessionState, world: World): void {
  const { timers, connection } = world;
  const runs = (timer: TimerName): boolean => timers.has(timer);
  assert.equal(world.isUp, state.kind === "Established");
  if (state.kind !== "Idle") assert.ok(!runs("IdleHold"), "no back-off outside Idle");
  if (state.kind !== "Connect" && state.kind !== "Active") {
    assert.ok(!runs("ConnectRetry") && !runs("DelayOpen"), "no attempt is under way");
  }
  const isSpeaking = ["OpenSent", "OpenConfirm", "Established"].includes(state.kind);
  assert.equal(runs("Hold"), isSpeaking, "the hold timer");
  if (isSpeaking) assert.ok(connection === "open" && world.sentOpen, "OPEN was sent");
  if (state.kind === "Idle") assert.equal(connection, "none", "no connection in Idle");
  const isAlive =
    state.kind === "Established" || (state.kind === "OpenConfirm" && state.bfd === "ready");
  assert.equal(runs("Keepalive"), isAlive, "the keepalive timer");
}

test("whatever can happen leaves timers, connection and session as the state says", () => {
  const visited = new Map<SessionStateKind, number>();
  for (let seed = 0; seed < 2000; seed += 1) {
    const draw = new Draw(seed);
    const options = { passive: draw.oneIn(2), delayOpen: draw.oneIn(2) };
    const world = new World();
    const path: string[] = [];
    let state: SessionState = { kind: "Idle" };
    for (let i = 0; i < 40; i += 1) {
      const event = eventOf(nextKind(state, world.possible(options.passive), draw), draw);
      const from = state.kind;
      try {
        world.happen(event);
        const { state: next, effects } = step(state, event, options);
        state = next;
        for (const effect of effects) world.perform(effect);
        path.push(`${from} ${event.kind} -> ${next.kind}: ${effects.join(", ")}`);
        checkWorld(state, world);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        assert.fail(`seed ${seed} ${JSON.stringify(options)}: ${text}\n${path.join("\n")}`);
      }
      visited.set(state.kind, (visited.get(state.kind) ?? 0) + 1);
    }
  }
  for (const kind of sessionStateKinds) {
    assert.ok((visited.get(kind) ?? 0) > 1000, `${kind} was visited ${visited.get(kind)} times`);
  }
});

test("any event at all leaves a legal state, and sessions come up and go down in turn", () => {
  for (let seed = 0; seed < 1000; seed += 1) {
    const draw = new Draw(seed);
    const options = { passive: draw.oneIn(2), delayOpen: draw.oneIn(2) };
    let state: SessionState = { kind: "Idle" };
    let isUp = false;
    for (let i = 0; i < 40; i += 1) {
      const { state: next, effects } = step(
        state,
        eventOf(draw.pick(sessionEventKinds), draw),
        options,
      );
      assert.ok(sessionStateKinds.includes(next.kind));
      for (const effect of effects) {
        if (effect !== "sessionUp" && effect !== "sessionDown") continue;
        assert.equal(isUp, effect === "sessionDown", `seed ${seed}`);
        isUp = effect === "sessionUp";
      }
      assert.equal(isUp, next.kind === "Established", `seed ${seed}`);
      state = next;
    }
  }
});
