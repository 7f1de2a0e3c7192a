import assert from "node:assert/strict";
import { test } from "node:test";
import { BgpError } from "../errors.ts";
import { formatRecord, parseRecord, replay, type SessionRecord } from "./recording.ts";

const start: SessionRecord = { kind: "start", peer: "10.0.0.1", startedAtWallMs: 1 };
const machine: SessionRecord = {
  kind: "session",
  session: 1,
  side: "initiated",
  state: { kind: "Connect" },
  options: { passive: false, delayOpen: false },
};
const cause = { code: 6, subcode: 2, data: Uint8Array.of(1, 2) };
const stopped: SessionRecord = {
  kind: "event",
  session: 1,
  atMs: 12.5,
  event: { kind: "ManualStop", cause, silent: false },
  message: Uint8Array.of(0xfe),
};

test("every kind of line reads back as it was written", () => {
  for (const record of [start, machine, stopped, { kind: "full" } as const]) {
    const {
      format: _f,
      version: _v,
      ...read
    } = { format: 0, version: 0, ...parseRecord(formatRecord(record)) };
    assert.deepEqual(read, record);
  }
});

test("replay() runs each machine from where the recording found it", () => {
  const acked: SessionRecord = {
    ...{ kind: "event", session: 1, atMs: 3 },
    event: { kind: "Tcp_CR_Acked" },
  };
  const lines = [start, machine, acked, stopped].map(formatRecord);
  const steps = [...replay(lines)].map(({ atMs, before, after, effects }) => ({
    ...{ atMs, before, after },
    effects: effects.join(" "),
  }));
  assert.deepEqual(steps, [
    {
      ...{ atMs: 3, before: "Connect", after: "OpenSent" },
      effects: "stopConnectRetryTimer sendOpen startLargeHoldTimer",
    },
    {
      ...{ atMs: 12.5, before: "OpenSent", after: "Idle" },
      effects:
        "sendNotification stopConnectRetryTimer stopSessionTimers dropConnection resetConnectRetryCounter",
    },
  ]);
});

const bad: readonly (readonly [name: string, lines: readonly string[], why: RegExp])[] = [
  ["no JSON", ["{"], /not JSON/],
  ["a list", ["[]"], /no object/],
  ["another version", [formatRecord(start).replace('"version":1', '"version":2')], /version 2/],
  ["no first line", [formatRecord(machine)], /no first line/],
  ["an unannounced session", [formatRecord(start), formatRecord(stopped)], /session 1 unannounced/],
  [
    "an unknown event",
    [formatRecord(start), formatRecord(stopped).replace("ManualStop", "X")],
    /kind event/,
  ],
  ["a stop without a cause", [formatRecord(stopped).replace("subcode", "x")], /kind event/],
  ["an unknown state", [formatRecord(machine).replace("Connect", "Hold")], /kind session/],
  ["a line without end", ["x".repeat(300_000)], /300000 characters/],
];
for (const [name, lines, why] of bad) {
  test(`replay() refuses ${name}`, () => {
    assert.throws(
      () => [...replay(lines)],
      (error) => error instanceof BgpError && error.code === "decode" && why.test(error.message),
    );
  });
}
