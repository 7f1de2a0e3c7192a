import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Asn,
  formatIp,
  formatPrefix,
  type Ifindex,
  parseIp,
  parseIp4,
  parseIp6,
  parsePrefix,
} from "@heddle/inet";
import { DecodeError } from "../errors.ts";
import type { AddressFamily } from "../packet/address-family.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll, acceptDefaultOnly, announceOwn } from "../policy/presets.ts";
import type { RibConfig } from "./config.ts";
import type { PeerIndex, RibPeer } from "./peer.ts";
import { Rib } from "./rib.ts";
import { attributes as plainAttributes } from "./testing/attributes.ts";
import { liveMemory } from "./testing/live-memory.ts";
import { announcement, bothFamilies, endOfRib, PeerView, withdrawal } from "./testing/wire.ts";

const localAsn = 65000 as Asn;
const v4: AddressFamily = "ipv4-unicast";
const none = { received: 0, accepted: 0, notUsed: new Map(), stale: 0, advertised: 0 };

function attributes(
  asns: readonly number[],
  nextHop = "192.0.2.1",
  more: Partial<PathAttributes> = {},
): PathAttributes {
  return plainAttributes(asns, { nextHop: parseIp(nextHop), ...more });
}

/** A RIB whose peers record what they are sent. */
class Bench {
  readonly rib: Rib;
  readonly views: Map<PeerIndex, PeerView> = new Map();
  readonly configs: Map<PeerIndex, RibPeer> = new Map();
  /** Peers whose write queue is full. */
  readonly full: Set<PeerIndex> = new Set();

  constructor(config: Partial<RibConfig> = {}) {
    this.rib = new Rib({
      localAsn,
      routerId: parseIp4("10.255.0.1"),
      families: bothFamilies,
      multipath: { ebgpCountMax: 8, ibgpCountMax: 8, relaxAsPath: true },
      forwarding: true,
      hashSeed: 1,
      ...config,
    });
  }

  /** Number `n` makes the addresses. */
  peer(n: number, config: Partial<RibPeer> = {}): PeerIndex {
    const full: RibPeer = {
      address: parseIp4(`192.0.2.${n}`),
      asn: (65000 + n) as Asn,
      reflectorClient: false,
      importPolicy: acceptAll,
      exportPolicy: acceptAll,
      nextHop4: parseIp4("192.0.2.254"),
      nextHop6: parseIp6("2001:db8::fe"),
      nextHopSelf: false,
      ...config,
    };
    const index = this.rib.addPeer(full);
    this.configs.set(index, full);
    this.up(index);
    return index;
  }

  up(peer: PeerIndex, routerId = `10.0.0.${peer}`): void {
    const external = this.configs.get(peer)!.asn !== localAsn;
    this.views.set(peer, new PeerView(external));
    const cx = { fourOctetAs: true, external, families: bothFamilies };
    this.rib.sessionUp(peer, { cx, routerId: parseIp4(routerId), messageLengthMax: 4096 });
    this.settle();
  }

  send(peer: PeerIndex, body: Uint8Array): ReturnType<Rib["receive"]> {
    return this.rib.receive(peer, body, 0, body.length);
  }

  announce(peer: PeerIndex, prefix: string, a: PathAttributes): void {
    this.send(peer, announcement([parsePrefix(prefix)], a));
  }

  settle(): void {
    const deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
      this.views.get(peer)!.take(bytes);
      return !this.full.has(peer);
    };
    while (this.rib.dirty) this.rib.flush(deliver);
    for (const [peer, view] of this.views) {
      if (this.full.has(peer)) continue;
      for (let b = this.rib.pull(peer); b !== undefined; b = this.rib.pull(peer)) view.take(b);
    }
  }

  held(peer: PeerIndex): string[] {
    return [...this.views.get(peer)!.routes.keys()].map(formatPrefix).sort();
  }

  updates(peer: PeerIndex): number {
    return this.views.get(peer)!.updateCount;
  }

  changes(): string[] {
    return this.rib.takeChanges().map(({ prefix, nextHops }) => {
      const hops = nextHops.map((h) => formatIp(h.address) + (h.ifindex ? `%${h.ifindex}` : ""));
      return `${formatPrefix(prefix)} via ${hops.join(" ")}`;
    });
  }
}

