/**
 * The RIB against a naive model: whatever happens, the Loc-RIB and what every peer holds are the
 * same.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Asn,
  formatPrefix,
  type Ip4,
  type Prefix,
  parseIp4,
  parseIp6,
  parsePrefix,
} from "@heddle/inet";
import fc from "fast-check";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";
import { localAsn, localRouterId, type ModelPeer, ModelRib } from "./testing/model.ts";
import { announcement, bothFamilies, endOfRib, PeerView, withdrawal } from "./testing/wire.ts";

const prefixes: readonly Prefix[] = [
  "0.0.0.0/0",
  "10.0.0.0/8",
  "10.0.0.0/9",
  "10.1.0.0/16",
  "10.1.1.0/24",
  "10.1.1.1/32",
  "10.1.1.2/32",
  "172.16.0.0/31",
  "::/0",
  "2001:db8::/32",
  "2001:db8::/48",
  "2001:db8:0:1::/64",
  "2001:db8::1/128",
].map(parsePrefix);

function peer(n: number, type: ModelPeer["type"], asn: number): ModelPeer {
  return {
    type,
    asn: asn as Asn,
    address: parseIp4(`192.0.2.${n}`),
    routerId: parseIp4(`10.255.0.${20 - n}`),
    nextHop4: parseIp4(type === "external" ? `192.0.2.${100 + n}` : "192.0.2.100"),
    nextHop6: parseIp6("2001:db8:ffff::100"),
  };
}

const peers: readonly ModelPeer[] = [
  peer(1, "external", 65001),
  peer(2, "external", 65002),
  peer(3, "external", 65001),
  peer(4, "internal", localAsn),
  peer(5, "internal", localAsn),
  peer(6, "client", localAsn),
  peer(7, "client", localAsn),
];

type Op =
  | { op: "announce"; peer: number; picks: number[]; attributes: Draw }
  | { op: "withdraw"; peer: number; picks: number[] }
  | { op: "down"; peer: number; retain: boolean; policy: boolean | undefined }
  | { op: "endOfRib"; peer: number; family: 4 | 6 }
  | { op: "flush"; limit: number; slow: number }
  | { op: "pull"; peer: number }
  | { op: "refresh"; peer: number }
  | { op: "changes"; limit: number }
  | { op: "policy"; peer: number; direction: "import" | "export"; onlyTens: boolean }
  | { op: "originate" | "withdrawLocal"; pick: number; med: number };

interface Draw {
  pref: number | undefined;
  path: number[];
  origin: 0 | 1 | 2;
  med: number | undefined;
  community: number | undefined;
  hop: number;
  reflected: number;
}

const draw: fc.Arbitrary<Draw> = fc.record({
  pref: fc.constantFrom(undefined, 100, 200),
  path: fc.array(fc.constantFrom(7, 8, 65000), { maxLength: 2 }),
  origin: fc.constantFrom(0, 0, 0, 2),
  med: fc.constantFrom(undefined, 0, 5, 9),
  community: fc.constantFrom(undefined, undefined, undefined, 0x10001, 0xffffff01, 0xffffff02),
  hop: fc.constantFrom(1, 1, 2, 2, 100),
  reflected: fc.constantFrom(0, 0, 0, 1, 2, 3),
});
/** Half of the time the same attributes again, so that they come back after a session does. */
const draws: fc.Arbitrary<Draw> = fc.oneof(
  fc.constant<Draw>({
    pref: undefined,
    path: [7],
    origin: 0,
    med: undefined,
    community: undefined,
    hop: 1,
    reflected: 0,
  }),
  draw,
);
const peerNumber = fc.integer({ min: 0, max: peers.length - 1 });
const picks = fc.uniqueArray(fc.integer({ min: 0, max: prefixes.length - 1 }), {
  minLength: 1,
  maxLength: 5,
});
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("announce" as const),
      peer: peerNumber,
      picks,
      attributes: draws,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("withdraw" as const), peer: peerNumber, picks }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("down" as const),
      peer: peerNumber,
      retain: fc.boolean(),
      policy: fc.constantFrom(undefined, undefined, true, false),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("endOfRib" as const),
      peer: peerNumber,
      family: fc.constantFrom(4 as const, 6 as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("flush" as const),
      limit: fc.integer({ min: 1, max: 6 }),
      slow: fc.integer({ min: 0, max: 127 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("pull" as const),
      peer: peerNumber,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant("refresh" as const), peer: peerNumber }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("changes" as const),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("policy" as const),
      peer: peerNumber,
      direction: fc.constantFrom("import" as const, "export" as const),
      onlyTens: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constantFrom("originate" as const, "withdrawLocal" as const),
      pick: fc.integer({ min: 0, max: prefixes.length - 1 }),
      med: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

function attributesOf(d: Draw, from: ModelPeer, family: 4 | 6): PathAttributes {
  const internal = from.type !== "external";
  const asns = [...(internal ? [] : [from.asn]), ...d.path] as Asn[];
  return {
    origin: d.origin,
    asPath: asns.length === 0 ? [] : [{ type: "sequence", asns }],
    nextHop: family === 4 ? parseIp4(`192.0.2.${d.hop}`) : parseIp6(`2001:db8:ffff::${d.hop}`),
    ...(d.med === undefined ? {} : { med: d.med }),
    ...(d.pref === undefined || !internal ? {} : { localPref: d.pref }),
    atomicAggregate: false,
    communities: d.community === undefined ? [] : [d.community],
    extendedCommunities: [],
    largeCommunities: [],
    ...(internal && d.reflected === 1 ? { originatorId: parseIp4("10.255.0.5") } : {}),
    ...(internal && d.reflected === 3 ? { originatorId: localRouterId } : {}),
    clusterList:
      internal && d.reflected === 2
        ? [localRouterId]
        : internal && d.reflected === 1
          ? [9 as Ip4]
          : [],
    unknown: [],
  };
}

const onlyTens: Policy = {
  name: "only-tens",
  terms: [
    { match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 32 }] }, verdict: "accept" },
  ],
  otherwise: "reject",
};

