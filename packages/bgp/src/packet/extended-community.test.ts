import assert from "node:assert/strict";
import { test } from "node:test";
import { type Mac, parseMac, parseRouteTarget } from "@heddle/inet";
import { seededRng } from "@heddle/std";
import {
  decodeExtendedCommunity,
  type ExtendedCommunity,
  encodeExtendedCommunity,
  extendedCommunityTypes,
  isTransitiveCommunity,
  macMobilityOf,
  routeTargetsOf,
  securityTagOf,
  siteOfOrigin,
} from "./extended-community.ts";
import { formatExtendedCommunity, parseExtendedCommunity } from "./extended-community-text.ts";

const communities: readonly (readonly [bigint, ExtendedCommunity, text: string])[] = [
  // RFC 4360 4, RFC 5668.
  [
    0x0002_fde8_0000_000an,
    { kind: "route-target", routeTarget: parseRouteTarget("65000:10") },
    "rt:65000:10",
  ],
  [
    0x0102_0a00_0001_0005n,
    { kind: "route-target", routeTarget: parseRouteTarget("10.0.0.1:5") },
    "rt:10.0.0.1:5",
  ],
  [
    0x0202_fa56_ea00_0007n,
    { kind: "route-target", routeTarget: parseRouteTarget("4200000000:7") },
    "rt:4200000000:7",
  ],
  [
    0x0202_0000_fde8_0007n,
    { kind: "route-target", routeTarget: parseRouteTarget("65000L:7") },
    "rt:65000L:7",
  ],
  [0x0003_fde8_0000_0001n, siteOfOrigin(parseRouteTarget("65000:1")), "soo:65000:1"],
  // RFC 9012 4.1, 4.3.
  [0x030b_4000_0000_0064n, { kind: "color", flags: 0x4000, color: 100 }, "color:16384:100"],
  [0x030c_0000_0000_0008n, { kind: "encapsulation", tunnelType: 8 }, "encap:8"],
  // RFC 7432 7.5 to 7.8, 10.1.
  [0x030d_0000_0000_0000n, { kind: "default-gateway" }, "default-gateway"],
  [
    0x0600_0100_0000_0007n,
    { kind: "mac-mobility", sticky: true, sequence: 7 },
    "mac-mobility:sticky:7",
  ],
  [0x0600_0000_0000_0007n, { kind: "mac-mobility", sticky: false, sequence: 7 }, "mac-mobility:7"],
  [
    0x0601_0100_0000_2774n,
    { kind: "esi-label", singleActive: true, label: 10100 },
    "esi-label:single-active:10100",
  ],
  [
    0x0602_0200_0000_0001n,
    { kind: "es-import", mac: parseMac("02:00:00:00:00:01") },
    "es-import:02:00:00:00:00:01",
  ],
  // RFC 9135 8.1.
  [
    0x0603_fe00_0000_00ffn,
    { kind: "router-mac", mac: parseMac("fe:00:00:00:00:ff") },
    "router-mac:fe:00:00:00:00:ff",
  ],
  // RFC 8214 3.1.
  [
    0x0604_0002_05dc_0000n,
    { kind: "layer2-attributes", flags: 2, mtu: 1500 },
    "l2-attributes:2:1500",
  ],
  // RFC 8955 7; 0x49742400 is 1000000 in single precision.
  [
    0x8006_0000_4974_2400n,
    { kind: "traffic-rate-bytes", asn: 0, rate: 1_000_000 },
    "rate-bytes:0:1000000",
  ],
  [
    0x800c_fde8_0000_0000n,
    { kind: "traffic-rate-packets", asn: 65000, rate: 0 },
    "rate-packets:65000:0",
  ],
  [
    0x8007_0000_0000_0003n,
    { kind: "traffic-action", sample: true, terminal: true },
    "action:sample,terminal",
  ],
  [
    0x8008_fde8_0000_000an,
    { kind: "redirect", routeTarget: parseRouteTarget("65000:10") },
    "redirect:65000:10",
  ],
  [
    0x8108_0a00_0001_0005n,
    { kind: "redirect", routeTarget: parseRouteTarget("10.0.0.1:5") },
    "redirect:10.0.0.1:5",
  ],
  [
    0x8208_fa56_ea00_0007n,
    { kind: "redirect", routeTarget: parseRouteTarget("4200000000:7") },
    "redirect:4200000000:7",
  ],
  [0x8009_0000_0000_002en, { kind: "traffic-marking", dscp: 46 }, "mark:46"],
  [
    0x4004_fde8_4974_2400n,
    { kind: "link-bandwidth", asn: 65000, rate: 1_000_000 },
    "link-bandwidth:65000:1000000",
  ],
  [0x80f0_0000_0000_1000n, { kind: "security-tag", tag: 4096 }, "tag:4096"],
  // OSPF Domain Identifier, and a MAC mobility with a reserved bit.
  [0x0005_0000_0000_0200n, { kind: "opaque", value: 0x0005_0000_0000_0200n }, "0x0005000000000200"],
  [0x0600_0200_0000_0007n, { kind: "opaque", value: 0x0600_0200_0000_0007n }, "0x0600020000000007"],
];
for (const [value, community, text] of communities) {
  test(`extended community ${text}, both ways`, () => {
    assert.deepEqual(decodeExtendedCommunity(value), community);
    assert.equal(encodeExtendedCommunity(community), value);
    assert.equal(formatExtendedCommunity(value), text);
    assert.equal(parseExtendedCommunity(text), value);
  });
}

