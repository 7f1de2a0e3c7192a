import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeEvpnRoute,
  encodeExtendedCommunity,
  encodeVpnRoute,
  ingressReplication,
  type PmsiTunnel,
  pmsiTunnelTypes,
  type RouteChange,
  tunnelTypes,
} from "@heddle/bgp";
import {
  parseEsi,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
} from "@heddle/inet";
import { originate } from "../export/originate.ts";
import { mobilityDefaults, stepMobility, unknownMac } from "../mac-mobility.ts";
import {
  announced,
  configOf,
  segmentOf,
  stateOf,
  subnetOf,
  vrfOf,
  vtepOf,
  withdrawn,
} from "../testing/nodes.ts";
import { drain, printTable } from "../testing/print.ts";
import type { EthernetSegment, LocalEndpoint, LocalPrefix, Vrf } from "../vrf.ts";
import { singleHomed } from "../vrf.ts";
import { ImportTable } from "./import-table.ts";

const esi = parseEsi("00:01:02:03:04:05:06:07:08:09");
const host: LocalEndpoint = {
  vrf: "red-1",
  subnet: "a",
  mac: parseMac("02:00:00:00:00:0a"),
  ips: [parseIp("10.10.0.10")],
  tag: 77,
};

interface Origin {
  readonly vrfs?: readonly Vrf[];
  readonly endpoints?: readonly LocalEndpoint[];
  readonly prefixes?: readonly LocalPrefix[];
  readonly segments?: readonly EthernetSegment[];
}

/** What node `n` originates, as seen by others. */
function routesOf(n: number, origin: Origin): RouteChange[] {
  const state = stateOf({ vrfs: [vrfOf(n, 1)], ...origin });
  return [...originate(vtepOf(n), state).values()].map((route) => announced(route, n));
}

/** Without VPN routes. */
function evpnOf(n: number, origin: Origin): RouteChange[] {
  return routesOf(n, origin).filter(({ family }) => family === "evpn");
}

function tableOf(vrfs: readonly Vrf[], changes: readonly RouteChange[] = []): ImportTable {
  const table = new ImportTable(configOf(1));
  table.configure(vrfs);
  for (const change of changes) table.update(change);
  return table;
}

function gone({ family, key }: RouteChange): RouteChange {
  return { family, key, best: undefined, candidate: undefined };
}

const ofRoute = (change: RouteChange, text: string): boolean =>
  change.best?.text.includes(text) === true;

test("a host in a symmetric subnet gives a host route, a MAC entry, a neighbor and a flood", () => {
  const table = tableOf([vrfOf(1, 1)], evpnOf(2, { endpoints: [host] }));
  const lines = [
    "red-1 10.10.0.10/32 -> mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02 tag 77",
    "red-1/a 02:00:00:00:00:0a -> vxlan 10.0.0.2 vni 20010 seq 0 tag 77",
    "red-1/a 10.10.0.10 -> 02:00:00:00:00:0a tag 77",
    "red-1/a flood -> vxlan 10.0.0.2 vni 20010",
  ];
  assert.deepEqual(drain(table), lines);
  assert.deepEqual(printTable(table, [vrfOf(1, 1)]), lines);
  for (const change of evpnOf(2, { endpoints: [host] })) table.update(change);
  assert.deepEqual(drain(table), [], "a route that comes again is no change");
  for (const change of evpnOf(2, { endpoints: [host] })) table.update(gone(change));
  assert.deepEqual(
    drain(table),
    lines.map((line) => line.replace(/->.*/, "-> nothing")),
  );
  assert.equal(table.pathCount, 0);
});

test("a host in an asymmetric subnet is reached over the L2 VNI, in a bridged one not routed", () => {
  const asymmetric = (n: number): Vrf =>
    vrfOf(n, 1, { subnets: [subnetOf(n, 10, { irb: "asymmetric" })] });
  const routes = evpnOf(2, { vrfs: [asymmetric(2)], endpoints: [host] });
  const hostLine = (vrf: Vrf): string | undefined =>
    drain(tableOf([vrf], routes)).find((line) => line.startsWith("red-1 "));
  assert.equal(
    hostLine(asymmetric(1)),
    "red-1 10.10.0.10/32 -> mac-ip vxlan 10.0.0.2 vni 20010 mac 02:00:00:00:00:0a tag 77",
  );
  const bridged = vrfOf(1, 1, { subnets: [subnetOf(1, 10, { irb: "bridged" })] });
  assert.equal(hostLine(bridged), undefined);
});

