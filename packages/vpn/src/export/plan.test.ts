import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { parseEsi, parseIp, parseMac, parsePrefix, parseRouteTarget, parseVni } from "@heddle/inet";
import { membershipRoutes, membershipsOf } from "../memberships.ts";
import { segmentOf, stateOf, subnetOf, vrfOf, vtepOf } from "../testing/nodes.ts";
import type { LocalEndpoint, LocalState } from "../vrf.ts";
import { originate } from "./originate.ts";
import { equalOriginated, formatOriginated } from "./originated-route.ts";
import { formatOp, plan } from "./plan.ts";
import { segmentTargetCountMax } from "./segment-routes.ts";

const golden = new URL("./golden.txt", import.meta.url);
const vtep = vtepOf(1);
const esi = parseEsi("00:01:02:03:04:05:06:07:08:09");
const host: LocalEndpoint = {
  vrf: "red-1",
  subnet: "a",
  mac: parseMac("02:00:00:00:00:0a"),
  ips: [parseIp("10.10.0.10"), parseIp("fd00::10")],
  tag: 77,
};

function states(): readonly (readonly [string, LocalState])[] {
  const red = vrfOf(1, 1);
  const asymmetric = [subnetOf(1, 20, { irb: "asymmetric", announcePrefixes: true })];
  const { l3: _l3, ...unrouted } = vrfOf(1, 2, { subnets: asymmetric });
  const vrfs = [red, unrouted];
  const moved = { ...host, mobility: { sequence: 3, sticky: false } };
  const multihomed = { ...host, ips: [], esi, mobility: { sequence: 0, sticky: true } };
  const pod = { vrf: "red-1", ips: [parseIp("10.99.0.1")] };
  const gateway = {
    vrf: "red-1",
    prefix: parsePrefix("192.0.2.0/24"),
    gateway: parseIp("10.10.0.10"),
  };
  const direct = { vrf: "red-1", prefix: parsePrefix("2001:db8::/32"), tag: 5 };
  return [
    ["two VRFs without hosts", stateOf({ vrfs })],
    ["a host and a routed pod", stateOf({ vrfs, endpoints: [host, pod] })],
    ["the host came from elsewhere", stateOf({ vrfs, endpoints: [moved, pod] })],
    ["prefixes", stateOf({ vrfs, endpoints: [moved], prefixes: [gateway, direct] })],
    ["a host on a segment", stateOf({ vrfs, endpoints: [multihomed], segments: [segmentOf(esi)] })],
    ["a gateway", stateOf({ vrfs, endpoints: [{ ...host, defaultGateway: true }] })],
    [
      "single-active",
      stateOf({
        vrfs: [red],
        segments: [
          segmentOf(esi, { singleActive: true, electionAlgorithm: "highest-random-weight" }),
        ],
      }),
    ],
    ["nothing", stateOf({})],
  ];
}

/** Run with UPDATE_GOLDEN=1 after a deliberate change, and review the difference. */
test("each state follows from the one before as the golden plans say", () => {
  const lines: string[] = [];
  let actual = originate(vtep, stateOf({}));
  for (const [name, state] of states()) {
    const desired = originate(vtep, state);
    lines.push(`# ${name}`, ...plan(desired, actual).map(formatOp));
    assert.deepEqual(plan(desired, originate(vtep, state)), []);
    actual = desired;
  }
  const printed = `${lines.join("\n")}\n`;
  if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(golden, printed);
  assert.equal(printed, readFileSync(golden, "utf8"));
});

test("two routes are equal exactly when their texts are", () => {
  const routes = states().flatMap(([, state]) => [...originate(vtep, state).values()]);
  for (const a of routes) {
    for (const b of routes) {
      assert.equal(equalOriginated(a, b), formatOriginated(a) === formatOriginated(b));
    }
  }
});

test("originate() does not depend on the order of the state", () => {
  for (const [, state] of states()) {
    const duplicate = { ...host, tag: 1 };
    const endpoints = [...state.endpoints, ...(state.vrfs.length > 0 ? [host, duplicate] : [])];
    const forward = originate(vtep, { ...state, endpoints });
    const backward = originate(vtep, {
      vrfs: state.vrfs.toReversed(),
      segments: state.segments.toReversed(),
      endpoints: endpoints.toReversed(),
      prefixes: state.prefixes.toReversed(),
    });
    assert.deepEqual(plan(forward, backward), []);
  }
});

