/**
 * The RIB of all families against a naive model: add-path, route target constraints, reflection,
 * confederations, route server clients, roles, long-lived stale routes, MAC mobility, AIGP,
 * ownership, export policies that change route targets.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, type Ip4, parseIp4 } from "@heddle/inet";
import fc from "fast-check";
import type { AddressFamily } from "../packet/address-family.ts";
import type { CodecContext } from "../packet/context.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import type { Policy } from "../policy/policy.ts";
import { acceptAll } from "../policy/presets.ts";
import type { PeerIndex } from "./peer.ts";
import { Rib } from "./rib.ts";
import type { KeyedFamily } from "./rib-reader.ts";
import {
  confederation,
  FamiliesModel,
  type FamiliesPeer,
  localAsn,
  localRouterId,
} from "./testing/families-model.ts";
import {
  FamilyView,
  key4,
  routeAnnouncement,
  routeWithdrawal,
  type TestRoute,
} from "./testing/family-view.ts";
import { macIp, membership, multicast, routeTarget, vpn } from "./testing/routes.ts";
import { endOfRib } from "./testing/wire.ts";

const families: readonly AddressFamily[] = ["ipv4-unicast", "route-target", "ipv4-vpn", "evpn"];
const addPathFamilies: readonly AddressFamily[] = ["ipv4-unicast", "ipv4-vpn", "evpn"];
/** `variant` makes another payload of the same key. */
function routesOf(variant: number): TestRoute[] {
  const none = new Uint8Array(0);
  return [
    { family: "ipv4-unicast", key: key4(0x0a000000, 8), payload: none },
    { family: "ipv4-unicast", key: key4(0x0a010000, 16), payload: none },
    vpn("10.0.0.0/8", 100 + variant),
    vpn("10.1.0.0/16", 100 + variant),
    macIp("02:00:00:00:00:01", 200 + variant),
    macIp("02:00:00:00:00:02", 200 + variant),
    multicast(),
    membership(0, 0, 0n),
    membership(96, 65000, routeTarget(1)),
    membership(96, 65001, routeTarget(1)),
    membership(96, 65000, routeTarget(2)),
    membership(80, 65000, routeTarget(0)),
  ];
}
const routes: readonly (readonly TestRoute[])[] = [routesOf(0), routesOf(1)];
const routeCount = routesOf(0).length;

function peer(n: number, more: Partial<FamiliesPeer>): FamiliesPeer {
  return {
    type: "external",
    asn: (65000 + n) as Asn,
    address: parseIp4(`192.0.2.${n}`),
    routerId: parseIp4(`10.255.0.${20 - n}`),
    nextHop: parseIp4("192.0.2.100"),
    addPathSend: 0,
    addPathReceive: false,
    constrained: true,
    longLived: false,
    routeServerClient: false,
    ownRoutesOnly: false,
    aigp: false,
    ...more,
  };
}

const inside = { asn: localAsn };
const peers: readonly FamiliesPeer[] = [
  peer(1, { constrained: false, role: "customer" }),
  peer(2, { constrained: false, role: "peer", addPathSend: 2, addPathReceive: true }),
  peer(3, { constrained: false, role: "provider", longLived: true, routeServerClient: true }),
  peer(4, { ...inside, type: "internal", longLived: true, aigp: true }),
  peer(5, { ...inside, type: "client", longLived: true, addPathReceive: true, aigp: true }),
  peer(6, { ...inside, type: "client", addPathSend: 3, retarget: routeTarget(2) }),
  peer(7, { type: "confederation", longLived: true, aigp: true }),
  peer(8, { ownRoutesOnly: true, aigp: true, retarget: routeTarget(1) }),
];

const isRouteTarget = { value: 0x0002n << 48n, mask: 0xffffn << 48n };

