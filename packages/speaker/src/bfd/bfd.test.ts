import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@heddle/codec";
import { seededRng, VirtualClock } from "@heddle/std";
import fc from "fast-check";
import { SpeakerError } from "../errors.ts";
import { type BfdPacket, type BfdState, decodeBfdPacket, encodeBfdPacket } from "./packet.ts";
import { type BfdChange, BfdSession } from "./session.ts";
import { type BfdEvent, bfdTable } from "./state.ts";

const packet: BfdPacket = {
  diagnostic: 3,
  state: "Up",
  poll: true,
  final: false,
  controlPlaneIndependent: true,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 0x01020304,
  yourDiscriminator: 0x0a0b0c0d,
  desiredMinTxUs: 300_000,
  requiredMinRxUs: 300_000,
  requiredMinEchoRxUs: 0,
};
const packetHex = "23e80318 01020304 0a0b0c0d 000493e0 000493e0 00000000".replaceAll(" ", "");

test("a BFD packet, both ways", () => {
  assert.equal(toHex(encodeBfdPacket(packet)), packetHex);
  assert.deepEqual(decodeBfdPacket(fromHex(packetHex)), packet);
});

test("decodeBfdPacket() makes the checks of RFC 5880 6.8.6", () => {
  const edits: readonly (readonly [name: string, at: number, value: number])[] = [
    ["version 0", 0, 0x03],
    ["authenticated", 1, 0xec],
    ["multipoint", 1, 0xe9],
    ["detect multiplier 0", 2, 0],
    ["length 23", 3, 23],
    ["length beyond the packet", 3, 25],
  ];
  for (const [name, at, value] of edits) {
    const bytes = fromHex(packetHex);
    bytes[at] = value;
    assert.throws(() => decodeBfdPacket(bytes), SpeakerError, name);
  }
  const longer = fromHex(`${packetHex}00`);
  longer[3] = 25;
  assert.deepEqual(decodeBfdPacket(longer), packet);
  const zero = { ...packet, yourDiscriminator: 0 };
  assert.throws(() => decodeBfdPacket(encodeBfdPacket(zero)), /Your Discriminator 0 in Up/);
  assert.equal(decodeBfdPacket(encodeBfdPacket({ ...zero, state: "Down" })).state, "Down");
  assert.throws(() => decodeBfdPacket(encodeBfdPacket({ ...packet, myDiscriminator: 0 })));
  assert.throws(() => decodeBfdPacket(new Uint8Array(23)), SpeakerError);
});

test("decodeBfdPacket() throws nothing but SpeakerError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 30 }), (bytes) => {
      try {
        decodeBfdPacket(bytes);
      } catch (error) {
        assert.ok(error instanceof SpeakerError);
      }
    }),
    { numRuns: 1000 },
  );
});

/** Next states in the order of the events, as RFC 5880 6.2 and 6.8.6 have them. */
const expected: Readonly<Record<BfdState, string>> = {
  AdminDown: "AdminDown AdminDown AdminDown AdminDown AdminDown AdminDown Down",
  Down: "Down Init Up Down Down AdminDown Down",
  Init: "Down Init Up Up Down AdminDown Init",
  Up: "Down Down Up Up Down AdminDown Up",
};
const events: readonly BfdEvent[] = [
  "RemoteAdminDown",
  "RemoteDown",
  "RemoteInit",
  "RemoteUp",
  "DetectionTimer_Expires",
  "AdminDisable",
  "AdminEnable",
];

test("the BFD state table is that of RFC 5880", () => {
  for (const [state, row] of Object.entries(bfdTable)) {
    assert.equal(events.map((event) => row[event].next).join(" "), expected[state as BfdState]);
  }
});

/** Two sessions on a wire of 1 ms that can be cut in each direction. */
class Wire {
  readonly clock = new VirtualClock();
  readonly sent: BfdPacket[] = [];
  readonly changes: BfdChange[] = [];
  cutToA = false;
  cutToB = false;
  readonly a: BfdSession;
  readonly b: BfdSession;