test("RFC 8212: an eBGP session without policy exchanges nothing, an iBGP one everything", () => {
  const b = new Bench();
  const a = b.peer(1);
  const bare = b.rib.addPeer({
    address: parseIp("192.0.2.9"),
    asn: 65009 as Asn,
    reflectorClient: false,
    nextHopSelf: false,
    nextHop4: parseIp4("192.0.2.254"),
  });
  b.configs.set(bare, {
    address: parseIp("192.0.2.9"),
    asn: 65009 as Asn,
    reflectorClient: false,
    nextHopSelf: false,
  });
  b.up(bare);
  const internal = b.rib.addPeer({
    address: parseIp("192.0.2.8"),
    asn: localAsn,
    reflectorClient: false,
    nextHopSelf: false,
  });
  b.configs.set(internal, {
    address: parseIp("192.0.2.8"),
    asn: localAsn,
    reflectorClient: false,
    nextHopSelf: false,
  });
  b.up(internal);
  b.announce(bare, "10.0.0.0/8", attributes([65009]));
  b.announce(a, "10.1.0.0/16", attributes([65001]));
  b.settle();
  assert.deepEqual(b.held(bare), []);
  assert.deepEqual(b.held(internal), ["10.1.0.0/16"]);
  assert.deepEqual(b.rib.counts(bare, v4), {
    ...none,
    received: 1,
    notUsed: new Map([["policy", 1]]),
  });
  assert.equal(b.rib.lookup(parsePrefix("10.0.0.0/8"))[0]?.ineligible, "policy");
});

test("a fabric session takes only default routes and announces only own prefixes", () => {
  const b = new Bench();
  const own = parsePrefix("10.244.1.0/26");
  const policies = { importPolicy: acceptDefaultOnly, exportPolicy: announceOwn([own]) };
  const [leaf1, leaf2] = [
    b.peer(1, { ...policies, asn: 65201 as Asn }),
    b.peer(2, { ...policies, asn: 65201 as Asn }),
  ];
  for (const leaf of [leaf1, leaf2]) {
    const a = attributes([65201], `192.0.2.${leaf}`);
    b.send(leaf, announcement(["0.0.0.0/0", "10.244.9.0/26", "10.0.0.0/8"].map(parsePrefix), a));
    b.send(
      leaf,
      announcement(
        ["::/0", "fd00:10::/32"].map(parsePrefix),
        attributes([65201], `2001:db8::${leaf}`),
      ),
    );
  }
  b.rib.originate(own);
  b.rib.originate(parsePrefix("10.244.2.0/26"));
  b.settle();
  assert.deepEqual(b.changes().sort(), [
    "0.0.0.0/0 via 192.0.2.1 192.0.2.2",
    "10.244.1.0/26 via ",
    "10.244.2.0/26 via ",
    "::/0 via 2001:db8::1 2001:db8::2",
  ]);
  assert.deepEqual(b.held(leaf1), ["10.244.1.0/26"]);
  assert.deepEqual(b.rib.counts(leaf1, v4), {
    ...none,
    ...{ received: 3, accepted: 1, advertised: 1 },
    notUsed: new Map([["policy", 2]]),
  });
  const sent = b.views.get(leaf1)!.routes.get(own)!;
  assert.deepEqual(sent.asPath, [{ type: "sequence", asns: [localAsn] }]);
  assert.equal(formatIp(sent.nextHop), "192.0.2.254");
});

test("takeChanges() gives link-local next hops their interface and follows multipath", () => {
  const b = new Bench();
  const [a, c] = [b.peer(1, { ifindex: 3 as Ifindex }), b.peer(2, { ifindex: 4 as Ifindex })];
  const linkLocal = parseIp6("fe80::1");
  b.announce(a, "::/0", attributes([65001], "2001:db8::1", { linkLocalNextHop: linkLocal }));
  b.announce(c, "::/0", attributes([65002], "2001:db8::1", { linkLocalNextHop: linkLocal }));
  b.settle();
  assert.deepEqual(b.changes(), ["::/0 via fe80::1%3 fe80::1%4"]);
  b.send(c, withdrawal([parsePrefix("::/0")]));
  assert.deepEqual(b.changes(), ["::/0 via fe80::1%3"]);
  b.announce(c, "::/0", attributes([65002], "2001:db8::2"));
  assert.deepEqual(b.changes(), ["::/0 via fe80::1%3 2001:db8::2"]);
  b.rib.sessionDown(a);
  b.rib.sessionDown(c);
  b.settle();
  assert.deepEqual(b.changes(), ["::/0 via "]);
  assert.equal(b.rib.prefixCount("ipv6-unicast"), 0);
});

