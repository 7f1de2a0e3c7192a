/** How long the routes of a peer without a session are kept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LongLivedTime } from "@heddle/bgp";
import { VirtualClock } from "@heddle/std";
import { negotiatedWith } from "../testing/negotiated.ts";
import { StaleRoutes } from "./stale-routes.ts";

function stale(ownTimes: readonly LongLivedTime[] = []) {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const rib = {
    sessionDown: (_peer: number, retain: readonly string[] = []) => {
      calls.push(`down ${retain.join(" ")}`.trim());
    },
    sweepStale: (_peer: number, family?: string) => {
      calls.push(`sweep ${family ?? "all"}`);
    },
    longLivedStale: (_peer: number, families: readonly string[]) => {
      calls.push(`last resort ${families.join(" ")}`);
    },
  };
  const limits = { staleTimeMs: 60_000, longLived: ownTimes, longLivedTimeMsMax: 900_000 };
  const routes = new StaleRoutes(rib, 1, clock, limits, () => calls.push("swept"));
  return { clock, calls, routes };
}

test("stale routes go when the restart time is over", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], negotiatedWith(false));
  clock.advance(119_999);
  assert.deepEqual(calls, ["down ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(calls, ["down ipv4-unicast", "sweep ipv4-unicast", "swept"]);
  assert.deepEqual(routes.families, []);
});

test("a returned peer's families without the F bit go at once, the others with End-of-RIB", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], negotiatedWith(false));
  routes.sessionUp(negotiatedWith(false, false));
  assert.deepEqual(calls.slice(1), ["sweep ipv4-unicast", "sweep ipv6-unicast"]);

  const again = stale();
  again.routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], negotiatedWith(false));
  again.routes.sessionUp(negotiatedWith(false));
  again.routes.endOfRib("ipv4-unicast");
  assert.deepEqual(again.routes.families, ["ipv6-unicast"]);
  again.clock.advance(60_000);
  assert.deepEqual(again.calls.slice(1), ["sweep ipv6-unicast", "swept"]);
  assert.equal(clock.pendingCount, 0);
});

test("RFC 4724 4.2: what was stale when the session is lost again is not kept a second time", () => {
  const { calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], negotiatedWith(false));
  routes.sessionDown(["ipv4-unicast"], negotiatedWith(false));
  assert.deepEqual(calls, ["down ipv4-unicast", "down ipv4-unicast"]);
});

test("RFC 9494: after the restart time, long-lived families are the last resort for their time", () => {
  const { clock, calls, routes } = stale();
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 3_600_000 }] as const;
  routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], negotiatedWith(false, true, longLived));
  clock.advance(120_000);
  assert.deepEqual(calls.slice(1), ["last resort ipv4-unicast", "sweep ipv6-unicast", "swept"]);
  assert.deepEqual(routes.longLivedFamilies, ["ipv4-unicast"]);
  // Our own limit is the shorter one.
  clock.advance(899_999);
  assert.deepEqual(routes.families, ["ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(calls.slice(4), ["sweep ipv4-unicast", "swept"]);
  assert.deepEqual([routes.families, clock.pendingCount], [[], 0]);
});

test("RFC 9494: who comes back in that time keeps what its long-lived F bit says", () => {
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 600_000 }] as const;
  for (const forwarding of [true, false]) {
    const { clock, calls, routes } = stale();
    routes.sessionDown(["ipv4-unicast"], negotiatedWith(false, true, longLived));
    clock.advance(120_000);
    routes.sessionUp(negotiatedWith(true, forwarding, longLived));
    const swept = calls.slice(3);
    assert.deepEqual(swept, forwarding ? [] : ["sweep ipv4-unicast"]);
    routes.endOfRib("ipv4-unicast");
    assert.equal(clock.pendingCount, 0);
  }
});

test("RFC 9494: our own time of a family bounds the peer's, too", () => {
  const { clock, routes } = stale([{ family: "ipv4-unicast", staleTimeMs: 30_000 }]);
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 600_000 }] as const;
  routes.sessionDown(["ipv4-unicast"], negotiatedWith(false, true, longLived));
  clock.advance(120_000 + 29_999);
  assert.deepEqual(routes.longLivedFamilies, ["ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(routes.families, []);
});

test("RFC 9494 4.1: a family without a restart time is long-lived stale at once", () => {
  const { calls, routes } = stale();
  const both = negotiatedWith(false, true, [{ family: "ipv4-unicast", staleTimeMs: 600_000 }]);
  const { peerGracefulRestart: graceful } = both;
  assert.ok(graceful !== undefined);
  const only = { ...both, peerGracefulRestart: { ...graceful, families: [], forwarding: [] } };
  routes.sessionDown(["ipv4-unicast"], only);
  assert.deepEqual(calls, ["down ipv4-unicast", "last resort ipv4-unicast"]);
});

test("RFC 9494 4.2: the Long-lived Stale Time runs on, whatever becomes of sessions", () => {
  const { clock, calls, routes } = stale();
  const families = ["ipv4-unicast"] as const;
  const negotiated = negotiatedWith(false, true, [
    { family: "ipv4-unicast", staleTimeMs: 600_000 },
  ]);
  routes.sessionDown(families, negotiated);
  clock.advance(120_000 + 200_000);
  routes.sessionUp(negotiated);
  clock.advance(100_000);
  // Before its End-of-RIB: nothing goes, and the time does not begin anew.
  calls.length = 0;
  routes.sessionDown(families, negotiated);
  assert.deepEqual(calls, ["down ipv4-unicast", "last resort ipv4-unicast"]);
  assert.deepEqual(routes.longLivedFamilies, families);
  routes.sessionUp(negotiated);
  clock.advance(299_999);
  assert.deepEqual(routes.families, families);
  clock.advance(1);
  assert.deepEqual(calls.slice(2), ["sweep ipv4-unicast", "swept"]);
  // The time is over and the peer is not in sync: nothing of the family is kept any more.
  routes.sessionDown(families, negotiated);
  assert.deepEqual(calls.slice(4), ["down"]);
  assert.deepEqual([routes.families, clock.pendingCount], [[], 0]);
  // Once it has been, all begins anew.
  routes.sessionUp(negotiated);
  routes.endOfRib("ipv4-unicast");
  routes.sessionDown(families, negotiated);
  assert.deepEqual(routes.families, families);
  routes.drop();
  assert.equal(clock.pendingCount, 0);
});