test("the same prefix from several nodes is chosen by the decision process and shared", () => {
  const prefix = parsePrefix("192.0.2.0/24");
  const from = (n: number): RouteChange[] => evpnOf(n, { prefixes: [{ vrf: "red-1", prefix }] });
  const vrf = vrfOf(1, 1, { subnets: [] });
  const table = tableOf([vrf], [...from(3), ...from(2)]);
  assert.deepEqual(drain(table), [
    "red-1 192.0.2.0/24 -> ip-prefix vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02, " +
      "vxlan 10.0.0.3 vni 10001 mac 02:00:00:00:ff:03",
  ]);
  // A VPN route of a node whose EVPN route is there already makes no second way to it.
  for (const change of routesOf(2, { prefixes: [{ vrf: "red-1", prefix }] })) table.update(change);
  assert.deepEqual(drain(table), []);
  for (const change of from(2)) table.update(gone(change));
  assert.deepEqual(drain(table), [
    "red-1 192.0.2.0/24 -> vpn mpls-in-udp 10.0.0.2 label 1001, " +
      "vxlan 10.0.0.3 vni 10001 mac 02:00:00:00:ff:03",
  ]);
});

test("LOCAL_PREF decides between route distinguishers, and own routes win", () => {
  const state = stateOf({
    vrfs: [vrfOf(2, 1, { subnets: [] })],
    prefixes: [{ vrf: "red-1", prefix: parsePrefix("192.0.2.0/24") }],
  });
  const vrf = vrfOf(1, 1, { subnets: [] });
  const table = tableOf([vrf]);
  for (const route of originate(vtepOf(2), state).values()) table.update(announced(route, 2));
  const preferred = stateOf({ ...state, vrfs: [vrfOf(3, 1, { subnets: [] })] });
  for (const route of originate(vtepOf(3), preferred).values()) {
    table.update(announced(route, 3, { localPref: 200 }));
  }
  const [line] = drain(table);
  assert.equal(
    line,
    "red-1 192.0.2.0/24 -> ip-prefix vxlan 10.0.0.3 vni 10001 mac 02:00:00:00:ff:03",
  );
  for (const route of originate(vtepOf(1), { ...state, vrfs: [vrf] }).values()) {
    table.update(announced(route, 1, { local: true }));
  }
  assert.deepEqual(drain(table), ["red-1 192.0.2.0/24 -> nothing"]);
});

test("a route of another VRF of this node leaks by route target", () => {
  const blue = vrfOf(1, 2, { importTargets: [parseRouteTarget("65000:1")], subnets: [] });
  const red = vrfOf(1, 1, { subnets: [] });
  const state = stateOf({
    vrfs: [red],
    prefixes: [{ vrf: "red-1", prefix: parsePrefix("192.0.2.0/24") }],
  });
  const table = tableOf([red, blue]);
  for (const route of originate(vtepOf(1), state).values()) {
    table.update(announced(route, 1, { local: true }));
  }
  assert.deepEqual(drain(table), ["red-2 192.0.2.0/24 -> ip-prefix local vrf 1"]);
  table.configure([blue]);
  assert.deepEqual(drain(table), ["red-2 192.0.2.0/24 -> nothing"]);
});

test("RFC 9136 4.1: a gateway address is resolved by the host's route and follows it", () => {
  const prefix = parsePrefix("192.0.2.0/24");
  const gateway = parseIp("10.10.0.10");
  const behind = evpnOf(2, { prefixes: [{ vrf: "red-1", prefix, gateway }] });
  const vrf = vrfOf(1, 1);
  const table = tableOf([vrf], behind);
  const lineOf = (): string | undefined =>
    drain(table).find((line) => line.startsWith("red-1 192.0.2.0/24"));
  assert.equal(lineOf(), undefined);
  const hosts = evpnOf(3, { endpoints: [host] }).filter((change) => ofRoute(change, "[2]:"));
  for (const change of hosts) table.update(change);
  assert.equal(
    lineOf(),
    "red-1 192.0.2.0/24 -> ip-prefix vxlan 10.0.0.3 vni 20010 mac 02:00:00:00:00:0a",
  );
  for (const change of hosts) table.update(gone(change));
  assert.equal(lineOf(), "red-1 192.0.2.0/24 -> nothing");
  // The gateway is a host of this node.
  const own = originate(vtepOf(1), stateOf({ vrfs: [vrf], endpoints: [host] }));
  for (const route of own.values()) table.update(announced(route, 1, { local: true }));
  assert.equal(lineOf(), "red-1 192.0.2.0/24 -> ip-prefix local vrf 1 via 10.10.0.10");
});

