import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { ceaseSubcodes, errorCodes } from "../packet/iana.ts";
import { type SessionEvent, type SessionEventKind, sessionEventKinds } from "./events.ts";
import type { Negotiated } from "./negotiate.ts";
import { type SessionState, type SessionStateKind, sessionStateKinds } from "./state.ts";
import { notificationOf, step } from "./step.ts";
import { sessionTable } from "./table.ts";

const golden = new URL("./golden.txt", import.meta.url);

/** The whole table as text: one line per transition. */
function printTable(): string {
  const lines: string[] = [];
  for (const state of sessionStateKinds) {
    for (const event of sessionEventKinds) {
      for (const { guard, next, bfd, effects } of sessionTable[state][event]) {
        const condition = guard === undefined ? "" : ` if ${guard.name}`;
        const to = bfd === undefined ? next : `${next} (BFD ${bfd})`;
        lines.push(`${state} ${event}${condition} -> ${to}: ${effects.join(", ")}`.trimEnd());
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Run with UPDATE_GOLDEN=1 after a deliberate change, and review the difference. */
test("every state and event has the transitions of the golden table", () => {
  const printed = printTable();
  if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(golden, printed);
  assert.equal(printed, readFileSync(golden, "utf8"));
});

test("the last transition of every cell, and no other, is without a guard", () => {
  for (const row of Object.values(sessionTable)) {
    for (const [event, cell] of Object.entries(row)) {
      const unguarded = cell.map((transition) => transition.guard === undefined);
      assert.deepEqual(unguarded.indexOf(true), cell.length - 1, event);
    }
  }
});

const negotiated: Negotiated = {
  peerAsn: parseAsn(65201),
  peerRouterId: parseIp4("10.0.0.1"),
  external: true,
  holdTimeMs: 9000,
  families: ["ipv4-unicast"],
  fourOctetAs: true,
  extendedMessage: false,
  routeRefresh: true,
  confederationExternal: false,
  enhancedRouteRefresh: true,
  addPathReceive: [],
  addPathSend: [],
  extendedNextHop: [],
  bfdStrict: false,
};
const active = { passive: false, delayOpen: false };
const cause = {
  code: errorCodes.cease,
  subcode: ceaseSubcodes.maxPrefixes,
  data: new Uint8Array(0),
};

function stateOf(kind: SessionStateKind): SessionState {
  if (kind === "OpenConfirm") return { kind, negotiated, bfd: "ready" };
  return kind === "Established" ? { kind, negotiated } : { kind };
}

function eventOf(kind: SessionEventKind): SessionEvent {
  switch (kind) {
    case "ManualStop":
      return { kind, cause, silent: false };
    case "AutomaticStop":
    case "NotifMsg":
    case "NotifMsgVerErr":
      return { kind, cause };
    case "TcpConnectionFails":
      return { kind, message: "gone" };
    case "BGPOpen":
    case "BGPOpen_with_DelayOpenTimer_running":
      return { kind, negotiated, awaitsBfd: false };
    case "BGPHeaderErr":
    case "BGPOpenMsgErr":
    case "UpdateMsgErr":
    case "RouteRefreshMsgErr":
      return { kind, cause, message: "bad" };
    default:
      return { kind };
  }
}

test("step() is total, and whoever leaves Established says so", () => {
  for (const from of sessionStateKinds) {
    for (const kind of sessionEventKinds) {
      for (const passive of [false, true]) {
        const options = { passive, delayOpen: passive };
        const { state, effects } = step(stateOf(from), eventOf(kind), options);
        const left = from === "Established" && state.kind !== "Established";
        assert.equal(effects.includes("sessionDown"), left, `${from} ${kind}`);
        const entered = from !== "Established" && state.kind === "Established";
        assert.equal(effects.includes("sessionUp"), entered, `${from} ${kind}`);
        const hadConnection = ["OpenSent", "OpenConfirm", "Established"].includes(from);
        const hasNone = ["Idle", "Active"].includes(state.kind);
        const isStart = kind.includes("Start_with_Damp");
        if (isStart) assert.equal(state.kind, from);
        if (hadConnection && hasNone) assert.ok(effects.includes("dropConnection"));
      }
    }
  }
});

test("a passive session never initiates", () => {
  for (const from of sessionStateKinds.filter((kind) => kind !== "Connect")) {
    for (const kind of sessionEventKinds) {
      const starts = kind === "ManualStart" || kind === "AutomaticStart";
      // Active runs no ConnectRetryTimer in a passive session, so it cannot expire.
      if (starts || kind === "ConnectRetryTimer_Expires") continue;
      const { state } = step(stateOf(from), eventOf(kind), { passive: true, delayOpen: false });
      assert.notEqual(state.kind, "Connect", `${from} ${kind}`);
    }
  }
});

test("a silent stop sends nothing", () => {
  for (const from of sessionStateKinds) {
    const stop: SessionEvent = { kind: "ManualStop", cause, silent: true };
    assert.equal(step(stateOf(from), stop, active).effects.includes("sendNotification"), false);
  }
});

test("RFC 4724 5: a new connection replaces the session of a peer with graceful restart only", () => {
  const event: SessionEvent = { kind: "TcpConnectionConfirmed" };
  assert.equal(step(stateOf("Established"), event, active).state.kind, "Established");
  const graceful = {
    restarting: false,
    restartTimeMs: 120_000,
    notification: true,
    families: ["ipv4-unicast"] as const,
    forwarding: [],
    longLived: [],
    longLivedForwarding: [],
  };
  const state: SessionState = {
    kind: "Established",
    negotiated: { ...negotiated, peerGracefulRestart: graceful },
  };
  const { state: next, effects } = step(state, event, active);
  assert.equal(next.kind, "Idle");
  assert.equal(effects.includes("sendNotification"), false);
});

test("notificationOf() names the error of the event, else a state machine error of the state", () => {
  const shown = (from: SessionStateKind, kind: SessionEventKind): string => {
    const { code, subcode } = notificationOf(stateOf(from), eventOf(kind));
    return `${code}/${subcode}`;
  };
  assert.equal(shown("Established", "UpdateMsgErr"), "6/1");
  assert.equal(shown("Established", "HoldTimer_Expires"), "4/0");
  assert.equal(shown("OpenConfirm", "OpenCollisionDump"), "6/7");
  assert.equal(shown("Established", "BfdDown"), "6/10");
  assert.equal(shown("OpenSent", "KeepAliveMsg"), "5/1");
  assert.equal(shown("OpenConfirm", "UpdateMsg"), "5/2");
  assert.equal(shown("Established", "BGPOpen"), "5/3");
});

test("DelayOpen: the OPEN waits for the timer, or for the peer's", () => {
  const delaying = { passive: false, delayOpen: true };
  const acked = step({ kind: "Connect" }, { kind: "Tcp_CR_Acked" }, delaying);
  assert.equal(acked.state.kind, "Connect");
  assert.deepEqual(acked.effects, ["stopConnectRetryTimer", "startDelayOpenTimer"]);
  const over = step(acked.state, { kind: "DelayOpenTimer_Expires" }, delaying);
  assert.equal(over.state.kind, "OpenSent");
  assert.ok(over.effects.includes("sendOpen"));
  const kind = "BGPOpen_with_DelayOpenTimer_running";
  const opened = step(acked.state, { kind, negotiated, awaitsBfd: false }, delaying);
  assert.equal(opened.state.kind, "OpenConfirm");
  assert.ok(opened.effects.indexOf("sendOpen") < opened.effects.indexOf("sendKeepalive"));
  const fails = { kind: "TcpConnectionFails", message: "" } as const;
  const lost = step(acked.state, { ...fails, delaysOpen: true }, delaying);
  assert.equal(lost.state.kind, "Active");
  assert.ok(lost.effects.includes("stopDelayOpenTimer"));
  assert.ok(lost.effects.includes("startConnectRetryTimer"));
  assert.equal(step(acked.state, fails, delaying).state.kind, "Idle");
  assert.equal(step(lost.state, { ...fails, delaysOpen: true }, delaying).state.kind, "Idle");
});

test("strict BFD: our KEEPALIVE waits for BFD, and so does what the peer's would do", () => {
  const open: SessionEvent = { kind: "BGPOpen", negotiated, awaitsBfd: true };
  const opened = step({ kind: "OpenSent" }, open, active);
  assert.deepEqual(opened.state, { kind: "OpenConfirm", negotiated, bfd: "awaited" });
  assert.equal(opened.effects.includes("sendKeepalive"), false);

  const up = step(opened.state, { kind: "BfdUp" }, active);
  assert.deepEqual(up.state, { kind: "OpenConfirm", negotiated, bfd: "ready" });
  assert.ok(up.effects.includes("sendKeepalive"));
  assert.equal(step(up.state, { kind: "KeepAliveMsg" }, active).state.kind, "Established");

  const heard = step(opened.state, { kind: "KeepAliveMsg" }, active);
  assert.deepEqual(heard.state, { kind: "OpenConfirm", negotiated, bfd: "awaited-alive" });
  assert.equal(step(heard.state, { kind: "KeepAliveMsg" }, active).state.kind, "OpenConfirm");
  const both = step(heard.state, { kind: "BfdUp" }, active);
  assert.equal(both.state.kind, "Established");
  assert.ok(both.effects.indexOf("sendKeepalive") < both.effects.indexOf("sessionUp"));

  assert.equal(step(opened.state, { kind: "BfdDown" }, active).state, opened.state);
  const { code, subcode } = notificationOf(opened.state, { kind: "HoldTimer_Expires" });
  assert.deepEqual([code, subcode], [errorCodes.cease, ceaseSubcodes.bfdDown]);
});