/** Drives the RIB and the model with the same operations. */
class Harness {
  readonly rib = new Rib({
    localAsn,
    routerId: localRouterId,
    families: bothFamilies,
    multipath: { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: true },
    forwarding: true,
    hashSeed: 7,
  });
  readonly model = new ModelRib(peers);
  readonly indexes: PeerIndex[];
  readonly policies: { import: Policy; export: Policy }[];
  /** Next hops by prefix, as `takeChanges` told. */
  readonly kernel: Map<Prefix, string> = new Map();
  views: PeerView[];

  constructor() {
    this.indexes = peers.map((p) =>
      this.rib.addPeer({
        address: p.address,
        asn: p.asn,
        reflectorClient: p.type === "client",
        importPolicy: acceptAll,
        exportPolicy: acceptAll,
        nextHop4: p.nextHop4,
        nextHop6: p.nextHop6,
        nextHopSelf: false,
      }),
    );
    this.policies = peers.map(() => ({ import: acceptAll, export: acceptAll }));
    this.views = peers.map((p) => new PeerView(p.type === "external"));
    for (const n of peers.keys()) this.up(n);
  }

  up(n: number): void {
    const p = peers[n]!;
    this.views[n] = new PeerView(p.type === "external");
    const cx = { fourOctetAs: true, external: p.type === "external", families: bothFamilies };
    this.rib.sessionUp(this.indexes[n]!, { cx, routerId: p.routerId, messageLengthMax: 4096 });
  }

  receive(n: number, body: Uint8Array): void {
    this.rib.receive(this.indexes[n]!, body, 0, body.length);
  }

  flush(limit: number, slow: number): void {
    this.rib.flush((index, bytes) => {
      const n = this.indexes.indexOf(index);
      this.views[n]!.take(bytes);
      return (slow & (1 << n)) === 0;
    }, limit);
  }

  pullOnce(n: number): boolean {
    const bytes = this.rib.pull(this.indexes[n]!, 64);
    if (bytes !== undefined) this.views[n]!.take(bytes);
    return bytes !== undefined;
  }

  settle(): void {
    while (this.rib.dirty) this.flush(5, 0);
    for (const n of peers.keys()) while (this.pullOnce(n));
  }