test("every uint64 survives its value and its text", () => {
  const rng = seededRng(5);
  const types = Object.values(extendedCommunityTypes);
  for (let i = 0; i < 20_000; i += 1) {
    const random = (BigInt(rng.uint32()) << 32n) | BigInt(rng.uint32());
    const type = BigInt(types[rng.uint32() % types.length] as number);
    const known = (type << 48n) | (random & 0xffffffffffffn);
    // Half of them with few bits, so that reserved fields are often zero.
    const sparse = known & ~(rng.uint32() % 2 === 0 ? 0xffffff000000n : 0n);
    for (const value of [random, known, sparse]) {
      assert.equal(encodeExtendedCommunity(decodeExtendedCommunity(value)), value);
      assert.equal(parseExtendedCommunity(formatExtendedCommunity(value)), value);
    }
  }
});

test("parseExtendedCommunity() refuses what it does not know", () => {
  const bad = [
    "",
    "rt",
    "rt:",
    "rt:0x0002fde80000000a",
    "default-gateway:1",
    "encap:65536",
    "color:1",
    "mark:64",
    "tag:4294967296",
    "action:drop",
    "rate-bytes:0:fast",
    "toString:1",
    "0x12",
  ];
  for (const text of bad) assert.throws(() => parseExtendedCommunity(text), SyntaxError, text);
});

test("the communities of a route that the engine asks for", () => {
  const all = communities.map(([value]) => value);
  assert.equal(routeTargetsOf(all).length, 4);
  assert.deepEqual(macMobilityOf(all), { sticky: true, sequence: 7 });
  assert.equal(macMobilityOf([]), undefined);
  assert.equal(securityTagOf(all), 4096);
  assert.equal(securityTagOf([]), undefined);
  assert.ok(isTransitiveCommunity(0x0002_fde8_0000_000an));
  assert.ok(isTransitiveCommunity(0x8006_0000_4974_2400n));
  assert.ok(!isTransitiveCommunity(0x4004_fde8_4974_2400n));
  const mac: Mac = parseMac("ff:ff:ff:ff:ff:ff");
  assert.equal(encodeExtendedCommunity({ kind: "router-mac", mac }), 0x0603_ffff_ffff_ffffn);
});
