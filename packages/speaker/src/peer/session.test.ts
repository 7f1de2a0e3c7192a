import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeNotification,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  Framer,
  formatNotification,
  type LocalSide,
  type Negotiated,
  negotiate,
  openOf,
  replay,
} from "@heddle/bgp";
import { parseAsn, parseIp4 } from "@heddle/inet";
import { seededRng, VirtualClock } from "@heddle/std";
import { defaultSessionTimers } from "../config.ts";
import type { ConnectionEvents, MessageStream } from "../tcp/connection.ts";
import { IdleHold } from "./idle-hold.ts";
import { MessageCounters } from "./message-counters.ts";
import { Session, type SessionHost } from "./session.ts";
import { SessionRecorder } from "./session-recorder.ts";

const local: LocalSide = {
  asn: parseAsn(65203),
  routerId: parseIp4("10.0.0.3"),
  holdTimeMs: 9000,
  families: ["ipv4-unicast"],
};
const peer: LocalSide = { ...local, asn: parseAsn(65201), routerId: parseIp4("10.0.0.1") };

/** The peer's end of a connection, under the hand of the test. */
class FakeStream implements MessageStream {
  readonly sent: string[] = [];
  readonly #framer = new Framer();
  events: ConnectionEvents | undefined;
  readonly peerName = undefined;
  closed = false;
  full = false;
  queuedLength = 0;

  open(events: ConnectionEvents): void {
    this.events = events;
  }

  allowExtended(): void {
    this.#framer.allowExtended();
  }

  send(bytes: Uint8Array): boolean {
    new Framer().push(bytes, (type, data, start, end) => {
      const isNotification = type === 3;
      const cause = isNotification ? decodeNotification(data.subarray(start, end)) : undefined;
      this.sent.push(cause === undefined ? String(type) : formatNotification(cause));
      return true;
    });
    return !this.full;
  }

  close(): void {
    this.closed = true;
    this.events = undefined;
  }

  receive(...messages: Uint8Array[]): void {
    for (const message of messages) {
      const { events } = this;
      if (events !== undefined) this.#framer.push(message, events.message);
    }
  }
}

/** Not narrowed by an earlier assertion. */
function kindOf(session: Session): string {
  return session.state.kind;
}

interface BenchOptions {
  readonly passive?: boolean;
  readonly delayOpenMs?: number;
  readonly keepaliveMs?: number;
  readonly bfdStrict?: boolean;
}

function bench({
  passive = false,
  delayOpenMs,
  keepaliveMs,
  bfdStrict = false,
}: BenchOptions = {}) {
  const clock = new VirtualClock();
  const lines: string[] = [];
  const recorder = new SessionRecorder(parseIp4("10.0.0.1"), clock, {
    write: (line) => lines.push(line),
  });
  const strict = { bfdStrict };
  const streams: FakeStream[] = [];
  const log: string[] = [];
  const dials: PromiseWithResolvers<MessageStream>[] = [];
  const host: SessionHost = {
    clock,
    rng: seededRng(3),
    timers: defaultSessionTimers,
    idleHold: new IdleHold(defaultSessionTimers, clock, seededRng(4)),
    delayOpenMs,
    keepaliveMs,
    isBfdReady: false,
    counters: new MessageCounters(),
    isRecorded: true,
    taken: (taking, event, message) => recorder.take("initiated", taking, event, message),
    dial: () => {
      const dial = Promise.withResolvers<MessageStream>();
      dials.push(dial);
      return dial.promise;
    },
    localOpen: () => openOf({ ...local, ...strict }),
    opened: (_session, open): Negotiated => negotiate({ ...local, ...strict }, peer.asn, open),
    established: () => log.push("up"),
    lost: (_session, _negotiated, event) => log.push(`down ${event.kind}`),
    update: () => log.push("update"),
    routeRefresh: () => log.push("refresh"),
    drained: () => log.push("drained"),
    mayStart: () => true,
    changed: (session, before) => log.push(`${before.kind} -> ${session.state.kind}`),
  };
  const session = new Session(host, passive);
  const connect = async (): Promise<FakeStream> => {
    const stream = new FakeStream();
    streams.push(stream);
    dials.shift()?.resolve(stream);
    await Promise.resolve();
    return stream;
  };
  const establish = async (): Promise<FakeStream> => {
    session.start();
    const stream = await connect();
    stream.receive(encodeOpen(openOf(peer)), encodeKeepalive());
    assert.equal(kindOf(session), "Established");
    return stream;
  };
  return { clock, log, lines, host, dials, session, connect, establish };
}

test("a session is established by OPEN and KEEPALIVE and keeps itself alive", async () => {
  const { clock, log, establish } = bench();
  const stream = await establish();
  assert.deepEqual(stream.sent, ["1", "4"]);
  assert.ok(log.includes("up"));
  for (let i = 0; i < 30; i += 1) {
    clock.advance(2900);
    stream.receive(encodeKeepalive());
  }
  assert.equal(stream.closed, false);
  // A third of the hold time, less jitter.
  const keepalives = stream.sent.filter((type) => type === "4").length;
  assert.ok(keepalives >= 29 && keepalives <= 40, String(keepalives));
});

