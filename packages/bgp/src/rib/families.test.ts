import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, formatPrefix, parseIp, parseIp4, parseIp6, parsePrefix } from "@heddle/inet";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { attributes } from "./testing/attributes.ts";
import { FamilyView, key4, routeWithdrawal, type TestRoute } from "./testing/family-view.ts";
import { families, localAsn, RibBench, targeted } from "./testing/rib-bench.ts";
import { macIp, membership, routeTarget, vpn } from "./testing/routes.ts";
import { endOfRib } from "./testing/wire.ts";

const ten: TestRoute = {
  family: "ipv4-unicast",
  key: key4(0x0a000000, 8),
  payload: new Uint8Array(0),
};

const blue = vpn("10.1.0.0/16", 101);
const red = vpn("10.2.0.0/16", 102);

test("RFC 4684: a peer gets what its memberships cover, and exactly the difference later", () => {
  const b = new RibBench();
  const pe = b.member(1);
  const [one, both] = [b.member(2, 1), b.member(3, 1, 2)];
  b.announce(pe, blue, targeted(1));
  b.announce(pe, red, targeted(2));
  b.settle();
  const count = (peer: PeerIndex): number => b.held(peer, "ipv4-vpn").length;
  assert.deepEqual([count(pe), count(one), count(both)], [0, 1, 2]);
  const announced = b.views.get(one)!.announceCount;
  b.announce(one, membership(96, localAsn, routeTarget(2)), attributes([]));
  b.settle();
  assert.equal(count(one), 2);
  // Only the VPN route that is new, and the membership that comes back from the reflector.
  assert.equal(b.views.get(one)!.announceCount - announced, 2);
  b.send(one, routeWithdrawal(membership(96, localAsn, routeTarget(1))));
  b.settle();
  assert.equal(count(one), 1);
  assert.equal(b.views.get(one)!.spuriousWithdrawCount, 0);
  assert.equal(b.rib.counts(one, "ipv4-vpn").advertised, 1);
});

test("RFC 4684: a changed route target moves the route between the members", () => {
  const b = new RibBench();
  const pe = b.member(1);
  const [one, two, both] = [b.member(2, 1), b.member(3, 2), b.member(4, 1, 2)];
  b.announce(pe, blue, targeted(1));
  b.settle();
  b.announce(pe, blue, targeted(2));
  const buffers = b.settle();
  assert.deepEqual(
    [one, two, both].map((peer) => b.held(peer, "ipv4-vpn").length),
    [0, 1, 1],
  );
  assert.equal(buffers.size, 1);
  for (const peer of [one, two, both]) assert.equal(b.views.get(peer)!.spuriousWithdrawCount, 0);
});

test("RFC 4684 6: nothing of a VPN is sent before the memberships are complete", () => {
  const b = new RibBench();
  const pe = b.member(1);
  b.announce(pe, blue, targeted(1));
  const [late, silent] = [b.peer(2), b.peer(3)];
  b.announce(late, membership(0, 0, 0n), attributes([]));
  b.announce(silent, membership(0, 0, 0n), attributes([]));
  b.settle();
  assert.deepEqual([b.held(late, "ipv4-vpn"), b.held(silent, "ipv4-vpn")], [[], []]);
  assert.ok(!b.views.get(late)!.endOfRibs.includes("ipv4-vpn"));
  b.send(late, endOfRib("route-target"));
  b.rib.stopAwaitingMemberships(silent);
  b.settle();
  for (const peer of [late, silent]) {
    assert.equal(b.held(peer, "ipv4-vpn").length, 1);
    assert.ok(b.views.get(peer)!.endOfRibs.includes("ipv4-vpn"));
    assert.ok(b.rib.inSync(peer));
  }
});

test("a thousand routes of one VPN among many cost their members one encoding", () => {
  const b = new RibBench();
  const pe = b.member(1);
  const members = Array.from({ length: 20 }, (_, i) => b.member(10 + i, i));
  for (let i = 0; i < 1000; i += 1) {
    b.announce(pe, vpn(`10.${i >> 8}.${i & 255}.0/24`, 7), targeted(i % 20));
  }
  const buffers = b.settle();
  assert.equal(buffers.size, 1);
  for (const peer of members) assert.equal(b.held(peer, "ipv4-vpn").length, 50);
});