function exportPolicyOf({ retarget }: FamiliesPeer): Policy {
  if (retarget === undefined) return acceptAll;
  return {
    name: "retarget",
    terms: [
      {
        match: { families: ["ipv4-vpn", "evpn"] },
        verdict: "accept",
        actions: {
          removeExtendedCommunities: [isRouteTarget],
          addExtendedCommunities: [retarget],
        },
      },
    ],
    otherwise: "accept",
  };
}

type Op =
  | { op: "announce"; peer: number; pick: number; variant: number; pathId: number; draw: Draw }
  | { op: "withdraw"; peer: number; pick: number; pathId: number }
  | { op: "down"; peer: number; retain: boolean; longLived: boolean }
  | { op: "endOfRib"; peer: number; family: AddressFamily }
  | { op: "flush"; limit: number; slow: number }
  | { op: "pull"; peer: number }
  | { op: "refresh"; peer: number }
  | { op: "own"; owns: boolean }
  | { op: "originate" | "withdrawLocal"; pick: number; draw: Draw };

interface Draw {
  pref: number | undefined;
  path: number[];
  med: number | undefined;
  communities: number[];
  targets: number[];
  sequence: number | undefined;
  hop: number;
  otc: number | undefined;
  aigp: bigint | undefined;
}

const draw: fc.Arbitrary<Draw> = fc.record({
  pref: fc.constantFrom(undefined, undefined, 100, 200),
  path: fc.array(fc.constantFrom(7, 7, 7, 8, 64999), { maxLength: 2 }),
  med: fc.constantFrom(undefined, 0, 5),
  communities: fc.constantFrom(
    [],
    [],
    [],
    [0xffffff01],
    [0xffffff03],
    [0xffff0006],
    [0xffff0007],
    [0xffff0000],
  ),
  targets: fc.constantFrom([], [1], [1], [2], [1, 2]),
  sequence: fc.constantFrom(undefined, undefined, 1, 2),
  hop: fc.constantFrom(1, 2),
  otc: fc.constantFrom(undefined, undefined, undefined, 65002, 7),
  aigp: fc.constantFrom(undefined, undefined, 4n, 5n),
});
const peerNumber = fc.nat({ max: peers.length - 1 });
const pick = fc.nat({ max: routeCount - 1 });
const pathId = fc.nat({ max: 2 });
const variant = fc.nat({ max: 1 });

