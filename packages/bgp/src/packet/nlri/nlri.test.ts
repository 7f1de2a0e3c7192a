import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@heddle/codec";
import {
  type Asn,
  type Esi,
  type Ip,
  type Ip4,
  type Ip6,
  type Mac,
  type Prefix,
  parseEsi,
  parseIp,
  parseMac,
  parsePrefix,
  parseRouteDistinguisher,
  parseRouteTarget,
  prefixOf,
  routeDistinguisherFromBigint,
} from "@heddle/inet";
import { type Rng, seededRng } from "@heddle/std";
import { DecodeError } from "../../errors.ts";
import { type AddressFamily, addressFamilyNames } from "../address-family.ts";
import type { EncodedNlri, NlriCodec } from "../nlri-codec.ts";
import {
  decodeEvpnKey,
  decodeEvpnRoute,
  type EvpnRoute,
  encodeEvpnKey,
  encodeEvpnRoute,
} from "./evpn-route.ts";
import {
  comparisons,
  decodeFlowSpec,
  encodeFlowSpec,
  type FlowSpec,
  type FlowSpecComponent,
  flowSpecTypeNames,
  isBitsType,
  isPrefixType,
} from "./flowspec-route.ts";
import { formatFlowSpec, parseFlowSpec } from "./flowspec-text.ts";
import { mplsLabelField, mplsLabelOf } from "./labels.ts";
import { nlriCodecOf } from "./nlri-codecs.ts";
import {
  constraintOf,
  coversRouteTarget,
  decodeRouteTargetConstraint,
  encodeRouteTargetConstraint,
  formatRouteTargetConstraint,
  parseRouteTargetConstraint,
} from "./route-target-constraint.ts";
import { decodeVpnRoute, encodeVpnRoute, formatVpnRoute, parseVpnRoute } from "./vpn.ts";

const keyedFamilies = addressFamilyNames.filter((family) => nlriCodecOf(family) !== undefined);

function codecOf(family: AddressFamily): NlriCodec {
  const codec = nlriCodecOf(family);
  assert.ok(codec !== undefined, family);
  return codec;
}

interface Walked extends EncodedNlri {
  readonly pathId: number;
}

function walk(codec: NlriCodec, bytes: Uint8Array, addPath = false, withdrawn = false): Walked[] {
  const routes: Walked[] = [];
  codec.walk(bytes, 0, bytes.length, { addPath, withdrawn }, (cursor) => {
    routes.push({
      pathId: cursor.pathId,
      key: cursor.key.slice(0, cursor.keyLength),
      payload: cursor.payload.slice(0, cursor.payloadLength),
    });
  });
  return routes;
}

function encode(codec: NlriCodec, route: EncodedNlri, withdrawn = false): Uint8Array {
  const payload = withdrawn ? undefined : route.payload;
  const bytes = new Uint8Array(codec.encodedLength(route.key, payload) + 1);
  assert.equal(codec.encode(bytes, 0, route.key, payload), bytes.length - 1);
  return bytes.subarray(0, -1);
}

const ip4 = (rng: Rng): Ip4 => rng.uint32() as Ip4;
const ip6 = (rng: Rng): Ip6 =>
  [1, 2, 3, 4].reduce((value) => (value << 32n) | BigInt(rng.uint32()), 0n) as Ip6;
const ip = (rng: Rng): Ip => (rng.uint32() % 2 === 0 ? ip4(rng) : ip6(rng));
const prefix = (rng: Rng, family = rng.uint32() % 2 === 0 ? 4 : 6): Prefix =>
  family === 4 ? prefixOf(ip4(rng), rng.uint32() % 33) : prefixOf(ip6(rng), rng.uint32() % 129);
const rd = (rng: Rng): ReturnType<typeof routeDistinguisherFromBigint> =>
  routeDistinguisherFromBigint(
    (BigInt(rng.uint32() % 4) << 48n) | (BigInt(rng.uint32() % 0x10000) << 32n) | BigInt(ip4(rng)),
  );