test("a gateway outside of the subnets is resolved by a direct host route, but not in a circle", () => {
  const prefix = parsePrefix("192.0.2.0/24");
  const gateway = parseIp("203.0.113.1");
  const vrf = (n: number): Vrf => vrfOf(n, 1, { subnets: [] });
  const behind = evpnOf(2, { prefixes: [{ vrf: "red-1", prefix, gateway }] });
  const circle = evpnOf(2, {
    prefixes: [{ vrf: "red-1", prefix: parsePrefix("203.0.113.1/32"), gateway }],
  });
  const table = tableOf([vrf(1)], [...behind, ...circle]);
  assert.deepEqual(drain(table), []);
  const pod = evpnOf(4, { vrfs: [vrf(4)], endpoints: [{ vrf: "red-1", ips: [gateway] }] });
  for (const change of pod) table.update(change);
  const hop = "ip-prefix vxlan 10.0.0.4 vni 10001 mac 02:00:00:00:ff:04";
  assert.deepEqual(drain(table), [
    `red-1 192.0.2.0/24 -> ${hop}`,
    // The route in a circle is resolved by the direct one, and leads where that leads.
    `red-1 203.0.113.1/32 -> ${hop}`,
  ]);
});

test("floods never go to this node, nor to one without ingress replication", () => {
  const floods = evpnOf(2, {}).filter((change) => ofRoute(change, "[3]:"));
  const [flood] = floods as [RouteChange];
  const withPmsi = (pmsiTunnel: PmsiTunnel | undefined): RouteChange => {
    const best = flood.best as NonNullable<RouteChange["best"]>;
    const { pmsiTunnel: _pmsi, ...attributes } = best.attributes;
    const more = pmsiTunnel === undefined ? {} : { pmsiTunnel };
    return { ...flood, best: { ...best, attributes: { ...attributes, ...more } } };
  };
  const resultOf = (pmsiTunnel: PmsiTunnel | undefined): string[] =>
    drain(tableOf([vrfOf(1, 1)], [withPmsi(pmsiTunnel)]));
  const elsewhere = ingressReplication(parseIp("10.0.0.8"), 20099);
  assert.deepEqual(resultOf(elsewhere), ["red-1/a flood -> vxlan 10.0.0.8 vni 20099"]);
  assert.deepEqual(resultOf(ingressReplication(vtepOf(1).address, 20010)), []);
  assert.deepEqual(resultOf({ ...elsewhere, tunnelType: pmsiTunnelTypes.none }), []);
  assert.deepEqual(resultOf(undefined), []);
});

/** An EVPN route of node `n` with route targets 65000:1 and 65000:10 and more communities. */
function evpnRoute(
  n: number,
  route: Parameters<typeof encodeEvpnRoute>[0],
  communities: readonly Parameters<typeof encodeExtendedCommunity>[0][],
): RouteChange {
  const all = [
    { kind: "route-target", routeTarget: parseRouteTarget("65000:1") },
    { kind: "route-target", routeTarget: parseRouteTarget("65000:10") },
    { kind: "encapsulation", tunnelType: tunnelTypes.vxlan },
    ...communities,
  ] as const;
  const extendedCommunities = all.map(encodeExtendedCommunity);
  const { key, payload } = encodeEvpnRoute(route);
  const attributes = { nextHop: vtepOf(n).address, extendedCommunities };
  return announced({ family: "evpn", key, payload, attributes, id: "" }, n);
}

test("RFC 9136 3.2: overlay indexes other than a gateway, and what is treated as withdrawn", () => {
  const rd = parseRouteDistinguisher("10.0.0.2:1");
  const prefix = parsePrefix("192.0.2.0/24");
  const base = { kind: "ip-prefix", rd, ethernetTag: 0, prefix } as const;
  const none = parseIp("0.0.0.0");
  const plain = { ...base, esi: 0n as typeof esi, gateway: none, label: 10001 };
  const router = { kind: "router-mac", mac: parseMac("02:00:00:00:00:0a") } as const;
  const hosts = evpnOf(3, { endpoints: [host] });
  const segment = evpnOf(4, { segments: [segmentOf(esi)] });
  const resultOf = (change: RouteChange): string | undefined =>
    drain(tableOf([vrfOf(1, 1)], [...hosts, ...segment, change])).find((line) =>
      line.startsWith("red-1 192"),
    );
  const result = (hop: string): string => `red-1 192.0.2.0/24 -> ip-prefix ${hop}`;
  assert.equal(
    resultOf(evpnRoute(2, { ...plain, label: 0 }, [router])),
    result("vxlan 10.0.0.3 vni 20010 mac 02:00:00:00:00:0a"),
  );
  assert.equal(
    resultOf(evpnRoute(2, { ...plain, esi }, [router])),
    result("vxlan 10.0.0.4 vni 20010 mac 02:00:00:00:00:0a"),
  );
  assert.equal(resultOf(evpnRoute(2, { ...plain, esi }, [])), undefined);
  assert.equal(resultOf(evpnRoute(2, plain, [])), undefined, "VXLAN needs a router MAC");
  assert.equal(resultOf(evpnRoute(2, { ...plain, label: 0 }, [])), undefined);
  const both = { ...plain, esi, gateway: parseIp("10.10.0.10") };
  assert.equal(resultOf(evpnRoute(2, both, [router])), undefined, "two overlay indexes");
  assert.equal(resultOf(evpnRoute(1, plain, [router])), undefined, "leads back to this node");
});

