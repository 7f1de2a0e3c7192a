import assert from "node:assert/strict";
import { test } from "node:test";
import type { Negotiated } from "@heddle/bgp";
import { parseAsn, parseIp, parseIp4 } from "@heddle/inet";
import { VirtualClock } from "@heddle/std";
import { Convergence, type ConvergenceRule } from "./convergence.ts";
import { backoffMs } from "./peer/session-timers.ts";
import { StaleRoutes } from "./peer/stale-routes.ts";

const leaf1 = parseIp("10.0.0.1");
const leaf2 = parseIp("10.0.0.2");

function session(restarting: boolean, forwarding = true): Negotiated {
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
    peerGracefulRestart: {
      restarting,
      restartTimeMs: 120_000,
      notification: true,
      families,
      forwarding: forwarding ? families : [],
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
  };
  const routes = new StaleRoutes(rib, 1, clock, 60_000, () => calls.push("swept"));
  return { clock, calls, routes };
}

test("stale routes go when the restart time is over", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], 120_000);
  clock.advance(119_999);
  assert.deepEqual(calls, ["down ipv4-unicast"]);
  clock.advance(1);
  assert.deepEqual(calls, ["down ipv4-unicast", "sweep all", "swept"]);
  assert.deepEqual(routes.families, []);
});

test("a returned peer's families without the F bit go at once, the others with End-of-RIB", () => {
  const { clock, calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], 120_000);
  routes.sessionUp(session(false, false));
  assert.deepEqual(calls.slice(1), ["sweep ipv4-unicast", "sweep ipv6-unicast"]);

  const again = stale();
  again.routes.sessionDown(["ipv4-unicast", "ipv6-unicast"], 120_000);
  again.routes.sessionUp(session(false));
  again.routes.endOfRib("ipv4-unicast");
  assert.deepEqual(again.routes.families, ["ipv6-unicast"]);
  again.clock.advance(60_000);
  assert.deepEqual(again.calls.slice(1), ["sweep all", "swept"]);
  assert.equal(clock.pendingCount, 0);
});

test("RFC 4724 4.2: what was stale when the session is lost again is not kept a second time", () => {
  const { calls, routes } = stale();
  routes.sessionDown(["ipv4-unicast"], 120_000);
  routes.sessionDown(["ipv4-unicast"], 120_000);
  assert.deepEqual(calls, ["down ipv4-unicast", "sweep all", "down ipv4-unicast"]);
});

test("back-off doubles from its minimum to its maximum", () => {
  const waits = [0, 1, 2, 3, 4, 5, 100].map((count) => backoffMs(1000, 15_000, count));
  assert.deepEqual(waits, [1000, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});
