import assert from "node:assert/strict";
import { test } from "node:test";
import { acceptAll, type Policy, wellKnownCommunities } from "@heddle/bgp";
import { seededRng, VirtualClock } from "@heddle/std";
import { defaultSessionTimers } from "../config.ts";
import { announcingShutdown, leastPreferred } from "./graceful-shutdown.ts";
import { IdleHold } from "./idle-hold.ts";
import { RefreshWindow } from "./refresh-window.ts";

function idleHold(clock = new VirtualClock()): IdleHold {
  return new IdleHold(defaultSessionTimers, clock, seededRng(7));
}

function fail(hold: IdleHold, count: number): void {
  for (let i = 0; i < count; i += 1) hold.failed();
}

test("a session that holds pays off failures by halves, a short one does not", () => {
  const hold = idleHold();
  fail(hold, 8);
  hold.held(defaultSessionTimers.idleHoldDecayMs - 1);
  assert.equal(hold.failureCount, 8);
  hold.held(defaultSessionTimers.idleHoldDecayMs);
  assert.equal(hold.failureCount, 4);
  hold.held(defaultSessionTimers.idleHoldDecayMs * 3);
  assert.equal(hold.failureCount, 0);
});

test("the back-off is bounded however often the peer fails", () => {
  const hold = idleHold();
  fail(hold, 1000);
  const delayMs = hold.delayMs() ?? 0;
  const { idleHoldMaxMs } = defaultSessionTimers;
  assert.ok(delayMs >= idleHoldMaxMs * 0.75 && delayMs <= idleHoldMaxMs, String(delayMs));
});

test("a wait of its own counts for both sides; one without end until it is forgiven", () => {
  const clock = new VirtualClock();
  const hold = idleHold(clock);
  hold.hold(60_000);
  assert.deepEqual([hold.delayMs(), hold.isHeld], [60_001, true]);
  clock.advance(20_000);
  assert.equal(hold.delayMs(), 40_001);
  clock.advance(40_000);
  assert.equal(hold.isHeld, false);
  assert.ok((hold.delayMs() ?? 0) <= defaultSessionTimers.idleHoldMinMs);
  hold.hold("never");
  assert.deepEqual([hold.delayMs(), hold.delayMs(), hold.isHeld], [undefined, undefined, true]);
  hold.forgive();
  assert.equal(hold.isHeld, false);
  assert.notEqual(hold.delayMs(), undefined);
});

function refreshWindow() {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const rib = {
    markStale: (_peer: number, family: string) => calls.push(`mark ${family}`),
    sweepStale: (_peer: number, family?: string) => calls.push(`sweep ${family}`),
  };
  const window = new RefreshWindow(rib, 1, clock, 60_000, () => calls.push("swept"));
  return { clock, calls, window };
}

test("RFC 7313: what a refresh does not bring again goes at its end", () => {
  const { clock, calls, window } = refreshWindow();
  window.end("ipv4-unicast");
  assert.deepEqual(calls, [], "an end without a beginning means nothing");
  window.begin("ipv4-unicast");
  assert.deepEqual(window.families, ["ipv4-unicast"]);
  window.end("ipv4-unicast");
  assert.deepEqual(calls, ["mark ipv4-unicast", "sweep ipv4-unicast", "swept"]);
  assert.equal(clock.pendingCount, 0);
});

test("RFC 7313: a refresh that never ends is not waited for; one begun again waits anew", () => {
  const { clock, calls, window } = refreshWindow();
  window.begin("ipv4-unicast");
  clock.advance(59_000);
  window.begin("ipv4-unicast");
  clock.advance(59_999);
  assert.deepEqual(calls, ["mark ipv4-unicast", "mark ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(calls.slice(2), ["sweep ipv4-unicast", "swept"]);
  window.begin("ipv6-unicast");
  window.sessionDown();
  assert.deepEqual([window.families, clock.pendingCount], [[], 0]);
});

test("RFC 8326: whatever a policy accepts gets the community, and the least preference inbound", () => {
  const policy: Policy = {
    name: "p",
    terms: [
      { match: { communities: [1] }, verdict: "reject" },
      { match: { communities: [2] }, verdict: "accept", actions: { addCommunities: [3], med: 5 } },
    ],
    otherwise: "reject",
  };
  assert.deepEqual(announcingShutdown(policy).terms.slice(1), [
    {
      match: { communities: [2] },
      verdict: "accept",
      actions: { addCommunities: [3, wellKnownCommunities.gracefulShutdown], med: 5 },
    },
  ]);
  assert.deepEqual(leastPreferred(acceptAll).terms, [
    { match: {}, verdict: "accept", actions: { localPref: 0 } },
  ]);
  assert.equal(leastPreferred(policy).otherwise, "reject");
});