test("an all-active segment is balanced over, and a node leaves it with one withdrawal", () => {
  const behind = { ...host, esi };
  const segments = [segmentOf(esi)];
  const second = evpnOf(3, { segments });
  const table = tableOf(
    [vrfOf(1, 1)],
    [...evpnOf(2, { segments, endpoints: [behind] }), ...second],
  );
  const macLine = (): string | undefined =>
    drain(table).find((line) => line.startsWith("red-1/a 02:00"));
  const of = (hops: string): string =>
    `red-1/a 02:00:00:00:00:0a -> ${hops} seq 0 esi ${"00:01:02:03:04:05:06:07:08:09"} tag 77`;
  assert.equal(macLine(), of("vxlan 10.0.0.2 vni 20010, vxlan 10.0.0.3 vni 20010"));
  const whole = (n: number): RouteChange =>
    evpnOf(n, { segments }).find((change) => ofRoute(change, "4294967295")) as RouteChange;
  table.update(gone(whole(2)));
  assert.equal(macLine(), of("vxlan 10.0.0.3 vni 20010"));
  table.update(gone(whole(3)));
  assert.equal(macLine(), "red-1/a 02:00:00:00:00:0a -> nothing");
  table.update(whole(2));
  assert.equal(macLine(), of("vxlan 10.0.0.2 vni 20010"));
  // Attached to the segment itself, the node delivers there.
  table.configure([vrfOf(1, 1)], segments);
  assert.equal(macLine(), of("segment 00:01:02:03:04:05:06:07:08:09"));
});

test("a single-active segment is reached through one node, then through its only backup", () => {
  const segments = [segmentOf(esi, { singleActive: true })];
  const first = evpnOf(2, { segments, endpoints: [{ ...host, esi }] });
  const table = tableOf([vrfOf(1, 1)], [...first, ...evpnOf(3, { segments })]);
  const hop = (): string | undefined =>
    /02:00:00:00:00:0a -> (.*) seq/.exec(drain(table).join("\n"))?.[1];
  assert.equal(hop(), "vxlan 10.0.0.2 vni 20010");
  const whole = first.find((change) => ofRoute(change, "4294967295")) as RouteChange;
  table.update(gone(whole));
  assert.equal(hop(), "vxlan 10.0.0.3 vni 20010");
  for (const change of evpnOf(4, { segments })) table.update(change);
  assert.equal(hop(), undefined, "either of two could be the next");
  table.update(whole);
  assert.equal(hop(), "vxlan 10.0.0.2 vni 20010");
});

test("attached to a single-active segment, a node sends to the one that is active", () => {
  const segments = [segmentOf(esi, { singleActive: true })];
  const table = new ImportTable(configOf(1));
  table.configure([vrfOf(1, 1)], segments);
  const active = evpnOf(2, { segments, endpoints: [{ ...host, esi }] });
  for (const change of [...active, ...evpnOf(3, { segments })]) table.update(change);
  const hops = (): (string | undefined)[] => {
    const text = drain(table).join("\n");
    return [/02:00:00:00:00:0a -> (.*) seq/, /10.10.0.10.32 -> (.*) tag/].map(
      (line) => line.exec(text)?.[1],
    );
  };
  const router = "mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02";
  assert.deepEqual(hops(), ["vxlan 10.0.0.2 vni 20010", router]);
  const whole = active.find((change) => ofRoute(change, "4294967295")) as RouteChange;
  table.update(gone(whole));
  const here = "segment 00:01:02:03:04:05:06:07:08:09";
  assert.deepEqual(hops(), [here, `mac-ip ${here} mac 02:00:00:00:00:0a`]);
});

test("RFC 7432 14.1.2: nodes that announce the address share it without a route of the subnet", () => {
  const segments = [segmentOf(esi)];
  const endpoints = [{ ...host, esi }];
  const routes = [2, 3].flatMap((n) =>
    evpnOf(n, { segments, endpoints }).filter((change) => !ofRoute(change, "[1]:[0]:")),
  );
  const macLine = drain(tableOf([vrfOf(1, 1)], routes)).find((line) => line.includes("0a -> "));
  assert.match(macLine as string, /-> vxlan 10.0.0.2 vni 20010, vxlan 10.0.0.3 vni 20010 seq/);
});