const record = fc.record;
const only = fc.constant;
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 12,
    arbitrary: record({
      op: only("announce" as const),
      peer: peerNumber,
      pick,
      variant,
      pathId,
      draw,
    }),
  },
  {
    weight: 6,
    arbitrary: record({ op: only("withdraw" as const), peer: peerNumber, pick, pathId }),
  },
  {
    weight: 2,
    arbitrary: record({
      op: only("down" as const),
      peer: peerNumber,
      retain: fc.boolean(),
      longLived: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: record({
      op: only("endOfRib" as const),
      peer: peerNumber,
      family: fc.constantFrom(...families, "route-target" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: record({
      op: only("flush" as const),
      limit: fc.integer({ min: 1, max: 5 }),
      slow: fc.nat({ max: 255 }),
    }),
  },
  {
    weight: 4,
    arbitrary: record({
      op: fc.constantFrom("pull" as const, "pull" as const, "refresh" as const),
      peer: peerNumber,
    }),
  },
  { weight: 1, arbitrary: record({ op: only("own" as const), owns: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: record({
      op: fc.constantFrom("originate" as const, "withdrawLocal" as const),
      pick,
      draw,
    }),
  },
);

function attributesOf(
  d: Draw,
  from: FamiliesPeer | undefined,
  family: AddressFamily,
): PathAttributes {
  const type = from?.type;
  const isOutside = type === "external";
  const asns = [...(isOutside ? [from!.asn] : []), ...d.path] as Asn[];
  const asPath =
    type === "confederation" ? [{ type: "confed-sequence" as const, asns: [from!.asn] }] : [];
  const extended = d.targets.map(routeTarget);
  if (family === "evpn" && d.sequence !== undefined) {
    extended.push(0x0600_0000_0000_0000n + BigInt(d.sequence));
  }
  const isUnicast = family === "ipv4-unicast";
  return {
    origin: 0,
    asPath: asns.length === 0 ? asPath : [...asPath, { type: "sequence", asns }],
    nextHop: from === undefined ? (0 as Ip4) : parseIp4(`192.0.2.${200 + d.hop}`),
    ...(d.med === undefined ? {} : { med: d.med }),
    ...(d.pref === undefined || isOutside ? {} : { localPref: d.pref }),
    ...(d.aigp === undefined ? {} : { aigp: d.aigp }),
    ...(d.otc === undefined || !isUnicast ? {} : { onlyToCustomer: d.otc as Asn }),
    atomicAggregate: false,
    communities: d.communities,
    extendedCommunities: isUnicast || family === "route-target" ? [] : extended,
    largeCommunities: [],
    clusterList: [],
    unknown: [],
  };
}

/** Drives the RIB and the model with the same operations. */
class Harness {
  readonly model: FamiliesModel;
  readonly rib: Rib;
  readonly indexes: PeerIndex[];
  readonly views: FamilyView[] = [];

  constructor(longLivedPartial: boolean) {
    this.model = new FamiliesModel(peers, longLivedPartial);
    this.rib = new Rib({
      localAsn,
      routerId: localRouterId,
      confederation: { identifier: confederation },
      families,
      multipath: { ebgpCountMax: 4, ibgpCountMax: 4, relaxAsPath: true },
      forwarding: true,
      hashSeed: 7,
      longLivedPartial,
      ownership: { mayAnnounce: () => this.model.owns },
    });
    this.indexes = peers.map((p) =>
      this.rib.addPeer({
        address: p.address,
        asn: p.asn,
        reflectorClient: p.type === "client",
        confederationMember: p.type === "confederation",
        importPolicy: acceptAll,
        exportPolicy: exportPolicyOf(p),
        nextHop4: p.nextHop,
        nextHopSelf: false,
        routeServerClient: p.routeServerClient,
        ownRoutesOnly: p.ownRoutesOnly,
        ...(p.role === undefined ? {} : { role: p.role }),
        ...(p.addPathSend === 0 ? {} : { addPathSendMax: p.addPathSend }),
      }),
    );
    for (const n of peers.keys()) this.up(n);
  }

  up(n: number): void {
    const p = peers[n]!;
    const cx: CodecContext = {
      fourOctetAs: true,
      external: p.type === "external",
      confederationExternal: p.type === "confederation",
      families: p.constrained ? families : families.filter((f) => f !== "route-target"),
      aigp: p.aigp,
      ...(p.addPathReceive ? { addPathReceive: addPathFamilies } : {}),
    };
    const addPathSend = p.addPathSend > 0 ? families : [];
    this.views[n] = new FamilyView({ ...cx, addPathReceive: addPathSend });
    this.rib.sessionUp(this.indexes[n]!, {
      cx,
      routerId: p.routerId,
      messageLengthMax: 4096,
      addPathSend,
      longLived: p.longLived ? families : [],
    });
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
    if (op.op === "announce" || op.op === "withdraw") {
      this.applyRoute(op);
    } else if (op.op === "down") {
      this.rib.sessionDown(this.indexes[op.peer]!, op.retain ? families : []);
      this.model.down(op.peer, op.retain);
      if (op.longLived) {
        this.rib.longLivedStale(this.indexes[op.peer]!, families);
        this.model.longLived(op.peer, families);
      }
      this.up(op.peer);
    } else if (op.op === "endOfRib") {
      this.receive(op.peer, endOfRib(op.family));
      this.model.sweep(op.peer, op.family);
      if (op.family === "route-target") this.model.heard.add(op.peer);
    } else if (op.op === "flush") {
      this.flush(op.limit, op.slow);
    } else if (op.op === "pull") {
      this.pullOnce(op.peer);
    } else if (op.op === "refresh") {
      for (const family of families) this.rib.refresh(this.indexes[op.peer]!, family);
    } else if (op.op === "own") {
      this.model.owns = op.owns;
      this.rib.recheckOwnership();
    } else {
      this.applyLocal(op);
    }
  }

  applyRoute(op: Extract<Op, { op: "announce" | "withdraw" }>): void {
    const from = peers[op.peer]!;
    const route = routes[op.op === "announce" ? op.variant : 0]![op.pick]!;
    const { family } = route;
    if (family === "route-target" && !from.constrained) return;
    const isAddPath = from.addPathReceive && addPathFamilies.includes(family);
    const id = isAddPath ? op.pathId : 0;
    if (op.op === "withdraw") {
      this.receive(op.peer, routeWithdrawal(route, isAddPath ? id : undefined));
      this.model.withdraw(op.peer, route, id);
      return;
    }
    const attributes = attributesOf(op.draw, from, family);
    this.receive(op.peer, routeAnnouncement(route, attributes, isAddPath ? id : undefined));
    this.model.announce(op.peer, route, id, attributes);
  }

  applyLocal({ op, pick: at, draw: d }: Extract<Op, { op: "originate" | "withdrawLocal" }>): void {
    const route = routes[0]![at]!;
    if (route.family === "ipv4-unicast") return;
    const family = route.family as KeyedFamily;
    if (op === "withdrawLocal") {
      this.rib.withdrawRoute(family, route.key);
      this.model.withdrawLocal(route);
      return;
    }
    const attributes = attributesOf(d, undefined, family);
    this.rib.originateRoute(family, route.key, route.payload, attributes);
    this.model.originate(route, attributes);
  }

  check(): void {
    this.settle();
    for (const n of peers.keys()) {
      assert.deepEqual(this.views[n]!.summary(), this.model.adjRibOut(n), `peer ${n}`);
      let advertised = 0;
      let listed = 0;
      for (const family of families) {
        advertised += this.rib.counts(this.indexes[n]!, family).advertised;
        listed += [...this.rib.adjRibOut(this.indexes[n]!, family)].length;
      }
      // What is held back until the memberships are complete is not there yet.
      if (!peers[n]!.constrained || this.model.heard.has(n)) {
        assert.deepEqual([advertised, listed], Array(2).fill(this.views[n]!.routes.size));
      }
    }
  }
}

const history = fc.array(operation, { minLength: 10, maxLength: 80, size: "max" });

test("every Adj-RIB-Out of every family equals a naive model's after any sequence", () => {
  fc.assert(
    fc.property(history, fc.boolean(), (ops, longLivedPartial) => {
      const harness = new Harness(longLivedPartial);
      const half = ops.length >> 1;
      for (const op of ops.slice(0, half)) harness.apply(op);
      harness.check();
      for (const op of ops.slice(half)) harness.apply(op);
      harness.check();
    }),
    { numRuns: 300 },
  );
});

test("everything of every family is freed when all peers are gone", () => {
  fc.assert(
    fc.property(history, (ops) => {
      const harness = new Harness(false);
      for (const op of ops) harness.apply(op);
      for (const { family, key } of routes[0]!) {
        if (family !== "ipv4-unicast") harness.rib.withdrawRoute(family as KeyedFamily, key);
      }
      for (const index of harness.indexes) harness.rib.removePeer(index);
      while (harness.rib.dirty) harness.flush(50, 0);
      harness.rib.takeChanges(1000);
      for (const family of families) {
        assert.equal(harness.rib.prefixCount(family), 0, family);
        assert.equal(harness.rib.attributeCount(family), 0, family);
        assert.equal(harness.rib.payloadCount(family), 0, family);
      }
      assert.equal(harness.rib.targetSetCount, 0);
    }),
    { numRuns: 100 },
  );
});