  constructor(aMs = 300, bMs = 300) {
    const config = (discriminator: number, intervalMs: number) => ({
      discriminator,
      txIntervalMs: intervalMs,
      rxIntervalMs: intervalMs,
      detectMultiplier: 3,
    });
    const deliver = (to: () => BfdSession, isCut: () => boolean) => (sent: BfdPacket) => {
      this.sent.push(sent);
      const bytes = encodeBfdPacket(sent);
      this.clock.after(1, () => {
        if (!isCut()) to().receive(decodeBfdPacket(bytes));
      });
    };
    const rng = seededRng(7);
    this.a = new BfdSession(config(1, aMs), this.clock, rng, {
      send: deliver(
        () => this.b,
        () => this.cutToB,
      ),
      changed: (change) => this.changes.push(change),
    });
    this.b = new BfdSession(config(2, bMs), this.clock, rng, {
      send: deliver(
        () => this.a,
        () => this.cutToA,
      ),
      changed: () => undefined,
    });
  }

  get states(): string {
    return `${this.a.state} ${this.b.state}`;
  }
}

test("two sessions come up by three packets and stay up", () => {
  const wire = new Wire();
  wire.clock.advance(10);
  assert.equal(wire.states, "Up Up");
  wire.clock.advance(60_000);
  assert.equal(wire.states, "Up Up");
  assert.deepEqual(wire.changes.map((change) => change.state).slice(-1), ["Up"]);
});

test("packets flow slowly until Up, then at the negotiated pace with jitter below it", () => {
  const wire = new Wire(100, 300);
  wire.clock.advance(5000);
  const before = wire.sent.length;
  wire.clock.advance(30_000);
  // Both send every 300 ms at most: a because b requires it, b by its own wish; jitter is 75 to 100
  // %.
  const perSide = (wire.sent.length - before) / 2;
  assert.ok(perSide >= 100 && perSide <= 134, `${perSide} packets in 30 s`);
});

test("a poll sequence ends with the final bit and is not repeated", () => {
  const wire = new Wire();
  wire.clock.advance(2000);
  assert.ok(wire.sent.some((sent) => sent.poll));
  assert.ok(wire.sent.some((sent) => sent.final && !sent.poll));
  const later = wire.sent.length;
  wire.clock.advance(5000);
  assert.ok(wire.sent.slice(later).every((sent) => !sent.poll && !sent.final));
});

test("a cut in one direction is detected after three intervals and told to the other side", () => {
  const wire = new Wire();
  wire.clock.advance(5000);
  wire.cutToA = true;
  wire.clock.advance(600);
  assert.equal(wire.a.state, "Up");
  wire.clock.advance(320);
  assert.equal(wire.a.state, "Down");
  assert.equal(wire.changes.at(-1)?.diagnostic, 1);
  assert.equal(wire.b.state, "Down");
  wire.cutToA = false;
  wire.clock.advance(3000);
  assert.equal(wire.states, "Up Up");
});

/** One session and whatever its peer sends. */
class Alone {
  readonly clock = new VirtualClock();
  readonly sent: { readonly atMs: number; readonly packet: BfdPacket }[] = [];
  readonly changes: BfdChange[] = [];
  readonly session: BfdSession;

  constructor(detectMultiplier = 3) {
    const config = { discriminator: 7, txIntervalMs: 100, rxIntervalMs: 100, detectMultiplier };
    this.session = new BfdSession(config, this.clock, seededRng(11), {
      send: (sent) => this.sent.push({ atMs: this.clock.nowMs(), packet: sent }),
      changed: (change) => this.changes.push(change),
    });
  }

  hear(fields: Partial<BfdPacket>): void {
    const common = { ...packet, poll: false, yourDiscriminator: 7, diagnostic: 0 } as const;
    const paces = { desiredMinTxUs: 100_000, requiredMinRxUs: 100_000 };
    this.session.receive({ ...common, ...paces, ...fields });
  }

  /** Until Up, with the poll sequence of that over. */
  up(): void {
    this.hear({ state: "Down", yourDiscriminator: 0 });
    this.hear({ state: "Init" });
    this.hear({ state: "Up", final: true });
    assert.equal(this.session.state, "Up");
  }

  /** Hears a packet every 50 ms. */
  hearFor(timeMs: number, fieldsAt: (i: number) => Partial<BfdPacket>): void {
    for (let i = 0; i * 50 < timeMs; i += 1) {
      this.hear({ state: "Up", ...fieldsAt(i) });
      this.clock.advance(50);
    }
  }
}