test("a silent peer is given up after the hold time, with a NOTIFICATION, and tried again", async () => {
  const { clock, log, dials, session, establish } = bench();
  const stream = await establish();
  clock.advance(8990);
  assert.equal(kindOf(session), "Established");
  clock.advance(20);
  assert.equal(kindOf(session), "Idle");
  assert.equal(stream.sent.at(-1), "Hold Timer Expired (4/0)");
  assert.ok(stream.closed);
  assert.ok(log.includes("down HoldTimer_Expires"));
  clock.advance(1000);
  assert.equal(kindOf(session), "Connect");
  assert.equal(dials.length, 1);
});

test("after a stall of our own, what lies unread in the socket counts before the hold timer", async () => {
  const { clock, session, establish } = bench();
  const stream = await establish();
  // The timer fires first, as it does when the event loop was blocked; the socket is read in the
  // same turn.
  clock.advance(9000);
  stream.receive(encodeKeepalive());
  clock.advance(8000);
  assert.equal(kindOf(session), "Established");
});

test("failed attempts back off up to the limit", async () => {
  const { clock, dials, session } = bench();
  session.start();
  const waits: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    dials.shift()?.reject(new Error("refused"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(kindOf(session), "Idle");
    const startMs = clock.nowMs();
    while (dials.length === 0) clock.advance(10);
    waits.push(clock.nowMs() - startMs);
  }
  const limits = [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000];
  waits.forEach((wait, i) => {
    const limit = limits[i] as number;
    assert.ok(wait >= limit * 0.75 - 10 && wait <= limit + 10, `${wait} of ${limit}`);
  });
});

test("an attempt that hangs is given up and made again", () => {
  const { clock, dials, session } = bench();
  session.start();
  clock.advance(5000);
  assert.equal(dials.length, 2);
  assert.equal(kindOf(session), "Connect");
});

test("messages out of turn are answered with the state machine error of the state", async () => {
  const { session, connect } = bench();
  session.start();
  const stream = await connect();
  stream.receive(encodeKeepalive());
  assert.match(String(stream.sent.at(-1)), /Unexpected Message in OpenSent State \(5\/1\)/);
  assert.equal(kindOf(session), "Idle");
});

test("a second OPEN in Established ends the session", async () => {
  const { session, establish } = bench();
  const stream = await establish();
  stream.receive(encodeOpen(openOf(peer)));
  assert.match(String(stream.sent.at(-1)), /Unexpected Message in Established State \(5\/3\)/);
  assert.equal(kindOf(session), "Idle");
});

test("a NOTIFICATION is not answered", async () => {
  const { log, establish } = bench();
  const stream = await establish();
  const count = stream.sent.length;
  stream.receive(encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) }));
  assert.equal(stream.sent.length, count);
  assert.ok(stream.closed);
  assert.ok(log.includes("down NotifMsg"));
});

test("route refreshes are passed on; nothing is after the connection is dropped", async () => {
  const { log, establish } = bench();
  const stream = await establish();
  const refresh = encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 });
  const cease = encodeNotification({ code: 6, subcode: 4, data: new Uint8Array(0) });
  stream.receive(Uint8Array.from([...refresh, ...cease, ...refresh]));
  assert.equal(log.filter((line) => line === "refresh").length, 1);
});

test("a silent stop sends nothing, another sends its cause", async () => {
  for (const silent of [true, false]) {
    const { session, establish } = bench();
    const stream = await establish();
    const cause = { code: 6, subcode: 2, data: new Uint8Array(0) };
    session.dispatch({ kind: "ManualStop", cause, silent });
    assert.deepEqual(stream.sent.slice(2), silent ? [] : ["Cease/Administrative Shutdown (6/2)"]);
    assert.ok(stream.closed);
    session.retire();
  }
});

test("RFC 9687: a peer that takes nothing for too long is given up without a NOTIFICATION", async () => {
  const { clock, log, session, establish } = bench();
  const stream = await establish();
  stream.full = true;
  assert.equal(session.sendUpdates(encodeKeepalive()), false);
  const count = stream.sent.length;
  for (let i = 0; i < 240 && session.state.kind === "Established"; i += 1) {
    clock.advance(2000);
    stream.receive(encodeKeepalive());
  }
  assert.ok(log.includes("down SendHoldTimer_Expires"));
  assert.ok(stream.sent.slice(count).every((type) => type === "4"));
});

test("a passive session waits for a connection and for nothing else", () => {
  const { clock, dials, session } = bench({ passive: true });
  session.start();
  clock.advance(600_000);
  assert.equal(kindOf(session), "Active");
  assert.equal(dials.length, 0);
  const stream = new FakeStream();
  session.accept(stream);
  stream.receive(encodeOpen(openOf(peer)), encodeKeepalive());
  assert.equal(kindOf(session), "Established");
});