const esi = (rng: Rng): Esi => (ip6(rng) >> 48n) as Esi;
const label = (rng: Rng): number => rng.uint32() >>> 8;

function evpnRoute(rng: Rng): EvpnRoute {
  const head = { rd: rd(rng), ethernetTag: rng.uint32() };
  switch (rng.uint32() % 5) {
    case 0:
      return { kind: "ethernet-auto-discovery", ...head, esi: esi(rng), label: label(rng) };
    case 1: {
      const mac = (rng.uint32() * 65536 + (rng.uint32() % 65536)) as Mac;
      const route = { kind: "mac-ip", ...head, mac, esi: esi(rng), label: label(rng) } as const;
      const bound = rng.uint32() % 3 === 0 ? route : { ...route, ip: ip(rng) };
      return rng.uint32() % 2 === 0 ? bound : { ...bound, label2: label(rng) };
    }
    case 2:
      return { kind: "inclusive-multicast", ...head, originator: ip(rng) };
    case 3:
      return { kind: "ethernet-segment", rd: head.rd, esi: esi(rng), originator: ip(rng) };
    default: {
      const to = prefix(rng);
      const gateway = to.family === 4 ? ip4(rng) : ip6(rng);
      const route = { kind: "ip-prefix", ...head, prefix: to } as const;
      return { ...route, esi: esi(rng), gateway, label: label(rng) };
    }
  }
}

/** Of a type that nobody knows. */
function unknownEvpnRoute(rng: Rng): EvpnRoute {
  const value = Uint8Array.from({ length: rng.uint32() % 256 }, () => rng.uint32() & 0xff);
  return { kind: "unknown", type: 6 + (rng.uint32() % 250), value };
}

function flowSpecTerms(rng: Rng): { and: boolean; value: number | bigint }[] {
  return Array.from({ length: 1 + (rng.uint32() % 3) }, (_, i) => {
    const wide = (BigInt(rng.uint32()) << 32n) | BigInt(rng.uint32());
    const value = rng.uint32() % 5 === 0 ? wide : rng.uint32() >>> (8 * (rng.uint32() % 4));
    return { and: i > 0 && rng.uint32() % 2 === 0, value };
  });
}

function flowSpecComponent(
  rng: Rng,
  family: 4 | 6,
  type: FlowSpecComponent["type"],
): FlowSpecComponent {
  if (isPrefixType(type)) {
    const to = prefix(rng, family);
    const offset = family === 4 || to.length < 2 ? 0 : rng.uint32() % to.length;
    if (offset === 0) return { type, prefix: to };
    const low = (to.address as bigint) & ((1n << BigInt(128 - offset)) - 1n);
    return { type, prefix: prefixOf(low as Ip6, to.length), offset };
  }
  if (isBitsType(type)) {
    const bits = (): boolean => rng.uint32() % 2 === 0;
    return { type, terms: flowSpecTerms(rng).map((t) => ({ ...t, match: bits(), not: bits() })) };
  }
  const comparison = (): (typeof comparisons)[number] => comparisons[rng.uint32() % 8] ?? "=";
  return { type, terms: flowSpecTerms(rng).map((t) => ({ ...t, comparison: comparison() })) };
}

function flowSpec(rng: Rng, family: 4 | 6): FlowSpec {
  const types = flowSpecTypeNames.filter((type) => family === 6 || type !== "flow-label");
  const chosen = types.filter(() => rng.uint32() % 3 === 0);
  if (chosen.length === 0) chosen.push("port");
  return { family, components: chosen.map((type) => flowSpecComponent(rng, family, type)) };
}