test("a neighbor on a segment is there as long as somebody announces its MAC address", () => {
  const segments = [segmentOf(esi)];
  const without = (routes: RouteChange[]): RouteChange[] =>
    routes.filter((change) => !ofRoute(change, "[1]:[0]:"));
  const two = without(evpnOf(2, { segments, endpoints: [{ ...host, esi }] }));
  const three = without(evpnOf(3, { segments, endpoints: [{ ...host, ips: [], esi }] }));
  const whole = two.find((change) => ofRoute(change, "4294967295")) as RouteChange;
  const [others, hosts] = [false, true].map((isHost) =>
    three.filter((change) => ofRoute(change, "[2]:") === isHost),
  ) as [RouteChange[], RouteChange[]];
  const table = tableOf([vrfOf(1, 1)], [...two, gone(whole), ...others]);
  const neighbors = (): string[] => drain(table).filter((line) => line.includes("/a 10.10.0.10"));
  assert.deepEqual(neighbors(), [], "its node does not announce the segment");
  for (const change of hosts) table.update(change);
  assert.deepEqual(neighbors(), ["red-1/a 10.10.0.10 -> 02:00:00:00:00:0a tag 77"]);
  for (const change of hosts) table.update(gone(change));
  assert.deepEqual(neighbors(), ["red-1/a 10.10.0.10 -> nothing"]);
});

/** The host route of 10.10.0.10 and what withdrawals of segments make of it. */
function hostRoutes(table: ImportTable, ...changes: readonly RouteChange[]): string | undefined {
  for (const change of changes) table.update(change);
  return /red-1 10.10.0.10.32 -> (.*)/.exec(drain(table).join("\n"))?.[1];
}

test("an IP-VRF balances over the nodes of a segment, and loses one with the segment", () => {
  const segments = [segmentOf(esi)];
  const endpoints = [{ ...host, tag: 1, esi }];
  // Sequence numbers of one segment may differ for a while.
  const mobility = { sequence: 4, sticky: false };
  const raised = [{ ...host, tag: 1, esi, mobility }];
  const two = evpnOf(2, { segments, endpoints });
  const three = evpnOf(3, { segments, endpoints: raised });
  const hop = (n: number): string => `vxlan 10.0.0.${n} vni 10001 mac 02:00:00:00:ff:0${n}`;
  const whole = two.find((change) => ofRoute(change, "4294967295")) as RouteChange;
  for (const subnets of [vrfOf(1, 1).subnets, []]) {
    const table = tableOf([vrfOf(1, 1, { subnets })], [...two, ...three]);
    assert.equal(hostRoutes(table), `mac-ip ${hop(2)}, ${hop(3)} tag 1`);
    assert.equal(hostRoutes(table, gone(whole)), `mac-ip ${hop(3)} tag 1`);
    assert.equal(hostRoutes(table, whole), `mac-ip ${hop(2)}, ${hop(3)} tag 1`);
  }
  // Attached to it as well, the node delivers there.
  const attached = new ImportTable(configOf(1));
  attached.configure([vrfOf(1, 1)], segments);
  const here = "segment 00:01:02:03:04:05:06:07:08:09 mac 02:00:00:00:00:0a";
  assert.equal(hostRoutes(attached, ...two, ...three), `mac-ip ${here} tag 1`);
});

test("what is behind a gateway goes with the gateway's place, and with its segment", () => {
  const segments = [segmentOf(esi)];
  const gateway = { ...host, tag: 1, esi };
  const prefix = parsePrefix("192.0.2.0/24");
  const behind = evpnOf(4, { prefixes: [{ vrf: "red-1", prefix, gateway: host.ips[0]! }] });
  const two = evpnOf(2, { segments, endpoints: [gateway] });
  const table = tableOf([vrfOf(1, 1, { subnets: [] })], [...behind, ...two]);
  const hop = (): string | undefined => /192.0.2.0.24 -> (.*)/.exec(drain(table).join("\n"))?.[1];
  const over = (n: number): string =>
    `ip-prefix vxlan 10.0.0.${n} vni 10001 mac 02:00:00:00:ff:0${n}`;
  assert.equal(hop(), over(2));
  const whole = two.find((change) => ofRoute(change, "4294967295")) as RouteChange;
  const three = evpnOf(3, { segments, endpoints: [gateway] });
  for (const change of [...three, gone(whole)]) table.update(change);
  assert.equal(hop(), over(3));
  // To a single-homed port of another node: one place, not two to share.
  const moved = { ...gateway, esi: singleHomed, mobility: { sequence: 1, sticky: false } };
  for (const change of [whole, ...evpnOf(5, { endpoints: [moved] })]) table.update(change);
  assert.equal(hop(), over(5));
});

test("an IP-VRF reaches a single-active segment through one node", () => {
  const segments = [segmentOf(esi, { singleActive: true })];
  const of = (n: number): RouteChange[] =>
    evpnOf(n, { segments, endpoints: [{ ...host, tag: 1, esi }] });
  for (const subnets of [vrfOf(1, 1).subnets, []]) {
    const table = tableOf([vrfOf(1, 1, { subnets })], [...of(3), ...of(2)]);
    assert.equal(hostRoutes(table), "mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02 tag 1");
  }
});

