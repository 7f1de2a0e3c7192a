/** Feeds against the tables: who follows one, at whatever pace, ends with what is there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp4, parsePrefix } from "@heddle/inet";
import fc from "fast-check";
import type { AddressFamily } from "../packet/address-family.ts";
import { prefixFromWords4 } from "../packet/nlri.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";
import type { FeedRoute, FeedSource, RouteFeed } from "./route-feed.ts";
import {
  hex,
  key4,
  routeAnnouncement,
  routeText,
  routeWithdrawal,
  type TestRoute,
} from "./testing/family-view.ts";
import { vpn } from "./testing/routes.ts";
import { endOfRib } from "./testing/wire.ts";

const families = ["ipv4-unicast", "ipv4-vpn"] as const;
const localAsn = 65000 as Asn;
const noBytes = new Uint8Array(0);
const routes: readonly TestRoute[] = [
  ...[0x0a000000, 0x0a010000, 0x0a020000, 0x14000000, 0x14010000, 0x14020000].map(
    (word): TestRoute => ({ family: "ipv4-unicast", key: key4(word, 16), payload: noBytes }),
  ),
  ...["10.0.0.0/16", "10.1.0.0/16", "20.0.0.0/16"].flatMap((p) => [vpn(p, 100), vpn(p, 200)]),
];
const onlyTens: Policy = {
  name: "only-tens",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 32 }] }, verdict: "accept" },
  ],
  otherwise: "reject",
};

function attributesOf(med: number, asn: Asn): PathAttributes {
  return {
    ...{ origin: 0, asPath: [{ type: "sequence", asns: [asn] }], nextHop: parseIp4("192.0.2.9") },
    ...{ med, atomicAggregate: false, communities: [], extendedCommunities: [] },
    ...{ largeCommunities: [], clusterList: [], unknown: [] },
  };
}

/** What one follower knows; it begins anew when its feed has lost something. */
class Follower {
  readonly table: Map<string, string> = new Map();
  readonly completed: Map<FeedSource, number> = new Map();
  wakeCount = 0;
  lostCount = 0;
  readonly #feed: RouteFeed;
  readonly #watched: Set<FeedSource> = new Set();

  constructor(rib: Rib, family: AddressFamily, pendingCountMax?: number) {
    const wake = (): void => {
      this.wakeCount += 1;
    };
    this.#feed = rib.openFeed(family, {
      wake,
      ...(pendingCountMax === undefined ? {} : { pendingCountMax }),
    });
  }

  get isPending(): boolean {
    return this.#feed.isPending;
  }

  watch(source: FeedSource): void {
    this.#watched.add(source);
    this.completed.set(source, 0);
    this.#feed.watch(source);
  }

  unwatch(source: FeedSource): void {
    this.#watched.delete(source);
    this.#feed.unwatch(source);
    for (const name of this.table.keys()) {
      if (name.startsWith(`${source} `)) this.table.delete(name);
    }
  }

  take(limit: number): void {
    const { changed, found, complete, lost } = this.#feed.take(limit);
    for (const route of [...changed, ...found]) this.#apply(route);
    for (const source of complete) {
      this.completed.set(source, (this.completed.get(source) ?? 0) + 1);
    }
    if (!lost) return;
    this.lostCount += 1;
    this.table.clear();
    for (const source of this.#watched) this.watch(source);
  }

  close(): void {
    this.#feed[Symbol.dispose]();
  }

  #apply(route: FeedRoute): void {
    assert.ok(this.#watched.has(route.source), "nothing is told of what is not watched");
    const name = nameOf(route.source, named(route));
    const text = textOf(
      route.received,
      route.accepted,
      "payload" in route ? route.payload : noBytes,
    );
    if (route.received === undefined && route.accepted === undefined) this.table.delete(name);
    else this.table.set(name, text);
  }
}

function named(route: FeedRoute): Named {
  const { pathId } = route;
  if (!("words" in route)) return { pathId, key: route.key };
  const { w0, length } = route.words;
  return { pathId, prefix: prefixFromWords4(w0, length) };
}

type Named = { readonly pathId: number } & (
  | { readonly prefix: { readonly length: number; readonly address: number | bigint } }
  | { readonly key: Uint8Array }
);

function nameOf(source: FeedSource, route: Named): string {
  const key =
    "key" in route ? hex(route.key) : `${Number(route.prefix.address)}/${route.prefix.length}`;
  return `${source} ${key}#${route.pathId}`;
}