/** A random route of the family. */
function anyRoute(rng: Rng, family: AddressFamily): EncodedNlri {
  switch (family) {
    case "ipv4-vpn":
    case "ipv6-vpn": {
      const labels = Array.from({ length: 1 + (rng.uint32() % 2) }, () => rng.uint32() >>> 12);
      // A label 0 above others would read as the end of a stack of RFC 3107.
      const stack = labels.map((l) => (l === 0 || l === 0x80000 ? 16 : l));
      const to = prefix(rng, family === "ipv4-vpn" ? 4 : 6);
      return encodeVpnRoute({ rd: rd(rng), prefix: to, labels: to.length > 120 ? [16] : stack });
    }
    case "evpn":
      return encodeEvpnRoute(evpnRoute(rng));
    case "route-target": {
      if (rng.uint32() % 8 === 0) {
        return encodeRouteTargetConstraint({ routeTarget: 0n, length: 0 });
      }
      const routeTarget = ip6(rng) >> 64n;
      const constraint = { origin: rng.uint32() as Asn, routeTarget, length: rng.uint32() % 65 };
      return encodeRouteTargetConstraint(constraint);
    }
    default:
      return encodeFlowSpec(flowSpec(rng, family === "ipv4-flowspec" ? 4 : 6));
  }
}

for (const family of keyedFamilies) {
  test(`${family}: any routes survive the wire, announced and withdrawn, with path ids or not`, () => {
    const rng = seededRng(7);
    const codec = codecOf(family);
    for (let i = 0; i < 500; i += 1) {
      const routes = Array.from({ length: rng.uint32() % 4 }, () => anyRoute(rng, family));
      for (const withdrawn of [false, true]) {
        for (const addPath of [false, true]) {
          const pathIds = routes.map(() => (addPath ? rng.uint32() : 0));
          const chunks = routes.flatMap((route, at) => {
            const pathId = new Uint8Array(4);
            new DataView(pathId.buffer).setUint32(0, pathIds[at] as number);
            return [...(addPath ? pathId : []), ...encode(codec, route, withdrawn)];
          });
          const expected = routes.map(({ key, payload }, at) => ({
            pathId: pathIds[at],
            key,
            payload: withdrawn ? new Uint8Array(0) : payload,
          }));
          assert.deepEqual(walk(codec, Uint8Array.from(chunks), addPath, withdrawn), expected);
        }
      }
    }
  });

  test(`${family}: mutated and arbitrary fields cause nothing but DecodeError, before any visit`, () => {
    const rng = seededRng(11);
    const codec = codecOf(family);
    const pool = Array.from({ length: 500 }, () => encode(codec, anyRoute(rng, family)));
    let refused = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const [first, second] = [pool[rng.uint32() % 500], pool[rng.uint32() % 500]];
      const bytes = Buffer.concat([first as Uint8Array, second as Uint8Array]);
      for (let edit = rng.uint32() % 4; edit >= 0; edit -= 1) {
        bytes[rng.uint32() % Math.min(40, bytes.length)] = rng.uint32() & 0xff;
      }
      const end = rng.uint32() % 3 === 0 ? rng.uint32() % bytes.length : bytes.length;
      const options = { addPath: rng.uint32() % 2 === 0, withdrawn: rng.uint32() % 2 === 0 };
      let visits = 0;
      try {
        codec.walk(bytes, 0, end, options, (cursor) => {
          visits += 1;
          const key = cursor.key.slice(0, cursor.keyLength);
          const payload = cursor.payload.slice(0, cursor.payloadLength);
          assert.ok(codec.format(key, options.withdrawn ? undefined : payload).length > 0);
          codec.prefixInto(key, new Int32Array(4));
          const again = encode(codec, { key, payload }, options.withdrawn);
          assert.deepEqual(walk(codec, again, false, options.withdrawn)[0]?.key, key);
        });
      } catch (error) {
        assert.ok(error instanceof DecodeError && error.action === "reset", String(error));
        assert.ok(error.notification.data.length <= 64);
        assert.equal(visits, 0);
        refused += 1;
      }
    }
    assert.ok(refused > 1000 && refused < 19_900, `${refused} of 20000 were refused`);
  });
}