test("RFC 4724 4.2: a peer that comes back with the same routes goes unnoticed", () => {
  const b = new Bench();
  const [a, watcher] = [b.peer(1), b.peer(2)];
  for (let i = 0; i < 50; i += 1) b.announce(a, `10.${i}.0.0/16`, attributes([65001, 7 + (i % 3)]));
  b.settle();
  b.changes();
  const before = b.updates(watcher);
  b.rib.sessionDown(a, bothFamilies);
  assert.equal(b.rib.counts(a, v4).stale, 50);
  assert.equal(b.rib.lookup(parsePrefix("10.1.0.0/16"))[0]?.stale, true);
  b.up(a);
  for (let i = 0; i < 49; i += 1) b.announce(a, `10.${i}.0.0/16`, attributes([65001, 7 + (i % 3)]));
  b.settle();
  assert.equal(b.updates(watcher), before);
  assert.deepEqual(b.changes(), []);
  assert.deepEqual(b.send(a, endOfRib(v4)), { problems: [], endOfRib: v4 });
  b.settle();
  assert.deepEqual(b.changes(), ["10.49.0.0/16 via "]);
  assert.equal(b.held(watcher).length, 49);
  assert.deepEqual(b.rib.counts(a, v4), { ...none, received: 49, accepted: 49 });
});

test("RFC 4724 4.2: stale routes go with the restart timer, or a second failure", () => {
  const b = new Bench();
  const a = b.peer(1);
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.rib.sessionDown(a, bothFamilies);
  b.rib.sweepStale(a);
  b.settle();
  assert.deepEqual(b.changes(), ["10.0.0.0/8 via "]);
  assert.equal(b.rib.prefixCount(v4), 0);
  b.up(a);
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.rib.sessionDown(a, bothFamilies);
  b.up(a);
  b.rib.sessionDown(a, bothFamilies);
  b.settle();
  assert.deepEqual(b.changes(), ["10.0.0.0/8 via "]);
  assert.equal(b.rib.prefixCount(v4), 0);
});

test("a session with another BGP Identifier does not inherit stale routes", () => {
  const b = new Bench();
  const a = b.peer(1);
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.rib.sessionDown(a, bothFamilies);
  b.up(a, "10.0.0.99");
  assert.deepEqual(b.changes(), ["10.0.0.0/8 via "]);
  assert.equal(b.rib.prefixCount(v4), 0);
});

test("RFC 4724 4.1: while selection is held nothing leaves the RIB", () => {
  const b = new Bench();
  b.rib.holdBestPath();
  const [a, c] = [b.peer(1), b.peer(2)];
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.settle();
  assert.deepEqual([b.held(c), b.changes(), b.views.get(c)!.endOfRibs], [[], [], []]);
  assert.equal(b.rib.inSync(c), false);
  b.rib.releaseBestPath();
  b.settle();
  assert.deepEqual([b.held(c), b.changes()], [["10.0.0.0/8"], ["10.0.0.0/8 via 192.0.2.1"]]);
  assert.deepEqual(b.views.get(c)!.endOfRibs, [...bothFamilies]);
});

test("the peers of an update group share the bytes, but for what is theirs", () => {
  const b = new Bench();
  const peers = [1, 2, 3, 4].map((n) => b.peer(n));
  for (const peer of peers) {
    for (let i = 0; i < 20; i += 1)
      b.announce(peer, `10.${peer}.${i}.0/24`, attributes([65000 + peer]));
  }
  const buffers = new Set<ArrayBufferLike>();
  const deliver = (peer: PeerIndex, bytes: Uint8Array): boolean => {
    buffers.add(bytes.buffer);
    b.views.get(peer)!.take(bytes);
    return true;
  };
  while (b.rib.dirty) b.rib.flush(deliver);
  assert.equal(buffers.size, 1);
  for (const peer of peers) {
    assert.equal(b.held(peer).length, 60);
    assert.ok(b.held(peer).every((prefix) => !prefix.startsWith(`10.${peer}.`)));
  }
});