function textOf(
  received: PathAttributes | undefined,
  accepted: PathAttributes | undefined,
  payload: Uint8Array,
): string {
  const part = (a: PathAttributes | undefined): string =>
    a === undefined ? "-" : routeText(a, payload);
  return `${part(received)} => ${part(accepted)}`;
}

type Op =
  | { op: "announce" | "withdraw"; peer: number; pick: number; pathId: number; med: number }
  | { op: "down"; peer: number; retain: boolean }
  | { op: "endOfRib" | "policy" | "rewatch"; peer: number; only: boolean }
  | { op: "local"; pick: number; med: number }
  | { op: "flush" | "hold" | "release" }
  | { op: "take"; follower: number; limit: number };

const peerNumber = fc.nat({ max: 2 });
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      op: fc.constantFrom("announce" as const, "announce" as const, "withdraw" as const),
      peer: peerNumber,
      pick: fc.nat({ max: routes.length - 1 }),
      pathId: fc.integer({ min: 1, max: 2 }),
      med: fc.nat({ max: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("down" as const),
      peer: peerNumber,
      retain: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom("endOfRib" as const, "policy" as const, "rewatch" as const),
      peer: peerNumber,
      only: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("local" as const),
      pick: fc.nat({ max: 5 }),
      med: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom("flush" as const, "flush" as const, "hold" as const, "release" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant("take" as const),
      follower: fc.nat({ max: 5 }),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
);

/** Peer 2 sends several paths per key. */
class Harness {
  readonly rib = new Rib({
    ...{ localAsn, routerId: parseIp4("10.255.0.1"), families, forwarding: false, hashSeed: 3 },
    multipath: { ebgpCountMax: 1, ibgpCountMax: 1, relaxAsPath: true },
  });
  readonly peers: readonly PeerIndex[];
  /** By family: of all peers with little room, of all peers with enough, of the Loc-RIB. */
  readonly followers: readonly { readonly family: AddressFamily; readonly of: Follower[] }[];

  constructor() {
    this.peers = [1, 2, 3].map((n) =>
      this.rib.addPeer({
        ...{ address: parseIp4(`192.0.2.${n}`), asn: (65000 + n) as Asn, reflectorClient: false },
        ...{ importPolicy: acceptAll, nextHopSelf: false },
      }),
    );
    this.followers = families.map((family) => ({
      family,
      of: [3, undefined, 4].map((max) => new Follower(this.rib, family, max)),
    }));
    for (const n of this.peers.keys()) this.up(n);
    for (const { of } of this.followers) {
      for (const peer of this.peers) for (const follower of of.slice(0, 2)) follower.watch(peer);
      of[2]?.watch("loc-rib");
    }
  }

  up(n: number): void {
    const addPathReceive = n === 2 ? families : [];
    const cx = { fourOctetAs: true, external: true, families, addPathReceive };
    const routerId = parseIp4(`10.0.0.${n + 1}`);
    this.rib.sessionUp(this.peers[n]!, { cx, routerId, messageLengthMax: 4096 });
  }

  apply(op: Op): void {
    if (op.op === "announce" || op.op === "withdraw") {
      const pathId = op.peer === 2 ? op.pathId : undefined;
      const attributes = attributesOf(op.med, (65001 + op.peer) as Asn);
      const route = routes[op.pick]!;
      const body =
        op.op === "announce"
          ? routeAnnouncement(route, attributes, pathId)
          : routeWithdrawal(route, pathId);
      this.rib.receive(this.peers[op.peer]!, body, 0, body.length);
    } else if (op.op === "down") {
      this.rib.sessionDown(this.peers[op.peer]!, op.retain ? families : []);
      this.up(op.peer);
    } else if (op.op === "endOfRib") {
      for (const family of families) {
        const body = endOfRib(family);
        this.rib.receive(this.peers[op.peer]!, body, 0, body.length);
      }
    } else if (op.op === "policy") {
      this.rib.setPolicies(this.peers[op.peer]!, op.only ? onlyTens : acceptAll);
    } else if (op.op === "rewatch") {
      const peer = this.peers[op.peer]!;
      for (const { of } of this.followers) of[0]!.unwatch(peer);
      for (const { of } of this.followers) of[0]!.watch(peer);
    } else if (op.op === "local") {
      const prefix = parsePrefix(`${op.pick < 3 ? 10 : 20}.${op.pick % 3}.0.0/16`);
      if (op.med === 0) this.rib.withdraw(prefix);
      else this.rib.originate(prefix, { med: op.med });
    } else if (op.op === "take") {
      const all = this.followers.flatMap(({ of }) => of);
      all[op.follower]!.take(op.limit);
    } else if (op.op === "flush") this.rib.flush(() => true, 3);
    else if (op.op === "hold") this.rib.holdBestPath();
    else this.rib.releaseBestPath();
  }

  settle(): void {
    this.rib.releaseBestPath();
    while (this.rib.dirty) this.rib.flush(() => true, 5);
    for (const { of } of this.followers) {
      for (const follower of of) while (follower.isPending) follower.take(3);
    }
  }

  check(): void {
    this.settle();
    for (const { family, of } of this.followers) {
      const wanted = this.#adjRibsIn(family);
      for (const follower of of.slice(0, 2)) {
        assert.deepEqual([...follower.table].sort(), wanted, family);
      }
      assert.deepEqual([...of[2]!.table].sort(), this.#locRib(family), family);
      for (const { completed } of of) {
        for (const count of completed.values()) assert.equal(count, 1, "told once that it is all");
      }
    }
  }

  #adjRibsIn(family: AddressFamily): [string, string][] {
    const accepted = new Map<string, PathAttributes>();
    for (const path of this.rib.pathPage(family).routes) {
      if (path.ineligible !== undefined || path.peer === undefined) continue;
      accepted.set(nameOf(path.peer, path), path.attributes);
    }
    const found = this.peers.flatMap((peer) =>
      [...this.rib.adjRibIn(peer, family)].map((route): [string, string] => {
        const name = nameOf(peer, route);
        const payload = "payload" in route ? route.payload : noBytes;
        return [name, textOf(route.attributes, accepted.get(name), payload)];
      }),
    );
    return found.sort();
  }

  #locRib(family: AddressFamily): [string, string][] {
    const best = this.rib.pathPage(family, { bestOnly: true }).routes;
    assert.equal(this.rib.locRibCount(family), best.length);
    const found = best.map((path): [string, string] => {
      const payload = "payload" in path ? path.payload : noBytes;
      return [
        nameOf("loc-rib", { ...path, pathId: 0 }),
        textOf(undefined, path.attributes, payload),
      ];
    });
    return found.sort();
  }
}

test("whoever follows a table, at whatever pace, ends with what is in it", () => {
  let lostCount = 0;
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 120, size: "max" }), (ops) => {
      const harness = new Harness();
      for (const op of ops) harness.apply(op);
      harness.check();
      for (const { of } of harness.followers) for (const f of of) lostCount += f.lostCount;
    }),
    { numRuns: 300 },
  );
  assert.ok(lostCount > 50, "withdrawals that were too many were among it");
});