test("RFC 5880 6.8.3: however often the peer changes its pace, packets go out in time", () => {
  const alone = new Alone();
  alone.up();
  const before = alone.sent.length;
  alone.hearFor(3000, (i) => ({ requiredMinRxUs: i % 2 === 0 ? 100_000 : 120_000 }));
  const times = alone.sent.slice(before).map(({ atMs }) => atMs);
  assert.ok(times.length >= 25, `${times.length} packets in 3 s`);
  for (const [i, atMs] of times.entries()) {
    const gapMs = atMs - (times[i - 1] ?? atMs);
    assert.ok(gapMs <= 121, `${gapMs} ms between two packets`);
  }
});

test("RFC 5880 6.8.7: none without being wanted, and at once again when they are", () => {
  const alone = new Alone();
  alone.up();
  alone.hearFor(200, () => ({ requiredMinRxUs: 0 }));
  const before = alone.sent.length;
  alone.hearFor(1000, () => ({ requiredMinRxUs: 0 }));
  assert.equal(alone.sent.length, before);
  alone.hear({ state: "Up" });
  alone.hearFor(300, () => ({}));
  assert.ok(alone.sent.length > before);
});

test("RFC 5880 6.6: a peer in demand mode is sent nothing but answers to its polls", () => {
  const alone = new Alone();
  alone.up();
  alone.hearFor(200, () => ({ demand: true }));
  const before = alone.sent.length;
  alone.hearFor(2000, (i) => ({ demand: true, poll: i === 10 }));
  assert.deepEqual(
    alone.sent.slice(before).map(({ packet: { final, poll } }) => [final, poll]),
    [[true, false]],
  );
  alone.hearFor(300, () => ({}));
  assert.ok(alone.sent.length > before + 2, "it goes on when demand mode ends");
});

test("RFC 5880 6.8.4: the detection time is the peer's multiplier times the slower pace", () => {
  const alone = new Alone();
  alone.up();
  alone.hear({ state: "Up", detectMultiplier: 5, desiredMinTxUs: 200_000 });
  alone.clock.advance(1000);
  assert.equal(alone.session.state, "Up");
  alone.clock.advance(2);
  assert.equal(alone.session.state, "Down");
  const last = alone.sent.at(-1)?.packet;
  // 6.8.1: who the peer was is forgotten.
  assert.deepEqual([last?.diagnostic, last?.yourDiscriminator], [1, 0]);
});

test("RFC 5880 6.8.7: with a detect multiplier of 1 a packet is at most 90 % of the interval late", () => {
  const alone = new Alone(1);
  alone.up();
  const before = alone.sent.length;
  alone.hearFor(5000, () => ({}));
  const times = alone.sent.slice(before + 1).map(({ atMs }) => atMs);
  for (const [i, atMs] of times.entries()) {
    const gapMs = atMs - (times[i - 1] ?? atMs - 80);
    assert.ok(gapMs >= 75 && gapMs <= 91, `${gapMs} ms`);
  }
});

test("a peer that is turned off by its operator is told of, also to a session that is Down", () => {
  const alone = new Alone();
  alone.hear({ state: "AdminDown" });
  alone.hear({ state: "AdminDown" });
  assert.deepEqual(
    alone.changes.map(({ before, remoteState, state }) => [before, state, remoteState]),
    [["Down", "Down", "AdminDown"]],
  );
  // Who is not heard any more has not turned off anything.
  alone.clock.advance(400);
  assert.equal(alone.changes.at(-1)?.remoteState, "Down");
  alone.up();
  alone.hear({ state: "AdminDown" });
  const last = alone.changes.at(-1);
  assert.deepEqual([last?.before, last?.state, last?.remoteState], ["Up", "Down", "AdminDown"]);
});

test("a session that is disabled reads as AdminDown, not as a failure", () => {
  const wire = new Wire();
  wire.clock.advance(5000);
  wire.b.disable();
  wire.b[Symbol.dispose]();
  wire.clock.advance(5);
  assert.equal(wire.a.state, "Down");
  assert.equal(wire.changes.at(-1)?.remoteState, "AdminDown");
});

test("a disposed session sends nothing and leaves no timer", () => {
  const wire = new Wire();
  wire.clock.advance(5000);
  wire.a[Symbol.dispose]();
  wire.b[Symbol.dispose]();
  wire.clock.advance(1);
  assert.equal(wire.clock.pendingCount, 0);
});