test("the values of every family come back from key and payload, and from text", () => {
  const rng = seededRng(23);
  for (let i = 0; i < 2000; i += 1) {
    const route = rng.uint32() % 6 === 0 ? unknownEvpnRoute(rng) : evpnRoute(rng);
    const encoded = encodeEvpnRoute(route);
    assert.deepEqual(decodeEvpnRoute(encoded.key, encoded.payload), route);
    assert.deepEqual(encodeEvpnKey(decodeEvpnKey(encoded.key)), encoded.key);

    const to = prefix(rng);
    const vpn = { rd: rd(rng), prefix: to, labels: [rng.uint32() >>> 12] };
    const { key, payload } = encodeVpnRoute(vpn);
    assert.deepEqual(decodeVpnRoute(to.family, key, payload), vpn);
    assert.deepEqual(parseVpnRoute(formatVpnRoute(vpn)), vpn);

    const flow = flowSpec(rng, rng.uint32() % 2 === 0 ? 4 : 6);
    assert.deepEqual(decodeFlowSpec(flow.family, encodeFlowSpec(flow).key), flow);
    assert.deepEqual(parseFlowSpec(flow.family, formatFlowSpec(flow)), flow);

    const walked = walk(
      codecOf("route-target"),
      encode(codecOf("route-target"), anyRoute(rng, "route-target")),
    );
    const constraint = decodeRouteTargetConstraint((walked[0] as Walked).key);
    const text = formatRouteTargetConstraint(constraint);
    assert.deepEqual(parseRouteTargetConstraint(text), constraint, text);
  }
});

test("EVPN routes of a type that is not known are discarded, the others of the field stay", () => {
  const rng = seededRng(43);
  const codec = codecOf("evpn");
  for (let i = 0; i < 500; i += 1) {
    const known = encodeEvpnRoute(evpnRoute(rng));
    const unknown = encodeEvpnRoute(unknownEvpnRoute(rng));
    for (const addPath of [false, true]) {
      const pathId = addPath ? [0, 0, 0, 7] : [];
      const fields = [unknown, known, unknown].map((route) => encode(codec, route));
      const bytes = Uint8Array.from(fields.flatMap((field) => [...pathId, ...field]));
      assert.deepEqual(walk(codec, bytes, addPath), [{ pathId: addPath ? 7 : 0, ...known }]);
      const [alone] = fields as [Uint8Array];
      assert.deepEqual(walk(codec, Uint8Array.from([...pathId, ...alone]), addPath, true), []);
    }
  }
  assert.throws(() => walk(codec, fromHex("09 03 0102")), DecodeError);
});

test("the text of every key parses back to it", () => {
  const rng = seededRng(31);
  for (const family of keyedFamilies) {
    const codec = codecOf(family);
    for (let i = 0; i < 1000; i += 1) {
      const isUnknown = family === "evpn" && rng.uint32() % 6 === 0;
      const { key } = isUnknown ? encodeEvpnRoute(unknownEvpnRoute(rng)) : anyRoute(rng, family);
      const text = codec.format(key);
      assert.deepEqual(codec.parse(text), key, `${family} ${text}`);
    }
    for (const bad of ["", "65000:1", "65000:1:", "65000:1 [2]", "nothing at all", "[2]:[0x00]"]) {
      assert.throws(() => codec.parse(bad), SyntaxError, `${family} ${bad}`);
    }
  }
  const evpn = codecOf("evpn");
  const badEvpn = [
    "65000:1 [1]:[0]",
    "65000:1 [2]:[0]:[47]:[02:00:00:00:00:01]",
    "65000:1 [2]:[0]:[48]:[02:00:00:00:00:01]:[33]:[10.0.0.1]",
    "65000:1 [2]:[0]:[48]:[02:00:00:00:00:01]:[32]",
    "65000:1 [3]:[4294967296]:[32]:[10.0.0.1]",
    "65000:1 [5]:[0]:[16]:[10.0.0.1]",
    "65000:1 [9]:[0x00]",
    "[256]:[0x00]",
    "[9]:[0x0]",
  ];
  for (const text of badEvpn) assert.throws(() => evpn.parse(text), SyntaxError, text);
  assert.throws(() => codecOf("ipv4-vpn").parse("65000:1:fd00::/16"), SyntaxError);
  assert.throws(() => parseVpnRoute("65000:1:10.0.0.0/8 label 1048576"), SyntaxError);
});

