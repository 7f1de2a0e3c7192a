import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAsn, parseIp, parseIp4, parsePrefix } from "@heddle/inet";
import { VirtualClock } from "@heddle/std";
import type { SpeakerConfig } from "./config.ts";
import { awaitedPeersOf, Convergence, type ConvergenceRule } from "./convergence.ts";
import { backoffMs } from "./peer/session-timers.ts";
import { negotiatedWith } from "./testing/negotiated.ts";

const leaf1 = parseIp("10.0.0.1");
const leaf2 = parseIp("10.0.0.2");

function convergence(rule: ConvergenceRule, peers = [leaf1, leaf2]) {
  const clock = new VirtualClock();
  const reasons: string[] = [];
  const it = new Convergence(rule, peers, clock, 30_000, (why) => reasons.push(why));
  return { clock, reasons, it };
}

test("peers by range are waited for when they had a session before the restart", () => {
  const template = { kind: "reflector", asn: parseAsn(65203), families: ["ipv4-unicast"] } as const;
  const config: SpeakerConfig = {
    ...{ asn: parseAsn(65203), routerId: parseIp4("10.0.0.9"), families: ["ipv4-unicast"] },
    listen: [],
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: false },
    peers: [{ ...template, address: leaf1 }],
    dynamicPeers: [
      { name: "r", prefix: parsePrefix("10.0.0.0/24"), peerCountMax: 9, template: { ...template } },
    ],
    gracefulRestart: {
      ...{ restarting: true, restartTimeMs: 1000, deferralMs: 1000, staleTimeMs: 1000 },
      formerPeers: [leaf2, parseIp("10.0.1.1")],
    },
  };
  assert.deepEqual(awaitedPeersOf(config), [leaf1, leaf2]);
  const { gracefulRestart: _, ...fresh } = config;
  assert.deepEqual(awaitedPeersOf(fresh), [leaf1]);
});

test("convergence waits for End-of-RIB of every family of every peer", () => {
  const { reasons, it } = convergence("selection");
  it.sessionUp(leaf1, negotiatedWith(false));
  it.endOfRib(leaf1, "ipv4-unicast");
  it.endOfRib(leaf1, "ipv6-unicast");
  it.sessionUp(leaf2, negotiatedWith(false));
  it.endOfRib(leaf2, "ipv4-unicast");
  it.sessionDown(leaf2);
  it.sessionUp(leaf2, negotiatedWith(false));
  it.endOfRib(leaf2, "ipv6-unicast");
  assert.deepEqual(reasons, []);
  it.endOfRib(leaf2, "ipv4-unicast");
  assert.deepEqual(reasons, ["end-of-rib"]);
});

test("selection does not wait for a peer that restarts too, the sweep does", () => {
  for (const rule of ["selection", "sweep"] as const) {
    const { reasons, it } = convergence(rule, [leaf1]);
    it.sessionUp(leaf1, negotiatedWith(true));
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

test("back-off doubles from its minimum to its maximum", () => {
  const waits = [0, 1, 2, 3, 4, 5, 100].map((count) => backoffMs(1000, 15_000, count));
  assert.deepEqual(waits, [1000, 1000, 2000, 4000, 8000, 15_000, 15_000]);
});