  apply(op: Op): void {
    if (op.op === "announce") {
      for (const family of [4, 6] as const) {
        const some = op.picks.map((i) => prefixes[i]!).filter((p) => p.family === family);
        if (some.length === 0) continue;
        const attributes = attributesOf(op.attributes, peers[op.peer]!, family);
        this.receive(op.peer, announcement(some, attributes));
        for (const prefix of some) this.model.announce(op.peer, prefix, attributes);
      }
    } else if (op.op === "withdraw") {
      for (const i of op.picks) {
        this.receive(op.peer, withdrawal([prefixes[i]!]));
        this.model.withdraw(op.peer, prefixes[i]!);
      }
    } else if (op.op === "down") {
      this.rib.sessionDown(this.indexes[op.peer]!, op.retain ? bothFamilies : []);
      this.model.down(op.peer, op.retain);
      if (op.policy !== undefined) this.setPolicy(op.peer, "import", op.policy);
      this.up(op.peer);
    } else if (op.op === "endOfRib") {
      this.receive(op.peer, endOfRib(op.family === 4 ? "ipv4-unicast" : "ipv6-unicast"));
      this.model.sweep(op.peer, op.family);
    } else if (op.op === "flush") {
      this.flush(op.limit, op.slow);
    } else if (op.op === "pull") {
      this.pullOnce(op.peer);
    } else if (op.op === "changes") {
      this.takeChanges(op.limit);
    } else if (op.op === "policy") {
      this.setPolicy(op.peer, op.direction, op.onlyTens);
    } else if (op.op === "refresh") {
      this.rib.refresh(this.indexes[op.peer]!, "ipv4-unicast");
    } else {
      this.applyLocal(op.op, prefixes[op.pick]!, op.med);
    }
  }

  setPolicy(n: number, direction: "import" | "export", only: boolean): void {
    this.model.setPolicy(direction, n, only);
    this.policies[n]![direction] = only ? onlyTens : acceptAll;
    const policies = this.policies[n]!;
    this.rib.setPolicies(this.indexes[n]!, policies.import, policies.export);
  }

  takeChanges(limit: number): void {
    for (const { prefix, nextHops } of this.rib.takeChanges(limit)) {
      if (nextHops.length === 0) this.kernel.delete(prefix);
      else this.kernel.set(prefix, nextHops.map((hop) => String(hop.address)).join(" "));
    }
  }

  applyLocal(op: "originate" | "withdrawLocal", prefix: Prefix, med: number): void {
    if (op === "withdrawLocal") {
      this.rib.withdraw(prefix);
      this.model.withdrawLocal(prefix);
      return;
    }
    this.rib.originate(prefix, { med });
    const none = {
      communities: [],
      extendedCommunities: [],
      largeCommunities: [],
      clusterList: [],
      unknown: [],
    };
    const nextHop = 0 as Ip4;
    this.model.originate(prefix, {
      origin: 0,
      asPath: [],
      nextHop,
      med,
      atomicAggregate: false,
      ...none,
    });
  }

  /** -1 for local. */
  numberOf(index: PeerIndex | undefined): number {
    return index === undefined ? -1 : this.indexes.indexOf(index);
  }

  locRib(): string[] {
    const best = [...this.rib.routes({ bestOnly: true })];
    return best.map((r) => `${formatPrefix(r.prefix)} <- ${this.numberOf(r.peer)}`).sort();
  }

  check(): void {
    this.settle();
    assert.deepEqual(this.locRib(), this.model.locRib());
    while (this.rib.changesPending) this.takeChanges(3);
    const kernel = [...this.kernel].map(([prefix, hops]) => `${formatPrefix(prefix)} via ${hops}`);
    assert.deepEqual(kernel.sort(), this.model.forwarding());
    for (const n of peers.keys()) {
      assert.deepEqual(this.views[n]!.summary(), this.model.adjRibOut(n), `peer ${n}`);
      assert.ok(this.rib.inSync(this.indexes[n]!));
      for (const family of bothFamilies) {
        assert.ok(this.views[n]!.endOfRibs.filter((f) => f === family).length === 1);
      }
      const held = bothFamilies.map((f) => this.rib.counts(this.indexes[n]!, f).advertised);
      assert.equal(held[0]! + held[1]!, this.views[n]!.routes.size);
    }
  }
}

test("Loc-RIB and every Adj-RIB-Out equal a naive model's after any sequence", () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 80, size: "max" }), (ops) => {
      const harness = new Harness();
      const half = ops.length >> 1;
      for (const op of ops.slice(0, half)) harness.apply(op);
      harness.check();
      for (const op of ops.slice(half)) harness.apply(op);
      harness.check();
    }),
    { numRuns: 400 },
  );
});

test("everything is freed when all peers are gone", () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 80, size: "max" }), (ops) => {
      const harness = new Harness();
      for (const op of ops) harness.apply(op);
      for (const prefix of prefixes) harness.rib.withdraw(prefix);
      for (const index of harness.indexes) harness.rib.removePeer(index);
      while (harness.rib.dirty) harness.flush(50, 0);
      harness.rib.takeChanges(1000);
      for (const family of bothFamilies) {
        assert.equal(harness.rib.prefixCount(family), 0);
        assert.equal(harness.rib.attributeCount(family), 0);
      }
    }),
    { numRuns: 100 },
  );
});