test("a feed holds no key longer than it must, also when it is closed early", () => {
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 10, maxLength: 80, size: "max" }),
      fc.boolean(),
      (ops, isClosed) => {
        const harness = new Harness();
        const { followers, peers, rib } = harness;
        for (const op of ops) harness.apply(op);
        if (isClosed) for (const { of } of followers) for (const follower of of) follower.close();
        for (const route of routes.slice(0, 6)) {
          const prefix = new DataView(route.key.buffer).getUint32(1);
          rib.withdraw(parsePrefix(`${prefix >>> 24}.${(prefix >>> 16) & 255}.0.0/16`));
        }
        for (const peer of peers) rib.removePeer(peer);
        harness.settle();
        if (!isClosed) harness.settle();
        for (const family of families) assert.equal(rib.prefixCount(family), 0, family);
      },
    ),
    { numRuns: 100 },
  );
});

test("a burst that a feed has no room for is found by a walk, and nothing is lost", () => {
  const harness = new Harness();
  const { rib, peers } = harness;
  const follower = new Follower(rib, "ipv4-unicast", 64);
  follower.watch(peers[0]!);
  follower.take(10);
  assert.deepEqual([...follower.completed], [[peers[0], 1]]);
  for (let i = 0; i < 1000; i += 1) {
    const key = key4(0x0a000000 + (i << 8), 24);
    const route = { family: "ipv4-unicast", key, payload: noBytes } as const;
    const body = routeAnnouncement(route, attributesOf(i % 3, 65001 as Asn));
    rib.receive(peers[0]!, body, 0, body.length);
  }
  assert.equal(follower.wakeCount, 2, "once for the watch, once for the burst");
  while (follower.isPending) follower.take(50);
  assert.deepEqual([follower.table.size, follower.lostCount], [1000, 0]);
});