test("RFC 7911: the best paths are sent under identifiers that stay while they do", () => {
  const b = new RibBench();
  const external = [1, 2, 3].map((n) => b.peer(n, { asn: (65000 + n) as Asn }));
  const addPathSend: AddressFamily[] = ["ipv4-unicast"];
  const two = b.peer(9, { addPathSendMax: 2 }, { addPathSend });
  const announce = (n: number, ...path: number[]): void =>
    b.announce(external[n - 1]!, ten, attributes([65000 + n, ...path]));
  announce(2, 7);
  announce(3, 7, 7);
  b.settle();
  const before = b.views.get(two)!.routes;
  assert.deepEqual(b.held(two, "ipv4-unicast"), [
    "ipv4-unicast 080a000000#1",
    "ipv4-unicast 080a000000#2",
  ]);
  const keptText = [...before].find(([, text]) => text.includes("s65002"))!;
  announce(1);
  b.settle();
  // The third best makes room for the best, and the path of peer 2 keeps its identifier.
  const texts = [...b.views.get(two)!.routes];
  assert.deepEqual(texts.map(([, text]) => /path s(\d+)/.exec(text)![1]).sort(), [
    "65001",
    "65002",
  ]);
  assert.ok(texts.some(([name, text]) => name === keptText[0] && text === keptText[1]));
  b.send(external[0]!, routeWithdrawal(ten));
  b.settle();
  assert.deepEqual(
    [b.held(two, "ipv4-unicast").length, b.rib.counts(two, "ipv4-unicast")],
    [2, { received: 0, accepted: 0, notUsed: new Map(), stale: 0, advertised: 2 }],
  );
  for (const peer of external) b.rib.sessionDown(peer);
  b.settle();
  assert.deepEqual(b.held(two, "ipv4-unicast"), []);
  assert.equal(b.views.get(two)!.spuriousWithdrawCount, 0);
});

test("RFC 7911: paths of one peer are told apart by identifier", () => {
  const b = new RibBench();
  const cx = { addPathReceive: ["ipv4-unicast"] } as const;
  const a = b.peer(1, { asn: 65001 as Asn }, { cx });
  const watcher = b.peer(2);
  b.announce(a, ten, attributes([65001, 7], { med: 1 }), 11);
  b.announce(a, ten, attributes([65001], { med: 2 }), 12);
  b.settle();
  const paths = b.rib.lookup(parsePrefix("10.0.0.0/8"));
  assert.deepEqual(
    paths.map(({ pathId, best }) => [pathId, best]),
    [
      [12, true],
      [11, false],
    ],
  );
  b.send(a, routeWithdrawal(ten, 12));
  b.settle();
  assert.match([...b.views.get(watcher)!.routes.values()].join(), /med 1/);
});

test("RFC 7432 15: MAC mobility decides before LOCAL_PREF, and a new label is a new route", () => {
  const b = new RibBench({ watchedFamilies: ["evpn"] });
  const [one, two] = [b.member(1), b.member(2, 1)];
  const watcher = b.member(3, 1);
  const moved = (sequence: number, localPref: number): PathAttributes => ({
    ...targeted(1),
    localPref,
    extendedCommunities: [routeTarget(1), 0x0600_0000_0000_0000n + BigInt(sequence)],
  });
  const mac = "02:00:00:00:00:01";
  b.announce(one, macIp(mac, 5), moved(1, 200));
  b.announce(two, macIp(mac, 6), moved(2, 100));
  b.settle();
  const [best] = b.rib.lookupRoute("evpn", macIp(mac, 0).key);
  assert.equal(best?.peer, two);
  assert.match(best!.text, /02:00:00:00:00:01/);
  const before = b.views.get(watcher)!.announceCount;
  b.announce(two, macIp(mac, 7), moved(2, 100));
  b.settle();
  assert.equal(b.views.get(watcher)!.announceCount, before + 1);
  const [change, ...others] = b.rib.takeRouteChanges();
  assert.deepEqual([change?.best?.peer, others.length], [two, 0]);
  b.send(two, routeWithdrawal(macIp(mac, 7)));
  b.send(one, routeWithdrawal(macIp(mac, 5)));
  b.settle();
  assert.deepEqual(
    b.rib.takeRouteChanges().map(({ best: left }) => left),
    [undefined],
  );
  assert.deepEqual([b.rib.prefixCount("evpn"), b.rib.payloadCount("evpn")], [0, 0]);
});

test("RFC 8950: IPv4 routes go with an IPv6 next hop only where the session allows it", () => {
  const b = new RibBench();
  const cx = { extendedNextHop: ["ipv4-unicast"] } as const;
  const a = b.peer(1, { asn: 65001 as Asn });
  const nextHop6 = parseIp6("2001:db8::1");
  const hops = (peer: PeerIndex): string => [...b.views.get(peer)!.routes.values()].join();
  const plain = b.peer(2, { asn: 65002 as Asn });
  const extended = b.rib.addPeer({
    address: parseIp("2001:db8::2"),
    reflectorClient: false,
    nextHopSelf: false,
    exportPolicy: acceptAll,
    asn: 65002 as Asn,
    nextHop6,
  });
  const context = { fourOctetAs: true, external: true, families, ...cx };
  b.views.set(extended, new FamilyView(context));
  const routerId = parseIp4("10.0.0.9");
  b.rib.sessionUp(extended, { cx: context, routerId, messageLengthMax: 4096 });
  b.announce(a, ten, attributes([65001]));
  b.settle();
  assert.match(hops(plain), /nexthop 3221226238/);
  assert.match(hops(extended), new RegExp(`nexthop ${nextHop6}`));
});

