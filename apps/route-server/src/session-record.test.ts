import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { formatIp, type Ip, parseIp } from "@heddle/inet";
import type { ObservedSession, SpeakerObserver } from "@heddle/speaker";
import { silentLog, VirtualClock } from "@heddle/std";
import { readSessionRecord, SessionRecord } from "./session-record.ts";

const [a, b, c] = ["192.0.2.1", "192.0.2.2", "2001:db8::3"].map(parseIp) as [Ip, Ip, Ip];

function sessionWith(address: Ip): ObservedSession {
  const end = { address, port: 179 };
  const none = { sentOpen: undefined, receivedOpen: undefined, establishedAtWallMs: 0 };
  return { peer: { address }, local: end, remote: end, ...none };
}

/** A process with the record of the one before it; `sessions` are its own. */
function setup(file: string, former: readonly Ip[]) {
  const clock = new VirtualClock();
  const sessions: ObservedSession[] = [];
  const observers: SpeakerObserver[] = [];
  const observe = (observer: SpeakerObserver): Disposable => {
    observers.push(observer);
    return { [Symbol.dispose]: () => observers.pop() };
  };
  const speaker = { observe, sessions };
  const options = { file, speaker, former, formerMs: 30_000, clock, log: silentLog };
  const record = new SessionRecord(options);
  const connect = (address: Ip): void => {
    const session = sessionWith(address);
    sessions.push(session);
    for (const observer of observers) observer.established?.(session);
  };
  const disconnect = (): void => {
    const session = sessions.pop() ?? assert.fail("a session");
    const end = { by: "received", notification: undefined } as const;
    for (const observer of observers) observer.ended?.(session, end);
  };
  const read = (): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);
  return { clock, connect, disconnect, read, [Symbol.dispose]: () => record[Symbol.dispose]() };
}

test("the record holds who has a session, and for a while who had one before", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "hdsr-"));
  try {
    const file = path.join(folder, "sessions");
    assert.equal(readSessionRecord(file, silentLog), undefined, "there was no process before");
    {
      using first = setup(file, []);
      assert.deepEqual(readSessionRecord(file, silentLog), []);
      first.connect(a);
      first.connect(c);
      first.clock.advance(1000);
      assert.deepEqual(first.read(), [a, c].map(formatIp));
      first.disconnect();
    }
    const former = readSessionRecord(file, silentLog) ?? [];
    assert.deepEqual(former, [a], "what is due is written at the end");
    using second = setup(file, former);
    second.connect(b);
    second.clock.advance(1000);
    assert.deepEqual(second.read(), [a, b].map(formatIp));
    second.clock.advance(30_000);
    second.clock.advance(1000);
    assert.deepEqual(second.read(), [formatIp(b)]);
    second.disconnect();
    second.clock.advance(1000);
    assert.deepEqual(second.read(), []);
    writeFileSync(file, "192.0.2.1\n192.0.2.\n");
    assert.deepEqual(readSessionRecord(file, silentLog), [], "a damaged record names nobody");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