test("keys are canonical: bits that mean nothing are cleared", () => {
  const keyOf = (family: AddressFamily, hex: string): string =>
    toHex(walk(codecOf(family), fromHex(hex))[0]?.key ?? new Uint8Array(0));
  // 10.0.0.0/9 with the low bits of its last octet set.
  assert.equal(keyOf("ipv4-vpn", "61 000011 0000fde800000001 0aff"), `0000fde800000001090a80`);
  assert.equal(keyOf("route-target", "21 0000fde8 ff"), "210000fde880");
  const prefixRoute = `05 22 0000fde800000001 ${"00".repeat(10)} 00000000 08 0affffff 00000000 000064`;
  assert.equal(keyOf("evpn", prefixRoute), "050000fde80000000100000000080a000000");
  // AND and a reserved bit in the first operator of a port component.
  assert.equal(keyOf("ipv4-flowspec", "07 01090aff 04 c950"), "01090a80048150");
});

const evpnHead = "0000fde800000001";
const malformed: readonly (readonly [AddressFamily, name: string, hex: string])[] = [
  ["ipv4-vpn", "fewer bits than label and route distinguisher", "57 000011 0000fde8000000"],
  ["ipv4-vpn", "a prefix of 33 bits", `79 000011 ${evpnHead} 0a00000000`],
  ["ipv4-vpn", "a label stack without end", "70 000010 000002000000000a 0a0000"],
  ["ipv6-vpn", "a prefix of 129 bits", `d9 000011 ${evpnHead} ${"00".repeat(17)}`],
  ["route-target", "a length of 31 bits", "1f 0000fde8"],
  ["route-target", "a length of 97 bits", `61 ${"00".repeat(13)}`],
  ["evpn", "an A-D route of 24 octets", `01 18 ${"00".repeat(24)}`],
  ["evpn", "a MAC length of 47", `02 21 ${"00".repeat(22)} 2f ${"00".repeat(10)}`],
  [
    "evpn",
    "an IP length of 33",
    `02 25 ${"00".repeat(22)} 30 ${"00".repeat(6)} 21 ${"00".repeat(7)}`,
  ],
  ["evpn", "an originator without address", `03 0d ${"00".repeat(13)}`],
  ["evpn", "an IPv4 prefix of 33 bits", `05 22 ${"00".repeat(22)} 21 ${"00".repeat(11)}`],
  ["evpn", "a route longer than the field", "06 04 000000"],
  ["ipv4-flowspec", "no component", "00"],
  ["ipv4-flowspec", "components out of order", "06 048150 038106"],
  ["ipv4-flowspec", "a component twice", "06 048150 048150"],
  ["ipv4-flowspec", "a flow label", "03 0d8101"],
  ["ipv4-flowspec", "an unknown component", "03 0e8101"],
  ["ipv4-flowspec", "operators without end", "03 040150"],
  ["ipv4-flowspec", "a value cut short", "03 04a150"],
  ["ipv4-flowspec", "a prefix of 33 bits", "07 01210a00000000"],
  ["ipv6-flowspec", "an offset that is not below the length", "04 0108080a"],
  ["ipv4-flowspec", "a two-octet length cut short", "f0"],
];
for (const [family, name, hex] of malformed) {
  test(`${family} refuses ${name}`, () => {
    assert.throws(
      () => walk(codecOf(family), fromHex(hex)),
      (error: unknown) => {
        assert.ok(error instanceof DecodeError);
        const { code, subcode } = error.notification;
        assert.deepEqual([error.action, code, subcode], ["reset", 3, 9]);
        return true;
      },
    );
  });
}

