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
    ["length 25", 3, 25],
  ];
  for (const [name, at, value] of edits) {
    const bytes = fromHex(packetHex);
    bytes[at] = value;
    assert.throws(() => decodeBfdPacket(bytes), SpeakerError, name);
  }
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