test("a VRF without the subnet uses routes of hosts on segments it has not heard of", () => {
  const routes = evpnOf(2, { segments: [segmentOf(esi)], endpoints: [{ ...host, esi }] });
  const unheard = routes.filter((change) => !ofRoute(change, "4294967295"));
  const router = "mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02 tag 77";
  assert.equal(hostRoutes(tableOf([vrfOf(1, 1, { subnets: [] })], unheard)), router);
  assert.equal(hostRoutes(tableOf([vrfOf(1, 1)], unheard)), undefined);
});

test("RFC 7432 15: of equal sequence numbers the lowest address, whatever policy prefers", () => {
  const at = (n: number, more: object, localPref = 100): RouteChange[] =>
    [...originate(vtepOf(n), stateOf({ vrfs: [vrfOf(n, 1)], endpoints: [host], ...more })).values()]
      .filter(({ family }) => family === "evpn")
      .map((route) => announced(route, n, { localPref }));
  const routes = [...at(3, {}, 300), ...at(2, {})];
  const lines = drain(tableOf([vrfOf(1, 1)], routes)).join("\n");
  assert.match(lines, /02:00:00:00:00:0a -> vxlan 10.0.0.2 vni 20010 seq 0/);
  assert.match(lines, /10.10.0.10.32 -> mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02 tag/);
  // Between this node and another it is the same: 10.0.0.1 against 10.0.0.2, then 10.0.0.9.
  for (const [n, want] of [
    [1, undefined],
    [9, "mac-ip vxlan 10.0.0.2 vni 10001 mac 02:00:00:00:ff:02 tag 77"],
  ] as const) {
    const table = new ImportTable(configOf(n));
    table.configure([vrfOf(n, 1)]);
    const own = originate(vtepOf(n), stateOf({ vrfs: [vrfOf(n, 1)], endpoints: [host] }));
    const local = [...own.values()].map((route) => announced(route, n, { local: true }));
    const evpn = local.filter(({ family }) => family === "evpn");
    assert.equal(hostRoutes(table, ...evpn, ...at(2, {})), want);
  }
});

test("that a host has moved does not make its route better than a prefix of policy's choice", () => {
  const mobility = { sequence: 9, sticky: false };
  const hosts = evpnOf(2, { endpoints: [{ ...host, mobility }] });
  const state = stateOf({
    vrfs: [vrfOf(3, 1, { subnets: [] })],
    endpoints: [{ vrf: "red-1", ips: host.ips }],
  });
  const preferred = [...originate(vtepOf(3), state).values()]
    .filter(({ family }) => family === "evpn")
    .map((route) => announced(route, 3, { localPref: 200 }));
  assert.equal(
    hostRoutes(tableOf([vrfOf(1, 1)], [...hosts, ...preferred])),
    "ip-prefix vxlan 10.0.0.3 vni 10001 mac 02:00:00:00:ff:03",
  );
});

test("RFC 7432 10.1: a default gateway has MAC and neighbor entries, but no route", () => {
  const router = { ...host, defaultGateway: true };
  assert.deepEqual(drain(tableOf([vrfOf(1, 1)], evpnOf(2, { endpoints: [router] }))), [
    "red-1/a 02:00:00:00:00:0a -> vxlan 10.0.0.2 vni 20010 seq 0 gateway tag 77",
    "red-1/a 10.10.0.10 -> 02:00:00:00:00:0a gateway tag 77",
    "red-1/a flood -> vxlan 10.0.0.2 vni 20010",
  ]);
});

test("RFC 7432 6.1: routes of other broadcast domains are not for a VLAN-based subnet", () => {
  const rd = parseRouteDistinguisher("10.0.0.2:10");
  const base = { kind: "mac-ip", rd, mac: parseMac("02:00:00:00:00:0a"), label: 20010 } as const;
  const of = (ethernetTag: number): string[] =>
    drain(tableOf([vrfOf(1, 1)], [evpnRoute(2, { ...base, esi: singleHomed, ethernetTag }, [])]));
  const entry = ["red-1/a 02:00:00:00:00:0a -> vxlan 10.0.0.2 vni 20010 seq 0"];
  assert.deepEqual(of(0), entry);
  assert.deepEqual(of(20010), entry, "the VNI of the subnet names it");
  assert.deepEqual(of(7), []);
});

test("addresses that nobody can have lead nowhere", () => {
  const rd = parseRouteDistinguisher("10.0.0.2:10");
  for (const mac of ["00:00:00:00:00:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff"]) {
    const of = { kind: "mac-ip", rd, ethernetTag: 0, esi: singleHomed, label: 20010 } as const;
    const table = tableOf([vrfOf(1, 1)], [evpnRoute(2, { ...of, mac: parseMac(mac) }, [])]);
    assert.equal(table.pathCount, 0, mac);
    assert.throws(
      () =>
        originate(
          vtepOf(2),
          stateOf({ vrfs: [vrfOf(2, 1)], endpoints: [{ ...host, mac: parseMac(mac) }] }),
        ),
      { name: "VpnError", message: /want a unicast one/ },
    );
  }
  const prefix = parsePrefix("192.0.2.0/24");
  const direct = { kind: "ip-prefix", rd, ethernetTag: 0, prefix, esi: singleHomed } as const;
  const router = { kind: "router-mac", mac: parseMac("01:00:00:00:00:01") } as const;
  const route = { ...direct, gateway: parseIp("0.0.0.0"), label: 10001 };
  const table = tableOf([vrfOf(1, 1)], [evpnRoute(2, route, [router])]);
  assert.equal(table.pathCount, 0, "RFC 9136 3.2: treated as withdrawn");
});

