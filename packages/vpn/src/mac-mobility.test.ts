import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEsi, parseIp } from "@heddle/inet";
import fc from "fast-check";
import {
  dueMs,
  isForgettable,
  type MobilityConfig,
  type MobilityEffect,
  type MobilityEvent,
  type MobilityState,
  mobilityDefaults,
  type RemoteMac,
  stepMobility,
  unknownMac,
} from "./mac-mobility.ts";
import { singleHomed } from "./vrf.ts";

const config: MobilityConfig = { node: parseIp("10.0.0.5"), ...mobilityDefaults };
const segment = parseEsi("00:01:02:03:04:05:06:07:08:09");

const learned = (
  nowMs: number,
  more: { sticky?: boolean; esi?: typeof segment } = {},
): MobilityEvent => ({
  kind: "learned",
  sticky: false,
  esi: singleHomed,
  nowMs,
  ...more,
});

const remote = (nowMs: number, sequence: number, more: Partial<RemoteMac> = {}): MobilityEvent => ({
  kind: "remote",
  remote: { sequence, sticky: false, esi: singleHomed, node: parseIp("10.0.0.9"), ...more },
  nowMs,
});

function format(effect: MobilityEffect): string {
  if (effect.kind === "announce")
    return `announce ${effect.sequence}${effect.sticky ? " sticky" : ""}`;
  return effect.kind === "alert" ? `alert ${effect.reason}` : effect.kind;
}

/** The effects of each event, and the state in the end. */
function run(events: readonly MobilityEvent[]): { lines: string[]; state: MobilityState } {
  let state = unknownMac;
  const lines = events.map((event) => {
    const next = stepMobility(config, state, event);
    state = next.state;
    return next.effects.map(format).join(", ");
  });
  return { lines, state };
}

test("RFC 7432 15: a host that moves here is announced one above the other node", () => {
  const { lines } = run([learned(0), remote(1, 1), learned(2), remote(3, 2), learned(4)]);
  assert.deepEqual(lines, ["announce 0", "withdraw, probe", "announce 2", "", ""]);
});

test("RFC 7432 15: of equal sequence numbers the node with the lower address keeps the host", () => {
  const higher = { node: parseIp("10.0.0.9") };
  const lower = { node: parseIp("10.0.0.4") };
  assert.deepEqual(run([learned(0), remote(1, 0, higher)]).lines, ["announce 0", ""]);
  assert.deepEqual(run([learned(0), remote(1, 0, lower)]).lines, ["announce 0", "withdraw, probe"]);
});

test("nodes on one segment announce one sequence number and take nothing from each other", () => {
  const on = { esi: segment };
  const { lines } = run([remote(0, 4, on), learned(1, on), remote(2, 6, on), remote(3, 5, on)]);
  assert.deepEqual(lines, ["", "announce 4", "announce 6", ""]);
  // From the segment to a single-homed port.
  assert.deepEqual(run([remote(0, 4, on), learned(1)]).lines, ["", "announce 5"]);
});

test("RFC 7432 15.2: sticky addresses do not move, in either direction", () => {
  const own = run([learned(0, { sticky: true }), remote(1, 9)]);
  assert.deepEqual(own.lines, ["announce 0 sticky", "alert sticky-conflict"]);
  const other = run([remote(0, 0, { sticky: true }), learned(1)]);
  assert.deepEqual(other.lines, ["", "alert sticky-conflict"]);
  assert.equal(other.state.local, undefined);
  const late = run([learned(0), remote(1, 0, { sticky: true })]);
  assert.deepEqual(late.lines, ["announce 0", "withdraw, probe"]);
});

test("RFC 7432 15.2: a sticky address has the sequence number 0, and a new one when it is let go", () => {
  const { lines } = run([
    remote(0, 4),
    learned(1, { sticky: true }),
    remote(2, 4),
    learned(3),
    { kind: "aged", nowMs: 4 },
  ]);
  assert.deepEqual(lines, [
    "",
    "announce 0 sticky",
    "alert sticky-conflict",
    "announce 5",
    "withdraw",
  ]);
});