test("a segment with many route targets is announced under several route distinguishers", () => {
  const subnets = Array.from({ length: 5 }, (_, i) => {
    const exportTargets = Array.from({ length: 60 }, (_x, k) =>
      parseRouteTarget(`65000:${1000 + i * 60 + k}`),
    );
    return subnetOf(1, 10 + i, { name: `s${i}`, exportTargets });
  });
  const segment = segmentOf(esi, {
    subnets: subnets.map(({ name }) => ({ vrf: "red-1", subnet: name })),
  });
  const state = stateOf({ vrfs: [vrfOf(1, 1, { subnets })], segments: [segment] });
  const routes = [...originate(vtep, state).values()].filter((route) =>
    formatOriginated(route).includes("4294967295"),
  );
  assert.deepEqual(
    routes
      .map(formatOriginated)
      .map((text) => [text.split(" ")[1], text.split("65000:").length - 1]),
    [
      ["10.0.0.1:0", segmentTargetCountMax],
      ["10.0.0.1:1", segmentTargetCountMax],
      ["10.0.0.1:2", 300 + 1 - 2 * segmentTargetCountMax],
    ],
  );
});

test("originate() refuses a state that is not consistent", () => {
  const red = vrfOf(1, 1);
  const { l3: _l3, ...unrouted } = red;
  const { mac: _mac, ...bodiless } = host;
  const l3 = { vni: parseVni(10001), routerMac: parseMac("01:00:00:00:00:00") };
  const groupRouter = vrfOf(1, 1, { l3 });
  const gateway = {
    vrf: "red-1",
    prefix: parsePrefix("2001:db8::/32"),
    gateway: parseIp("10.0.0.9"),
  };
  const bad: readonly (readonly [RegExp, Partial<LocalState>])[] = [
    [/VRF red-1: name of VRF red-1/, { vrfs: [red, red] }],
    [
      /route distinguisher 10.0.0.1:1 of VRF red-1/,
      { vrfs: [red, { ...vrfOf(1, 2), rd: red.rd }] },
    ],
    [/label 3, want 16 to 1048575/, { vrfs: [vrfOf(1, 1, { label: 3 })] }],
    [/symmetric routing, want an L3 VNI/, { vrfs: [unrouted] }],
    [/MAC address 01:00:00:00:00:00, want a unicast/, { vrfs: [groupRouter] }],
    [/of an endpoint: not known/, { vrfs: [red], endpoints: [{ ...host, esi }] }],
    [
      /not of subnet red-1\/a, want one/,
      {
        vrfs: [red],
        segments: [segmentOf(esi, { subnets: [] })],
        endpoints: [{ ...host, esi }],
      },
    ],
    [
      /a default gateway, want none/,
      {
        vrfs: [red],
        segments: [segmentOf(esi)],
        endpoints: [{ ...host, esi, defaultGateway: true }],
      },
    ],
    [/reserved identifier/, { vrfs: [red], segments: [segmentOf(0n)] }],
    [/subnet red-1\/b: not known/, { vrfs: [red], endpoints: [{ ...host, subnet: "b" }] }],
    [/VRF blue: not known/, { vrfs: [red], endpoints: [{ ...host, vrf: "blue" }] }],
    [/a subnet alone/, { vrfs: [red], endpoints: [bodiless] }],
    [/IPv4 gateway, want IPv6/, { vrfs: [red], prefixes: [gateway] }],
  ];
  for (const [message, state] of bad) {
    assert.throws(() => originate(vtep, stateOf(state)), { name: "VpnError", message });
  }
  const plain = { ...vtep, encapsulations: ["ipip"] } as const;
  assert.throws(() => originate(plain, stateOf({ vrfs: [red] })), /ipip, want vxlan/);
});

test("membershipsOf() has each imported route target once, and those of segments", () => {
  const vrfs = [vrfOf(1, 1), vrfOf(1, 2, { importTargets: vrfOf(1, 1).importTargets })];
  const memberships = membershipsOf(65000 as Parameters<typeof membershipsOf>[0], vrfs, [
    segmentOf(esi),
  ]);
  assert.deepEqual([...membershipRoutes(vtep, memberships).values()].map(formatOriginated), [
    "route-target 65000:65000:1 | next-hop 10.0.0.1",
    "route-target 65000:65000:10 | next-hop 10.0.0.1",
    "route-target 65000:65000:20 | next-hop 10.0.0.1",
    "route-target 65000:0x0602010203040506 | next-hop 10.0.0.1",
  ]);
});
