/** Long-lived stale routes on their way to others (RFC 9494 4.3, 4.6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parsePrefix } from "@heddle/inet";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import type { PeerIndex } from "./peer.ts";
import { attributes } from "./testing/attributes.ts";
import { key4, routeWithdrawal, type TestRoute } from "./testing/family-view.ts";
import { families, RibBench } from "./testing/rib-bench.ts";

const ten: TestRoute = {
  family: "ipv4-unicast",
  key: key4(0x0a000000, 8),
  payload: new Uint8Array(0),
};
const prefix = parsePrefix("10.0.0.0/8");
const noExport = 0xffffff01;
const stale = 0xffff0006;
const clear: Policy = {
  name: "clear",
  terms: [{ match: {}, verdict: "accept", actions: { setCommunities: [] } }],
  otherwise: "accept",
};

/** A route of a peer whose session is gone and whose restart time is over. */
function withStaleRoute(longLivedPartial: boolean): { b: RibBench; to: (n: number) => PeerIndex } {
  const b = new RibBench({ longLivedPartial, confederation: { identifier: 64999 as Asn } });
  const from = b.peer(1);
  const known = { longLived: families };
  const peers = [
    b.peer(2, {}, known),
    b.peer(3),
    b.peer(4, { asn: 65004 as Asn, confederationMember: true }, { cx: { external: false } }),
    b.peer(5, { asn: 65005 as Asn }),
    b.peer(6, { asn: 65006 as Asn }, known),
    b.peer(7, { exportPolicy: clear }, known),
  ];
  b.announce(from, ten, attributes([], { localPref: 150 }));
  b.settle();
  b.rib.sessionDown(from, families);
  b.views.delete(from);
  b.rib.longLivedStale(from, families);
  b.settle();
  return { b, to: (n) => peers[n]! };
}

function sent(b: RibBench, peer: PeerIndex): PathAttributes | undefined {
  const [listed] = b.rib.adjRibOut(peer, "ipv4-unicast");
  assert.equal(b.held(peer, "ipv4-unicast").length, listed === undefined ? 0 : 1);
  return listed?.attributes;
}

test("RFC 9494 4.3: who does not know long-lived stale routes has them withdrawn", () => {
  const { b, to } = withStaleRoute(false);
  const got = [0, 1, 2, 3, 4, 5].map((n) => sent(b, to(n))?.communities);
  assert.deepEqual(got, [[stale], undefined, undefined, undefined, [stale], [stale]]);
  assert.equal(sent(b, to(0))?.localPref, 150);
});

test("RFC 9494 4.6: inside, all get them with LOCAL_PREF 0, and the ignorant with NO_EXPORT", () => {
  const { b, to } = withStaleRoute(true);
  const summary = (n: number): unknown => {
    const route = sent(b, to(n));
    return route === undefined ? undefined : [route.communities, route.localPref];
  };
  const known = [[stale], 0];
  const ignorant = [[stale, noExport].sort((x, y) => x - y), 0];
  assert.deepEqual([summary(0), summary(1), summary(2)], [known, ignorant, ignorant]);
  // Outside nothing is different.
  assert.deepEqual([summary(3), summary(4)], [undefined, [[stale], undefined]]);
});

test("RFC 9494 4.6: among stale routes LOCAL_PREF counts as 0 here, too", () => {
  for (const [longLivedPartial, best] of [
    [false, 1],
    [true, 2],
  ] as const) {
    const b = new RibBench({ longLivedPartial });
    const [a, c] = [b.peer(1), b.peer(2)];
    b.announce(a, ten, attributes([7], { localPref: 200 }));
    b.announce(c, ten, attributes([], { localPref: 100, communities: [stale] }));
    b.settle();
    b.rib.sessionDown(a, families);
    b.views.delete(a);
    b.rib.longLivedStale(a, families);
    b.settle();
    const [first, second] = b.rib.lookup(prefix);
    assert.deepEqual([first?.best, first?.peer, second?.best], [true, best, false]);
  }
});

test("RFC 9494 4.3: policy cannot take LLGR_STALE away", () => {
  const b = new RibBench();
  const from = b.peer(1, { importPolicy: clear });
  const fresh = b.peer(2);
  const to = b.peer(3, { exportPolicy: clear }, { longLived: families });
  b.announce(from, ten, attributes([], { communities: [5, stale] }));
  b.settle();
  assert.deepEqual(sent(b, to)?.communities, [stale]);
  b.announce(fresh, ten, attributes([7, 8]));
  b.settle();
  assert.equal(b.rib.lookup(prefix)[0]?.peer, fresh);
  b.send(fresh, routeWithdrawal(ten));
  b.settle();
  assert.equal(b.rib.lookup(prefix)[0]?.peer, from);
});

test("RFC 9494 4.2: a second loss does not end long-lived stale routes, nor keeps what forbids it", () => {
  const b = new RibBench();
  const from = b.peer(1);
  const eleven: TestRoute = { ...ten, key: key4(0x0b000000, 8) };
  const twelve: TestRoute = { ...ten, key: key4(0x0c000000, 8) };
  b.announce(from, ten, attributes([]));
  b.settle();
  b.rib.sessionDown(from, families);
  b.rib.longLivedStale(from, families);
  const cx = { fourOctetAs: true, external: false, families };
  b.rib.sessionUp(from, { cx, routerId: b.routerIdOf(1), messageLengthMax: 4096 });
  b.announce(from, eleven, attributes([]));
  b.announce(from, twelve, attributes([], { communities: [0xffff0007] }));
  b.settle();
  b.rib.sessionDown(from, families);
  b.views.delete(from);
  b.settle();
  const left = [...b.rib.routes()].map((r) => [r.stale, r.longLivedStale]);
  assert.deepEqual(left, [
    [true, true],
    [true, true],
  ]);
  assert.equal(b.rib.lookup(parsePrefix("12.0.0.0/8")).length, 0);
});