test("sequence numbers end at the highest: then the node with the lowest address has the host", () => {
  const highest = 0xffffffff;
  const higher = { node: parseIp("10.0.0.9") };
  const lower = { node: parseIp("10.0.0.4") };
  const events = [remote(0, highest, higher), learned(1), remote(2, highest, higher)];
  assert.deepEqual(run(events).lines, ["", `announce ${highest}`, ""]);
  assert.deepEqual(run([...events, remote(3, highest, lower)]).lines.at(-1), "withdraw, probe");
});

test("the fifth move within 180 seconds makes a duplicate, which is frozen for a time", () => {
  const events: MobilityEvent[] = [learned(0)];
  for (let i = 1; i <= 5; i += 1) {
    events.push(remote(i * 1000, 2 * i - 1), learned(i * 1000 + 500));
  }
  const { lines, state } = run(events);
  assert.deepEqual(lines, [
    "announce 0",
    ...[2, 4, 6, 8].flatMap((sequence) => ["withdraw, probe", `announce ${sequence}`]),
    "withdraw, probe",
    "alert duplicate",
  ]);
  const thawMs = 5500 + mobilityDefaults.freezeMs;
  assert.equal(dueMs(state), thawMs);
  const heard = stepMobility(config, state, remote(6000, 12));
  assert.deepEqual(heard.effects, []);
  const early = stepMobility(config, heard.state, { kind: "timer", nowMs: thawMs - 1 });
  assert.deepEqual(early.effects, []);
  const thawed = stepMobility(config, heard.state, { kind: "timer", nowMs: thawMs });
  assert.deepEqual(thawed.effects, [{ kind: "announce", sequence: 13, sticky: false }]);
  assert.equal(dueMs(thawed.state), undefined);
});

test("moves that are far apart make no duplicate", () => {
  const events: MobilityEvent[] = [learned(0)];
  for (let i = 1; i <= 9; i += 1) events.push(remote(i * 50_000, 2 * i - 1), learned(i * 50_000));
  assert.equal(run(events).lines.at(-1), "announce 18");
});

test("an aged address is withdrawn, and forgotten when nothing is left of it", () => {
  const { lines, state } = run([
    learned(0),
    { kind: "aged", nowMs: 1 },
    { kind: "aged", nowMs: 2 },
  ]);
  assert.deepEqual(lines, ["announce 0", "withdraw", ""]);
  assert.equal(isForgettable(state, 2, config), true);
  const moved = run([remote(0, 1), learned(1), { kind: "aged", nowMs: 2 }]).state;
  const alone = stepMobility(config, moved, { kind: "remote", remote: undefined, nowMs: 3 }).state;
  assert.equal(isForgettable(alone, 3, config), false);
  assert.equal(isForgettable(alone, 1 + config.moveWindowMs, config), true);
});

test("two nodes that learn an address in any order agree on one of them", () => {
  const steps = fc.array(fc.record({ at: fc.nat(1), kind: fc.constantFrom("learned", "hear") }), {
    maxLength: 40,
    size: "max",
  });
  const wide = { ...mobilityDefaults, moveCountMax: 1000 };
  const nodes = [parseIp("10.0.0.5"), parseIp("10.0.0.9")];
  fc.assert(
    fc.property(steps, (list) => {
      const states = [unknownMac, unknownMac];
      const step = (at: number, event: MobilityEvent): void => {
        const own = { ...wide, node: nodes[at]! };
        states[at] = stepMobility(own, states[at]!, event).state;
      };
      const hear = (at: number): void => {
        const { local } = states[1 - at]!;
        const other = local === undefined ? undefined : { ...local, node: nodes[1 - at]! };
        step(at, { kind: "remote", remote: other, nowMs: 0 });
      };
      for (const { at, kind } of list) {
        if (kind === "learned") step(at, learned(0));
        else hear(at);
      }
      for (let i = 0; i < 4; i += 1) hear(i % 2);
      const holders = states.filter(({ local }) => local !== undefined).length;
      assert.equal(holders, list.some(({ kind }) => kind === "learned") ? 1 : 0);
    }),
    { numRuns: 300 },
  );
});
