import assert from "node:assert/strict";
import { test } from "node:test";
import type { LongLivedTime, Negotiated } from "@heddle/bgp";
import { parseAsn, parseIp, parseIp4 } from "@heddle/inet";
import { VirtualClock } from "@heddle/std";
import { Convergence, type ConvergenceRule } from "./convergence.ts";
import { backoffMs } from "./peer/session-timers.ts";
import { StaleRoutes } from "./peer/stale-routes.ts";

const leaf1 = parseIp("10.0.0.1");
const leaf2 = parseIp("10.0.0.2");

function session(
  restarting: boolean,
  forwarding = true,
  longLived: readonly LongLivedTime[] = [],
): Negotiated {
  const families = ["ipv4-unicast", "ipv6-unicast"] as const;
  return {
    peerAsn: parseAsn(65201),
    peerRouterId: parseIp4("10.0.0.1"),
    external: true,
    holdTimeMs: 9000,
    families,
    fourOctetAs: true,
    extendedMessage: false,
    routeRefresh: true,
    confederationExternal: false,
    enhancedRouteRefresh: false,
    addPathReceive: [],
    addPathSend: [],
    extendedNextHop: [],
    bfdStrict: false,
    peerGracefulRestart: {
      restarting,
      restartTimeMs: 120_000,
      notification: true,
      families,
      forwarding: forwarding ? families : [],
      longLived,
      longLivedForwarding: forwarding ? longLived.map(({ family }) => family) : [],
    },
  };
}

function convergence(rule: ConvergenceRule, peers = [leaf1, leaf2]) {
  const clock = new VirtualClock();
  const reasons: string[] = [];
  const it = new Convergence(rule, peers, clock, 30_000, (why) => reasons.push(why));
  return { clock, reasons, it };
}

test("convergence waits for End-of-RIB of every family of every peer", () => {
  const { reasons, it } = convergence("selection");
  it.sessionUp(leaf1, session(false));
  it.endOfRib(leaf1, "ipv4-unicast");
  it.endOfRib(leaf1, "ipv6-unicast");
  it.sessionUp(leaf2, session(false));
  it.endOfRib(leaf2, "ipv4-unicast");
  it.sessionDown(leaf2);
  it.sessionUp(leaf2, session(false));
  it.endOfRib(leaf2, "ipv6-unicast");
  assert.deepEqual(reasons, []);
  it.endOfRib(leaf2, "ipv4-unicast");
  assert.deepEqual(reasons, ["end-of-rib"]);
});

test("selection does not wait for a peer that restarts too, the sweep does", () => {
  for (const rule of ["selection", "sweep"] as const) {
    const { reasons, it } = convergence(rule, [leaf1]);
    it.sessionUp(leaf1, session(true));
    assert.equal(reasons.length, rule === "selection" ? 1 : 0, rule);
    it.endOfRib(leaf1, "ipv4-unicast");
    it.endOfRib(leaf1, "ipv6-unicast");
    assert.deepEqual(reasons, ["end-of-rib"]);
  }
});

test("a peer that never comes is waited for until the deferral timer", () => {
  const { clock, reasons, it } = convergence("sweep");
  clock.advance(29_999);
  assert.deepEqual(reasons, []);
  clock.advance(1);
  assert.deepEqual(reasons, ["deferral-timer"]);
  it.forget(leaf1);
  it.forget(leaf2);
  assert.deepEqual(reasons, ["deferral-timer"]);
});

function stale() {
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
  const limits = { staleTimeMs: 60_000, longLivedTimeMsMax: 900_000 };
  const routes = new StaleRoutes(rib, 1, clock, limits, () => calls.push("swept"));
  return { clock, calls, routes };
}

test("stale routes go when the restart time is over", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], session(false));
  clock.advance(119_999);
  assert.deepEqual(calls, ["down ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(calls, ["down ipv4-unicast", "sweep ipv4-unicast", "swept"]);
  assert.deepEqual(routes.families, []);
});

test("a returned peer's families without the F bit go at once, the others with End-of-RIB", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], session(false));
  routes.sessionUp(session(false, false));
  assert.deepEqual(calls.slice(1), ["sweep ipv4-unicast", "sweep ipv6-unicast"]);

  const again = stale();
  again.routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], session(false));
  again.routes.sessionUp(session(false));
  again.routes.endOfRib("ipv4-unicast");
  assert.deepEqual(again.routes.families, ["ipv6-unicast"]);
  again.clock.advance(60_000);
  assert.deepEqual(again.calls.slice(1), ["sweep all", "swept"]);
  assert.equal(clock.pendingCount, 0);
});

test("RFC 4724 4.2: what was stale when the session is lost again is not kept a second time", () => {
  const { calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], session(false));
  routes.sessionDown(["ipv4-unicast"], session(false));
  assert.deepEqual(calls, ["down ipv4-unicast", "sweep all", "down ipv4-unicast"]);
});

test("back-off doubles from its minimum to its maximum", () => {
  const waits = [0, 1, 2, 3, 4, 5, 100].map((count) => backoffMs(1000, 15_000, count));
  assert.deepEqual(waits, [1000, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});

test("RFC 9494: after the restart time, long-lived families are the last resort for their time", () => {
  const { clock, calls, routes } = stale();
  const longLived = [{ family: "ipv4-unicast", staleTimeMs: 3_600_000 }] as const;
  routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], session(false, true, longLived));
  clock.advance(120_000);
  assert.deepEqual(calls.slice(1), ["sweep ipv6-unicast", "last resort ipv4-unicast", "swept"]);
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
    routes.sessionDown(["ipv4-unicast"], session(false, true, longLived));
    clock.advance(120_000);
    routes.sessionUp(session(true, forwarding, longLived));
    const swept = calls.slice(3);
    assert.deepEqual(swept, forwarding ? [] : ["sweep ipv4-unicast"]);
    routes.endOfRib("ipv4-unicast");
    assert.equal(clock.pendingCount, 0);
  }
});