test("RFC 8326: a path with GRACEFUL_SHUTDOWN loses", () => {
  const b = new RibBench();
  const [a, c] = [b.peer(1, { asn: 65001 as Asn }), b.peer(2, { asn: 65002 as Asn })];
  b.announce(a, ten, attributes([65001], { communities: [0xffff0000] }));
  b.announce(c, ten, attributes([65002, 7, 7, 7]));
  b.settle();
  assert.equal(b.rib.lookup(parsePrefix("10.0.0.0/8"))[0]?.peer, c);
});

test("explain() names the rule that decided, the policy, and what every peer is sent", () => {
  const b = new RibBench();
  const [a, c] = [b.peer(1, { asn: 65001 as Asn }), b.peer(2, { asn: 65002 as Asn })];
  const inside = b.peer(3, { reflectorClient: false });
  b.announce(a, ten, attributes([65001]));
  b.announce(c, ten, attributes([65002, 7]));
  b.settle();
  const explained = b.rib.explain(parsePrefix("10.0.0.0/8"))!;
  assert.deepEqual(
    explained.paths.map(({ path, lostBy, lostTo, policy }) => [
      path.peer,
      lostBy,
      lostTo,
      policy?.verdict,
    ]),
    [
      [a, undefined, undefined, "accept"],
      [c, "as-path-length", 0, "accept"],
    ],
  );
  assert.deepEqual(
    explained.exports.map(({ peer, notSent, sent }) => [peer, notSent, sent?.localPref]),
    [
      [a, "split-horizon", undefined],
      [c, undefined, undefined],
      [inside, undefined, 100],
    ],
  );
  assert.equal(b.rib.explain(parsePrefix("11.0.0.0/8")), undefined);
});

test("explain() tells of a VPN route why a member does not get it", () => {
  const b = new RibBench();
  const [pe, member] = [b.member(1), b.member(2, 2)];
  b.announce(pe, blue, targeted(1));
  b.settle();
  const explained = b.rib.explain({ family: "ipv4-vpn", key: blue.key })!;
  const why = new Map(explained.exports.map(({ peer, notSent }) => [peer, notSent]));
  assert.deepEqual([why.get(pe), why.get(member)], ["split-horizon", "route-target"]);
  assert.match(String(explained.route), /10\.1\.0\.0\/16/);
});

test("adjRibIn() shows what was sent before policy, adjRibOut() what is sent after it", () => {
  const b = new RibBench();
  const a = b.peer(1, {
    asn: 65001 as Asn,
    importPolicy: { ...acceptAll, terms: [], otherwise: "reject" },
  });
  const c = b.peer(2, { asn: 65002 as Asn });
  b.announce(a, ten, attributes([65001]));
  b.rib.originate(parsePrefix("20.0.0.0/8"), { med: 9 });
  b.settle();
  const received = [...b.rib.adjRibIn(a, "ipv4-unicast")];
  assert.deepEqual(
    received.map((route) => ("prefix" in route ? formatPrefix(route.prefix) : "")),
    ["10.0.0.0/8"],
  );
  const sent = [...b.rib.adjRibOut(c, "ipv4-unicast")];
  assert.deepEqual(
    sent.map(({ attributes: out }) => [out.med, out.asPath]),
    [[9, [{ type: "sequence", asns: [localAsn] }]]],
  );
});

test("recheckOwnership() takes routes out and in again", () => {
  let owner: PeerIndex | undefined;
  const asked: number[] = [];
  const b = new RibBench({
    ownership: {
      mayAnnounce: (peer, _family, words, length) => {
        asked.push(words[0]! >>> 24, length);
        return peer === owner;
      },
    },
  });
  const [agent, other] = [b.peer(1, { ownRoutesOnly: true }), b.peer(2)];
  b.announce(agent, ten, attributes([]));
  b.settle();
  assert.deepEqual([b.held(other, "ipv4-unicast"), asked], [[], [10, 8]]);
  const [path] = b.rib.lookup(parsePrefix("10.0.0.0/8"));
  assert.equal(path?.ineligible, "not-owner");
  owner = agent;
  b.rib.recheckOwnership();
  b.settle();
  assert.equal(b.held(other, "ipv4-unicast").length, 1);
});

test("RFC 9494: stale routes are kept as the last choice, marked, and not against their will", () => {
  const b = new RibBench();
  const a = b.peer(1, { asn: 65001 as Asn });
  const knows = b.peer(2, {}, { longLived: families });
  const plain = b.peer(3);
  b.announce(a, ten, attributes([65001]));
  b.announce(
    a,
    { ...ten, key: key4(0x0b000000, 8) },
    attributes([65001], { communities: [0xffff0007] }),
  );
  b.settle();
  b.rib.sessionDown(a, families);
  b.rib.longLivedStale(a, families);
  b.settle();
  assert.deepEqual(
    [b.held(knows, "ipv4-unicast").length, b.held(plain, "ipv4-unicast").length],
    [1, 0],
  );
  assert.match([...b.views.get(knows)!.routes.values()].join(), /comm 4294901766 /);
  assert.equal(b.rib.lookup(parsePrefix("10.0.0.0/8"))[0]?.longLivedStale, true);
  b.rib.sweepStale(a);
  b.settle();
  assert.equal(b.rib.prefixCount("ipv4-unicast"), 0);
});