test("a flood to a group, or to the node itself, is none", () => {
  const rd = parseRouteDistinguisher("10.0.0.2:10");
  const originator = parseIp("10.0.0.2");
  const nlri = encodeEvpnRoute({ kind: "inclusive-multicast", rd, ethernetTag: 0, originator });
  const target = encodeExtendedCommunity({
    kind: "route-target",
    routeTarget: parseRouteTarget("65000:10"),
  });
  const encap = encodeExtendedCommunity({ kind: "encapsulation", tunnelType: tunnelTypes.vxlan });
  // RFC 9574: assisted replication is for who knows it; its flags on other tunnels mean nothing.
  for (const [tunnelType, want] of [
    [pmsiTunnelTypes.ingressReplication, 1],
    [10, 0],
  ] as const) {
    const pmsiTunnel = { ...ingressReplication(originator, 20010), flags: 0x18, tunnelType };
    const attributes = { nextHop: originator, extendedCommunities: [target, encap], pmsiTunnel };
    const change = announced({ family: "evpn", ...nlri, attributes, id: "" }, 2);
    assert.equal(drain(tableOf([vrfOf(1, 1)], [change])).length, want);
  }
  for (const [end, want] of [
    ["10.0.0.2", ["red-1/a flood -> vxlan 10.0.0.2 vni 20010"]],
    ["239.0.0.1", []],
    ["0.0.0.0", []],
    ["10.0.0.1", []],
  ] as const) {
    const attributes = {
      nextHop: originator,
      extendedCommunities: [target, encap],
      pmsiTunnel: ingressReplication(parseIp(end), 20010),
    };
    const change = announced({ family: "evpn", ...nlri, attributes, id: "" }, 2);
    assert.deepEqual(drain(tableOf([vrfOf(1, 1)], [change])), want, end);
  }
});

test("the other nodes on a segment of ours are told with the algorithm they ask for", () => {
  const table = new ImportTable(configOf(1));
  table.configure([vrfOf(1, 1)], [segmentOf(esi)]);
  const hrw = segmentOf(esi, { electionAlgorithm: "highest-random-weight" });
  for (const change of evpnOf(3, { segments: [segmentOf(esi)] })) table.update(change);
  for (const change of evpnOf(2, { segments: [hrw] })) table.update(change);
  const other = segmentOf(parseEsi("00:09:02:03:04:05:06:07:08:09"));
  for (const change of evpnOf(4, { segments: [other] })) table.update(change);
  const line = drain(table).find((text) => text.startsWith("segment"));
  assert.equal(
    line,
    "segment 00:01:02:03:04:05:06:07:08:09 -> 10.0.0.2 highest-random-weight,10.0.0.3 modulo",
  );
  assert.deepEqual(table.members(esi).length, 2);
  table.configure([vrfOf(1, 1)]);
  const gone = drain(table).filter((text) => text.startsWith("segment"));
  assert.deepEqual(gone, ["segment 00:01:02:03:04:05:06:07:08:09 -> nothing"]);
});

test("MAC mobility: the higher sequence number has the address, a sticky one above all", () => {
  const at = (n: number, sequence: number, sticky = false): RouteChange[] =>
    evpnOf(n, { endpoints: [{ ...host, mobility: { sequence, sticky } }] });
  const table = tableOf([vrfOf(1, 1)], [...at(2, 1), ...at(3, 2)]);
  const mac = (): string | undefined => drain(table).find((line) => line.includes("0a -> "));
  assert.match(mac() as string, /10.0.0.3 vni 20010 seq 2/);
  for (const change of at(2, 3)) table.update(change);
  assert.match(mac() as string, /10.0.0.2 vni 20010 seq 3/);
  for (const change of at(3, 0, true)) table.update(change);
  assert.match(mac() as string, /10.0.0.3 vni 20010 seq 0 sticky/);
  for (const change of at(3, 4)) table.update(change);
  drain(table);
  // An address that is announced here with number 3 was taken over with 4.
  const config = { node: vtepOf(1).address, ...mobilityDefaults };
  const local = { sequence: 3, sticky: false, esi: singleHomed };
  const [remote] = table.macs("red-1", "a");
  const step = stepMobility(config, { ...unknownMac, local }, { kind: "remote", remote, nowMs: 0 });
  assert.deepEqual(step.effects, [{ kind: "withdraw" }, { kind: "probe" }]);
});