test("a slow peer is owed each prefix once, however often it changed", () => {
  const b = new Bench();
  const [a, slow] = [b.peer(1), b.peer(2)];
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.full.add(slow);
  b.settle();
  for (let i = 0; i < 1000; i += 1) {
    b.announce(a, "10.0.0.0/8", attributes([65001, 1 + i]));
    b.announce(a, "10.1.0.0/16", attributes([65001, 1 + i]));
    b.settle();
  }
  b.send(a, withdrawal([parsePrefix("10.1.0.0/16")]));
  b.settle();
  assert.equal(b.updates(slow), 1 + bothFamilies.length);
  b.full.clear();
  b.settle();
  assert.equal(b.updates(slow), 3 + bothFamilies.length);
  assert.deepEqual(b.held(slow), ["10.0.0.0/8"]);
  assert.ok(b.rib.inSync(slow));
});

const onlyTens: Policy = {
  name: "only-tens",
  terms: [
    {
      match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 32 }] },
      verdict: "accept",
      actions: { localPref: 300, addCommunities: [7] },
    },
  ],
  otherwise: "reject",
};

test("setPolicies() applies an import policy to what is held, and takes it back", () => {
  const b = new Bench();
  const [a, c] = [b.peer(1), b.peer(2)];
  for (const p of ["10.1.0.0/16", "20.1.0.0/16"]) b.announce(a, p, attributes([65001]));
  b.settle();
  b.rib.setPolicies(a, onlyTens, acceptAll);
  b.settle();
  assert.deepEqual(b.held(c), ["10.1.0.0/16"]);
  assert.equal(b.rib.lookup(parsePrefix("10.1.0.0/16"))[0]?.attributes.localPref, 300);
  assert.deepEqual(b.rib.counts(a, v4), {
    ...none,
    ...{ received: 2, accepted: 1 },
    notUsed: new Map([["policy", 1]]),
  });
  b.rib.setPolicies(a, acceptAll, acceptAll);
  b.settle();
  assert.deepEqual(b.held(c), ["10.1.0.0/16", "20.1.0.0/16"]);
});

test("setPolicies() withdraws what the new export policy rejects and sends the rest", () => {
  const b = new Bench();
  const [a, c] = [b.peer(1), b.peer(2)];
  for (const p of ["10.1.0.0/16", "20.1.0.0/16"]) b.announce(a, p, attributes([65001]));
  b.settle();
  b.rib.setPolicies(c, acceptAll, onlyTens);
  b.announce(a, "30.0.0.0/8", attributes([65001]));
  b.settle();
  assert.deepEqual(b.held(c), ["10.1.0.0/16"]);
  assert.deepEqual(b.views.get(c)!.routes.get(parsePrefix("10.1.0.0/16"))?.communities, [7]);
  assert.equal(b.views.get(c)!.spuriousWithdrawCount <= 1, true);
  b.rib.setPolicies(c, acceptAll, acceptAll);
  b.settle();
  assert.deepEqual(b.held(c), ["10.1.0.0/16", "20.1.0.0/16", "30.0.0.0/8"]);
  assert.equal(b.rib.counts(c, v4).advertised, 3);
});

test("RFC 4271 9.1.2, 6.3: own AS in AS_PATH and own NEXT_HOP are not eligible", () => {
  const b = new Bench();
  const [a, c] = [b.peer(1), b.peer(2)];
  b.announce(a, "10.0.0.0/8", attributes([65001, localAsn]));
  b.announce(a, "20.0.0.0/8", attributes([65001], "192.0.2.254"));
  b.settle();
  const why = (p: string): string | undefined => b.rib.lookup(parsePrefix(p))[0]?.ineligible;
  assert.deepEqual([why("10.0.0.0/8"), why("20.0.0.0/8")], ["as-loop", "own-next-hop"]);
  assert.deepEqual([b.held(c), b.changes()], [[], []]);
});

test("RFC 7606: a block without ORIGIN withdraws its routes, once with a problem", () => {
  const b = new Bench();
  const [a, c] = [b.peer(1), b.peer(2)];
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.settle();
  const good = announcement([parsePrefix("10.0.0.0/8")], attributes([65001]));
  const broken = good.slice();
  // ORIGIN comes first; its value 9 is undefined.
  broken[4 + 3] = 9;
  const { problems } = b.send(a, broken);
  assert.match(problems.join(), /ORIGIN/);
  b.settle();
  assert.deepEqual(b.held(c), []);
  assert.equal(b.rib.attributeCount(v4), 0);
});