test("withdrawals of VPN routes read whatever is in the label field and send 0x800000", () => {
  const codec = codecOf("ipv4-vpn");
  const [announced] = walk(codec, fromHex(`70 000641 ${evpnHead} 0a0001`));
  for (const field of ["800000", "000000", "000641", "000640"]) {
    const [gone] = walk(codec, fromHex(`70 ${field} ${evpnHead} 0a0001`), false, true);
    assert.deepEqual(gone, { ...announced, payload: new Uint8Array(0) });
  }
  assert.equal(toHex(encode(codec, announced as Walked, true)), `70800000${evpnHead}0a0001`);
});

test("policy sees the prefix inside a route", () => {
  const words = new Int32Array(4);
  const at = (family: AddressFamily, route: EncodedNlri): unknown => {
    const found = codecOf(family).prefixInto(route.key, words);
    return found === undefined ? undefined : [found.family, found.length, ...words];
  };
  const rdOne = parseRouteDistinguisher("65000:1");
  const to = parsePrefix("10.1.0.0/16");
  const vpn = encodeVpnRoute({ rd: rdOne, prefix: to, labels: [3] });
  assert.deepEqual(at("ipv4-vpn", vpn), [4, 16, 0x0a010000, 0, 0, 0]);
  const mac = {
    kind: "mac-ip",
    rd: rdOne,
    ethernetTag: 0,
    mac: parseMac("02:00:00:00:00:01"),
  } as const;
  const none = parseEsi("00:00:00:00:00:00:00:00:00:00");
  const bound = { ...mac, ip: parseIp("fd00::1"), esi: none, label: 100 };
  assert.deepEqual(at("evpn", encodeEvpnRoute(bound)), [6, 128, 0xfd000000 | 0, 0, 0, 1]);
  assert.equal(at("evpn", encodeEvpnRoute({ ...mac, esi: none, label: 1 })), undefined);
  const flow = encodeFlowSpec(parseFlowSpec(6, "destination-prefix fd00::/16 ip-protocol =6"));
  assert.deepEqual(at("ipv6-flowspec", flow), [6, 16, 0xfd000000 | 0, 0, 0, 0]);
  const pattern = encodeFlowSpec(parseFlowSpec(6, "destination-prefix ::1234:5678:9a00:0/65-104"));
  assert.equal(at("ipv6-flowspec", pattern), undefined);
});

test("routes have a text for people", () => {
  const textOf = (family: AddressFamily, { key, payload }: EncodedNlri): string =>
    codecOf(family).format(key, payload);
  const head = { rd: parseRouteDistinguisher("65000:1"), ethernetTag: 0 };
  const none = parseEsi("00:00:00:00:00:00:00:00:00:00");
  const routes: readonly (readonly [EvpnRoute, string])[] = [
    [
      {
        kind: "mac-ip",
        ...head,
        mac: parseMac("02:00:00:00:00:01"),
        ip: parseIp("10.0.0.1"),
        esi: none,
        label: 100,
        label2: 200,
      },
      "65000:1 [2]:[0]:[48]:[02:00:00:00:00:01]:[32]:[10.0.0.1] esi 00:00:00:00:00:00:00:00:00:00 label 100/200",
    ],
    [
      { kind: "inclusive-multicast", ...head, originator: parseIp("10.255.0.1") },
      "65000:1 [3]:[0]:[32]:[10.255.0.1]",
    ],
    [
      {
        kind: "ip-prefix",
        ...head,
        prefix: parsePrefix("fd00::/48"),
        esi: none,
        gateway: parseIp("::"),
        label: 10100,
      },
      "65000:1 [5]:[0]:[48]:[fd00::] esi 00:00:00:00:00:00:00:00:00:00 gateway :: label 10100",
    ],
    [{ kind: "unknown", type: 9, value: fromHex("0102") }, "[9]:[0x0102]"],
  ];
  for (const [route, text] of routes) assert.equal(textOf("evpn", encodeEvpnRoute(route)), text);
  const flow =
    "destination-prefix 10.0.0.0/24 ip-protocol =6 destination-port =80,>=8080&<=8088 tcp-flags !=0x2";
  assert.equal(textOf("ipv4-flowspec", encodeFlowSpec(parseFlowSpec(4, flow))), flow);
  const want = constraintOf(65000 as Asn, parseRouteTarget("65000:10"));
  assert.equal(textOf("route-target", encodeRouteTargetConstraint(want)), "65000:65000:10");
});