test("the configured keepalive time counts where it is shorter", async () => {
  const { clock, establish } = bench({ keepaliveMs: 1000 });
  const stream = await establish();
  for (let i = 0; i < 10; i += 1) {
    clock.advance(1000);
    stream.receive(encodeKeepalive());
  }
  const keepalives = stream.sent.filter((type) => type === "4").length;
  assert.ok(keepalives >= 10 && keepalives <= 14, String(keepalives));
});

test("DelayOpen: our OPEN comes after the time, or at once when the peer's has come", async () => {
  const late = bench({ delayOpenMs: 5000 });
  late.session.start();
  const stream = await late.connect();
  assert.deepEqual([stream.sent, kindOf(late.session)], [[], "Connect"]);
  late.clock.advance(5000);
  assert.deepEqual([stream.sent, kindOf(late.session)], [["1"], "OpenSent"]);

  const early = bench({ delayOpenMs: 5000 });
  early.session.start();
  const other = await early.connect();
  other.receive(encodeOpen(openOf(peer)), encodeKeepalive());
  assert.deepEqual([other.sent, kindOf(early.session)], [["1", "4"], "Established"]);
});

test("strict BFD: the session is up when BFD is, and given up when BFD does not come", async () => {
  const strictPeer = encodeOpen(openOf({ ...peer, bfdStrict: true }));
  const { clock, session, connect } = bench({ bfdStrict: true });
  session.start();
  const stream = await connect();
  stream.receive(strictPeer, encodeKeepalive());
  assert.deepEqual([stream.sent, kindOf(session)], [["1"], "OpenConfirm"]);
  session.dispatch({ kind: "BfdUp" });
  assert.deepEqual([stream.sent, kindOf(session)], [["1", "4"], "Established"]);
  clock.advance(9100);
  assert.equal(stream.sent.at(-1), "Hold Timer Expired (4/0)");

  // The hold time bounds the wait, or BfdHoldTime where there is none.
  for (const [holdTimeMs, boundMs] of [
    [peer.holdTimeMs, peer.holdTimeMs],
    [0, defaultSessionTimers.bfdHoldMs],
  ] as const) {
    const vain = bench({ bfdStrict: true });
    vain.session.start();
    const waiting = await vain.connect();
    waiting.receive(encodeOpen(openOf({ ...peer, holdTimeMs, bfdStrict: true })));
    vain.clock.advance(boundMs - 10);
    assert.equal(kindOf(vain.session), "OpenConfirm");
    vain.clock.advance(20);
    assert.equal(waiting.sent.at(-1), "Cease/BFD Down (6/10)");
    assert.equal(kindOf(vain.session), "Idle");
  }
});

test("a malformed ROUTE-REFRESH ends the session with its own error", async () => {
  const { host, session, establish } = bench();
  const cause = { code: 7, subcode: 1, data: new Uint8Array(0) };
  const stream = await establish();
  session.dispatch({ kind: "RouteRefreshMsgErr", cause, message: "bad" });
  assert.match(String(stream.sent.at(-1)), /\(7\/1\)/);
  assert.equal(host.idleHold.failureCount, 1);
});

test("a recorded session replays to the same states and effects", async () => {
  const { clock, lines, log, host, session, establish } = bench();
  const stream = await establish();
  const refresh = encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 });
  stream.receive(encodeKeepalive(), refresh);
  clock.advance(9100);
  assert.equal(kindOf(session), "Idle");
  const steps = [...replay(lines)];
  const moves = steps
    .filter(({ before, after }) => before !== after)
    .map(({ before, after }) => `${before} -> ${after}`);
  assert.deepEqual(
    moves,
    log.filter((line) => line.includes("->")),
  );
  const effects = steps.flatMap((taken) => taken.effects);
  assert.equal(effects.filter((effect) => effect === "deliverRouteRefresh").length, 1);
  assert.equal(effects.filter((effect) => effect === "sessionUp").length, 1);
  assert.deepEqual(effects.slice(-2), ["countConnectRetry", "startIdleHoldTimer"]);
  const { keepalive } = host.counters.sentCounts;
  assert.equal(effects.filter((effect) => effect === "sendKeepalive").length, keepalive);
  const [atMs] = steps.filter(({ event }) => event.kind === "HoldTimer_Expires").map((s) => s.atMs);
  assert.ok(atMs !== undefined && atMs >= 9000 && atMs < 9100, String(atMs));
  const body = refresh.subarray(19).toHex();
  assert.ok(lines.some((line) => line.includes("RouteRefreshMsg") && line.includes(body)));
});

test("a recording that is full says so and stops", () => {
  const clock = new VirtualClock();
  const lines: string[] = [];
  let endedCount = 0;
  const recorder = new SessionRecorder(parseIp4("10.0.0.1"), clock, {
    write: (line) => lines.push(line),
    ended: () => {
      endedCount += 1;
    },
    octetsMax: 500,
  });
  const { session } = bench();
  for (let i = 0; i < 100; i += 1) {
    recorder.take("initiated", session, { kind: "ManualStart" }, undefined);
  }
  recorder.end();
  assert.equal(lines.at(-1), '{"kind":"full"}\n');
  assert.ok(lines.join("").length < 600);
  assert.equal(endedCount, 1);
  assert.ok([...replay(lines)].length > 0);
});
