/** Export policies that change route targets, among members of RFC 4684. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy } from "../policy/policy.ts";
import type { PeerIndex, RibPeer } from "./peer.ts";
import { attributes } from "./testing/attributes.ts";
import { routeWithdrawal } from "./testing/family-view.ts";
import { localAsn, RibBench, targeted } from "./testing/rib-bench.ts";
import { membership, routeTarget, vpn } from "./testing/routes.ts";
import { endOfRib } from "./testing/wire.ts";

const blue = vpn("10.1.0.0/16", 101);
const red = vpn("10.2.0.0/16", 102);

/** Route target 1 leaves as 9. */
const translate: Policy = {
  name: "translate",
  terms: [
    {
      match: { extendedCommunities: { anyOf: [routeTarget(1)] } },
      verdict: "accept",
      actions: { setExtendedCommunities: [routeTarget(9)] },
    },
  ],
  otherwise: "accept",
};

class Bench extends RibBench {
  wanting(n: number, targets: readonly number[], more: Partial<RibPeer> = {}): PeerIndex {
    const peer = this.peer(n, more);
    for (const target of targets) this.join(peer, target);
    this.send(peer, endOfRib("route-target"));
    this.settle();
    return peer;
  }

  join(peer: PeerIndex, target: number): void {
    this.announce(peer, membership(96, localAsn, routeTarget(target)), attributes([]));
    this.settle();
  }

  leave(peer: PeerIndex, target: number): void {
    this.send(peer, routeWithdrawal(membership(96, localAsn, routeTarget(target))));
    this.settle();
  }

  count(peer: PeerIndex): number {
    const { length } = this.held(peer, "ipv4-vpn");
    assert.equal(this.rib.counts(peer, "ipv4-vpn").advertised, length);
    assert.equal(this.views.get(peer)!.spuriousWithdrawCount, 0);
    return length;
  }
}

test("who gets a route is decided by the route targets that it is sent with", () => {
  const b = new Bench();
  const from = b.wanting(1, []);
  const exportPolicy = translate;
  const came = b.wanting(2, [1], { exportPolicy });
  const sent = b.wanting(3, [9], { exportPolicy });
  const plain = b.wanting(4, [1]);
  b.announce(from, blue, targeted(1));
  b.announce(from, red, targeted(2));
  b.settle();
  assert.deepEqual(
    [came, sent, plain].map((peer) => b.count(peer)),
    [0, 1, 1],
  );
  const why = b.rib
    .explain({ family: "ipv4-vpn", key: blue.key })!
    .exports.map(({ peer, notSent }) => [peer, notSent]);
  assert.deepEqual(why.slice(1), [
    [came, "route-target"],
    [sent, undefined],
    [plain, undefined],
  ]);
});

test("memberships that come and go later bring and take what the policy makes of routes", () => {
  const b = new Bench();
  const from = b.wanting(1, []);
  b.announce(from, blue, targeted(1));
  b.announce(from, red, targeted(2));
  b.settle();
  const late = b.wanting(2, [], { exportPolicy: translate });
  const other = b.wanting(3, [2], { exportPolicy: translate });
  assert.deepEqual([b.count(late), b.count(other)], [0, 1]);
  b.join(late, 9);
  assert.equal(b.count(late), 1);
  b.join(late, 1);
  assert.equal(b.count(late), 1);
  b.leave(late, 9);
  assert.equal(b.count(late), 0);
  b.join(late, 9);
  // The route gets another route target, which policy lets be: it moves from one to the other.
  b.announce(from, blue, targeted(2));
  b.settle();
  assert.deepEqual([b.count(late), b.count(other)], [0, 2]);
  b.announce(from, blue, targeted(1));
  b.settle();
  assert.deepEqual([b.count(late), b.count(other)], [1, 1]);
});

test("a changed policy moves routes between members, and nothing is left of its sets", () => {
  const b = new Bench();
  const from = b.wanting(1, []);
  const [nine, one] = [b.wanting(2, [9]), b.wanting(3, [1])];
  b.announce(from, blue, targeted(1));
  b.settle();
  assert.deepEqual([b.count(nine), b.count(one)], [0, 1]);
  for (const peer of [nine, one]) b.rib.setPolicies(peer, undefined, translate);
  b.settle();
  assert.deepEqual([b.held(nine, "ipv4-vpn").length, b.held(one, "ipv4-vpn").length], [1, 0]);
  for (const peer of [nine, one]) b.rib.setPolicies(peer, undefined, undefined);
  b.settle();
  assert.deepEqual([b.held(nine, "ipv4-vpn").length, b.held(one, "ipv4-vpn").length], [0, 1]);
  assert.equal(b.rib.targetSetCount, 1);
});