test("a constraint covers the route targets its prefix contains", () => {
  const routeTarget = parseRouteTarget("65000:10");
  assert.ok(coversRouteTarget(parseRouteTargetConstraint("default"), routeTarget));
  assert.ok(coversRouteTarget(parseRouteTargetConstraint("65001:65000:10"), routeTarget));
  assert.ok(!coversRouteTarget(parseRouteTargetConstraint("65001:65000:11"), routeTarget));
  const half = parseRouteTargetConstraint("65001:0x0002fde800000000/32");
  assert.ok(coversRouteTarget(half, routeTarget));
  assert.ok(!coversRouteTarget(half, parseRouteTarget("65001:10")));
});

test("values that have no encoding are refused", () => {
  const refused = (encodeIt: () => unknown): void => assert.throws(encodeIt, { code: "encode" });
  const term = (value: number | bigint, valueLength?: 1 | 2 | 4): FlowSpec => {
    const sized = valueLength === undefined ? {} : { valueLength };
    const terms = [{ and: false, value, comparison: "=" as const, ...sized }];
    return { family: 4, components: [{ type: "port", terms }] };
  };
  refused(() => encodeFlowSpec({ family: 4, components: [] }));
  refused(() => encodeFlowSpec({ family: 4, components: [{ type: "port", terms: [] }] }));
  refused(() => encodeFlowSpec(parseFlowSpec(4, `port ${"=1,".repeat(2100)}=1`)));
  for (const value of [-1, 0.5, 2 ** 32, -1n, 1n << 64n])
    refused(() => encodeFlowSpec(term(value)));
  refused(() => encodeFlowSpec(term(256, 1)));
  const prefix6 = { type: "destination-prefix", prefix: parsePrefix("fd00::/16") } as const;
  refused(() => encodeFlowSpec({ family: 4, components: [prefix6] }));
  refused(() => encodeFlowSpec({ family: 6, components: [{ ...prefix6, offset: 16 }] }));
  refused(() => encodeFlowSpec({ family: 6, components: [prefix6, prefix6] }));
  refused(() => encodeRouteTargetConstraint({ routeTarget: 0n, length: 1 }));
  refused(() => encodeRouteTargetConstraint({ origin: 1 as Asn, routeTarget: 0n, length: 65 }));
  const value = new Uint8Array(256);
  refused(() => encodeEvpnKey({ kind: "unknown", type: 9, value }));
  refused(() => encodeEvpnKey({ kind: "unknown", type: 2, value: value.subarray(1) }));
  const rdOne = parseRouteDistinguisher("65000:1");
  const to = parsePrefix("10.0.0.0/8");
  refused(() => encodeVpnRoute({ rd: rdOne, prefix: to, labels: [] }));
  refused(() => encodeVpnRoute({ rd: rdOne, prefix: to, labels: [1, 2, 3, 4, 5, 6, 7, 8] }));
  const zero = parseEsi("00:00:00:00:00:00:00:00:00:00");
  const head = { kind: "ip-prefix", rd: rdOne, ethernetTag: 0, prefix: to, esi: zero } as const;
  refused(() => encodeEvpnRoute({ ...head, gateway: parseIp("::"), label: 1 }));
  refused(() => encodeEvpnRoute({ ...head, gateway: parseIp("0.0.0.0"), label: 1 << 24 }));
});

test("label fields hold an MPLS label or a VNI", () => {
  assert.equal(mplsLabelField(100), 0x641);
  assert.equal(mplsLabelOf(0x641), 100);
  assert.throws(() => mplsLabelField(1 << 20), { code: "encode" });
});