test("encapsulations: the preferred one that both have, the unspecified one, none", () => {
  const prefix = parsePrefix("192.0.2.0/24");
  const rd = parseRouteDistinguisher("10.0.0.2:1");
  const { key, payload } = encodeVpnRoute({ rd, prefix, labels: [500] });
  const target = encodeExtendedCommunity({
    kind: "route-target",
    routeTarget: parseRouteTarget("65000:1"),
  });
  const encap = (tunnelType: number): bigint =>
    encodeExtendedCommunity({ kind: "encapsulation", tunnelType });
  const vrf = vrfOf(1, 1, { subnets: [] });
  const resultOf = (
    communities: bigint[],
    more: object = {},
    vtep: object = {},
  ): string | undefined => {
    const table = new ImportTable({ ...configOf(1), vtep: { ...vtepOf(1), ...vtep } });
    table.configure([vrf]);
    const extendedCommunities = [target, ...communities];
    const attributes = { nextHop: parseIp("10.0.0.2"), extendedCommunities, ...more };
    table.update(announced({ family: "ipv4-vpn", key, payload, attributes, id: "" }, 2));
    return /vpn (.*)/.exec(drain(table).join())?.[1];
  };
  assert.equal(resultOf([encap(tunnelTypes.mplsInGre), encap(7)]), "ipip 10.0.0.2");
  assert.equal(
    resultOf([encap(7), encap(tunnelTypes.mplsInUdp)]),
    "mpls-in-udp 10.0.0.2 label 500",
  );
  assert.equal(resultOf([encap(tunnelTypes.mplsInGre)]), undefined);
  assert.equal(resultOf([encap(tunnelTypes.vxlan)]), undefined, "a label is no VNI");
  assert.equal(resultOf([]), undefined);
  assert.equal(
    resultOf([], {}, { unspecifiedVpn: "mpls-in-udp" }),
    "mpls-in-udp 10.0.0.2 label 500",
  );
  const address = parseIp("10.0.0.9");
  // RFC 4659 3.2.1.2: a next hop that is reached over IPv4.
  const mapped = { nextHop: parseIp("::ffff:10.0.0.2") };
  assert.equal(resultOf([encap(7)], mapped), "ipip 10.0.0.2");
  assert.equal(resultOf([encap(7)], { nextHop: parseIp("2001:db8::2") }), "ipip 2001:db8::2");
  const tunnels = [
    { type: tunnelTypes.mplsInUdp, subTlvs: [{ kind: "egress-endpoint", address }] },
  ] as const;
  assert.equal(resultOf([], { tunnels }), "mpls-in-udp 10.0.0.9 label 500");
});

test("configure() matches routes again for VRFs that changed, and refuses what is not consistent", () => {
  const routes = evpnOf(2, { endpoints: [host] });
  const red = vrfOf(1, 1);
  const table = tableOf([red], routes);
  const first = drain(table);
  assert.equal(first.length, 4);
  table.configure([structuredClone(red)]);
  assert.equal(table.changesPending, false);
  assert.throws(() => table.configure([red, red]), { name: "VpnError" });
  table.configure([{ ...red, subnets: [] }]);
  assert.deepEqual(
    drain(table),
    first.filter((line) => line.includes("/a ")).map((line) => line.replace(/->.*/, "-> nothing")),
  );
  table.configure([red]);
  assert.deepEqual(
    drain(table),
    first.filter((line) => line.includes("/a ")),
  );
  table.configure([{ ...red, importTargets: [] }]);
  assert.deepEqual(drain(table), ["red-1 10.10.0.10/32 -> nothing"]);
  // Gone and back before anything was taken: it ends as it was.
  table.configure([red]);
  drain(table);
  table.configure([]);
  table.configure([red]);
  drain(table);
  assert.deepEqual(printTable(table, [red]), first);
  assert.deepEqual([...table.routes("blue")], []);
});

test("update() takes no notice of routes of other families and of kinds that are not known", () => {
  const table = tableOf([vrfOf(1, 1)]);
  const attributes = { extendedCommunities: [] };
  const nothing = new Uint8Array(0);
  const unknown = { key: Uint8Array.of(9, 1, 2), payload: nothing, attributes, id: "" };
  // RFC 9251 has types 6 to 8, RFC 9572 types 9 to 11.
  for (const type of [6, 7, 8, 9, 10, 11]) {
    table.update(announced({ family: "evpn", ...unknown, key: Uint8Array.of(type, 1, 2) }, 2));
  }
  table.update(announced({ family: "route-target", ...unknown, key: Uint8Array.of(0) }, 2));
  table.update(withdrawn({ family: "evpn", ...unknown }));
  assert.equal(table.pathCount, 0);
  assert.deepEqual(drain(table), []);
});