test("receive() throws a reset for NLRI that overruns and stays usable", () => {
  const b = new Bench();
  const a = b.peer(1);
  const good = announcement([parsePrefix("10.0.0.0/8")], attributes([65001]));
  assert.throws(
    () => b.send(a, good.subarray(0, good.length - 1)),
    (error) => error instanceof DecodeError && error.action === "reset",
  );
  assert.equal(b.rib.attributeCount(v4), 0);
  b.send(a, good);
  b.settle();
  assert.equal(b.rib.counts(a, v4).accepted, 1);
});

test("RFC 4486: prefixCountMax counts prefixes held, not announcements", () => {
  const b = new Bench();
  const a = b.peer(1, { prefixCountMax: 2 });
  const send = (p: string): unknown =>
    b.send(a, announcement([parsePrefix(p)], attributes([65001])));
  for (let i = 0; i < 5; i += 1) assert.deepEqual(send("10.0.0.0/8"), { problems: [] });
  assert.deepEqual(send("11.0.0.0/8"), { problems: [] });
  assert.deepEqual(send("12.0.0.0/8"), { problems: [], limitExceeded: v4 });
});

test("RFC 1997: NO_EXPORT stays inside, NO_ADVERTISE stays here", () => {
  const b = new Bench();
  const [a, external] = [b.peer(1), b.peer(2)];
  const internal = b.peer(3, { asn: localAsn });
  b.announce(a, "10.0.0.0/8", attributes([65001], "192.0.2.1", { communities: [0xffffff01] }));
  b.announce(a, "20.0.0.0/8", attributes([65001], "192.0.2.1", { communities: [0xffffff02] }));
  b.settle();
  assert.deepEqual([b.held(external), b.held(internal)], [[], ["10.0.0.0/8"]]);
});

test("longestMatch() and routes() answer for people", () => {
  const b = new Bench();
  const a = b.peer(1);
  for (const p of ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16"]) b.announce(a, p, attributes([65001]));
  b.announce(a, "10.1.1.0/24", attributes([65001, localAsn]));
  const match = (ip: string): string | undefined => {
    const [path] = b.rib.longestMatch(parseIp(ip));
    return path === undefined ? undefined : formatPrefix(path.prefix);
  };
  assert.deepEqual(["10.1.1.1", "10.9.9.9", "11.1.1.1", "::1"].map(match), [
    "10.1.0.0/16",
    "10.0.0.0/8",
    "0.0.0.0/0",
    undefined,
  ]);
  const within = [...b.rib.routes({ within: parsePrefix("10.0.0.0/8"), bestOnly: true })];
  assert.deepEqual(within.map((r) => formatPrefix(r.prefix)).sort(), ["10.0.0.0/8", "10.1.0.0/16"]);
});

test("RFC 4271 4.3: a prefix both withdrawn and announced is announced", () => {
  const b = new Bench();
  const a = b.peer(1);
  const prefix = parsePrefix("10.0.0.0/8");
  const announced = announcement([prefix], attributes([65001]));
  const withdrawn = withdrawal([prefix]).subarray(0, 4);
  b.send(a, Uint8Array.from([...withdrawn, ...announced.subarray(2)]));
  assert.equal(b.rib.lookup(prefix).length, 1);
});

test("memory does not grow with churn", () => {
  const b = new Bench();
  const a = b.peer(1);
  b.peer(2);
  const churn = (from: number): void => {
    for (let i = from; i < from + 20000; i += 1) {
      const prefix = [parsePrefix(`${10 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`)];
      b.send(a, announcement(prefix, attributes([65001, 1 + i])));
      if (i % 100 === 99) b.settle();
      b.send(a, withdrawal(prefix));
      if (i % 100 === 49) b.rib.takeChanges();
    }
    b.settle();
    while (b.rib.changesPending) b.rib.takeChanges();
  };
  churn(0);
  assert.equal(b.rib.prefixCount(v4), 0);
  assert.equal(b.rib.attributeCount(v4), 0);
  const before = liveMemory();
  churn(20000);
  const growth = liveMemory() - before;
  assert.ok(growth < 16 << 20, `${growth} octets more`);
  assert.equal(b.rib.prefixCount(v4), 0);
});

test("peer numbers are reused only after the routes of the former peer are gone", () => {
  const b = new Bench();
  const a = b.peer(1);
  b.announce(a, "10.0.0.0/8", attributes([65001]));
  b.settle();
  b.rib.removePeer(a);
  b.views.delete(a);
  assert.notEqual(b.peer(3), a);
  b.settle();
  while (b.rib.changesPending) b.rib.takeChanges();
  assert.equal(b.peer(4), a);
});
