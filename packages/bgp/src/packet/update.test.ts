import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex, Writer } from "@heddle/codec";
import {
  type Asn,
  formatPrefix,
  type Ip4,
  type Ip6,
  type Prefix,
  parseAsn,
  parseIp4,
  parseIp6,
  prefixOf,
} from "@heddle/inet";
import { seededRng } from "@heddle/std";
import fc from "fast-check";
import { DecodeError } from "../errors.ts";
import { type AddressFamily, addressFamilies, addressFamilyNames } from "./address-family.ts";
import {
  asPathLength,
  decodeAsPath,
  encodeAsPath,
  firstAsnOf,
  mergeAs4Path,
  prependConfederationAsn,
  withoutConfederation,
} from "./as-path.ts";
import { formatAsPath, parseAsPath } from "./as-path-text.ts";
import type { CodecContext } from "./context.ts";
import { decodeAttributes } from "./decode-attributes.ts";
import { isProblem, routeAttributesOf } from "./decoded-attributes.ts";
import { encodeAttributes4, encodeSharedAttributes } from "./encode-attributes.ts";
import { headerLength } from "./framing.ts";
import { decodeNextHop, encodeNextHop } from "./next-hop.ts";
import { nlriCodecOf } from "./nlri/nlri-codecs.ts";
import {
  prefixFromWords4,
  prefixFromWords6,
  walkPathPrefixes4,
  walkPathPrefixes6,
  walkPrefixes4,
  walkPrefixes6,
  wordOfIp6,
} from "./nlri.ts";
import {
  type AsPathSegment,
  noNextHop,
  type Origin,
  type PathAttributes,
} from "./path-attributes.ts";
import type { Tunnel, TunnelSubTlv } from "./tunnel-encapsulation.ts";
import { endOfRibOf, locateMp, newMpParts, newUpdateParts, splitUpdate } from "./update.ts";
import {
  announceHead4,
  announceHeadMp,
  encodeEndOfRib,
  nlriRoomOf,
  UpdateBuilder,
  withdrawHead4,
  withdrawHeadMp,
} from "./update-builder.ts";

const internal: CodecContext = {
  fourOctetAs: true,
  external: false,
  families: ["ipv4-unicast", "ipv6-unicast"],
};
const external: CodecContext = { ...internal, external: true };
const withAigp: CodecContext = { ...internal, aigp: true };
const memberExternal: CodecContext = {
  ...internal,
  confederationExternal: true,
  firstAsn: parseAsn(0xfeb1),
};
const oldPeer: CodecContext = { ...internal, fourOctetAs: false };

const full: PathAttributes = {
  origin: 2,
  asPath: [
    { type: "sequence", asns: [parseAsn(65201), parseAsn(4200000000)] },
    { type: "set", asns: [parseAsn(1), parseAsn(2)] },
  ],
  nextHop: parseIp4("10.0.0.1"),
  med: 7,
  localPref: 200,
  atomicAggregate: true,
  aggregator: { asn: parseAsn(65201), address: parseIp4("10.9.9.9") },
  communities: [0xffffff01, 0x0001_0002],
  originatorId: parseIp4("10.0.0.5"),
  clusterList: [parseIp4("10.0.0.6"), parseIp4("10.0.0.7")],
  extendedCommunities: [0x0002_fde9_0000_0064n],
  largeCommunities: [[65201, 1, 2]],
  unknown: [{ flags: 0xe0, type: 99, value: fromHex("0102") }],
};
const fullHex = `40 01 01 02   40 02 14  02 02 0000feb1 fa56ea00  01 02 00000001 00000002
  40 03 04 0a000001   80 04 04 00000007   40 05 04 000000c8   40 06 00
  c0 07 08 0000feb1 0a090909   c0 08 08 ffffff01 00010002   80 09 04 0a000005
  80 0a 08 0a000006 0a000007   c0 10 08 0002fde900000064   c0 20 0c 0000feb1 00000001 00000002
  e0 63 02 0102`;

test("all attributes this speaker knows, both ways", () => {
  const bytes = fromHex(fullHex);
  const decoded = decodeAttributes(bytes, internal);
  assert.deepEqual(decoded.problems, []);
  assert.deepEqual(routeAttributesOf(decoded, "nlri"), full);
  const w = new Writer(4096);
  encodeAttributes4(w, full, internal);
  assert.equal(toHex(w.view()), toHex(bytes));
});

/** ORIGIN IGP, AS_PATH 65201, NEXT_HOP 10.0.0.1. */
const minimal = "40 01 01 00  40 02 06 02 01 0000feb1  40 03 04 0a000001";

const treatments: readonly (readonly [
  name: string,
  hex: string,
  cx: CodecContext,
  result: "accept" | "withdraw" | `reset ${number}`,
  problems: readonly string[],
])[] = [
  ["7.1 ORIGIN of 2 octets", "40 01 02 0000", internal, "withdraw", ["1 withdraw"]],
  ["7.1 ORIGIN 3", "40 01 01 03", internal, "withdraw", ["1 withdraw"]],
  ["7.2 unknown segment type", "40 02 06 05 01 0000feb1", internal, "withdraw", ["2 withdraw"]],
  ["7.2 segment overrun", "40 02 06 02 02 0000feb1", internal, "withdraw", ["2 withdraw"]],
  ["7.2 segment underrun", "40 02 07 02 01 0000feb1 02", internal, "withdraw", ["2 withdraw"]],
  ["7.2 empty segment", "40 02 02 02 00", internal, "withdraw", ["2 withdraw"]],
  ["RFC 7607 AS 0", "40 02 06 02 01 00000000", internal, "withdraw", ["2 withdraw"]],
  ["confederation from outside", "40 02 06 03 01 0000feb1", external, "withdraw", ["2 withdraw"]],
  ["7.3 NEXT_HOP of 3 octets", "40 03 03 0a0000", internal, "withdraw", ["3 withdraw"]],
  ["NEXT_HOP 127.0.0.1", "40 03 04 7f000001", internal, "withdraw", ["3 withdraw"]],
  ["7.4 MED of 3 octets", "80 04 03 000000", internal, "withdraw", ["4 withdraw"]],
  ["7.5 LOCAL_PREF from outside", "40 05 04 000000c8", external, "accept", []],
  ["7.5 LOCAL_PREF of 3 octets", "40 05 03 000000", internal, "withdraw", ["5 withdraw"]],
  ["7.6 ATOMIC_AGGREGATE of 1 octet", "40 06 01 00", internal, "accept", ["6 discard"]],
  ["7.7 AGGREGATOR of 6 octets", "c0 07 06 feb10a000001", internal, "accept", ["7 discard"]],
  ["7.8 empty COMMUNITIES", "c0 08 00", internal, "withdraw", ["8 withdraw"]],
  ["7.8 COMMUNITIES of 5 octets", "c0 08 05 0000000000", internal, "withdraw", ["8 withdraw"]],
  ["7.9 ORIGINATOR_ID from outside", "80 09 01 00", external, "accept", []],
  ["7.9 ORIGINATOR_ID of 1 octet", "80 09 01 00", internal, "withdraw", ["9 withdraw"]],
  ["7.10 CLUSTER_LIST from outside", "80 0a 01 00", external, "accept", []],
  ["7.10 CLUSTER_LIST of 1 octet", "80 0a 01 00", internal, "withdraw", ["10 withdraw"]],
  [
    "7.14 extended communities of 7",
    "c0 10 07 00000000000000",
    internal,
    "withdraw",
    ["16 withdraw"],
  ],
  ["9234 5 ONLY_TO_CUSTOMER of 3", "c0 23 03 000001", external, "withdraw", ["35 withdraw"]],
  [
    "9234 5 ONLY_TO_CUSTOMER as non-transitive",
    "80 23 04 00000001",
    external,
    "withdraw",
    ["35 withdraw"],
  ],
  ["6514 5 PMSI_TUNNEL of 4", "c0 16 04 00060000", external, "withdraw", ["22 withdraw"]],
  [
    "6514 5 ingress replication without endpoint",
    "c0 16 05 0006000064",
    external,
    "withdraw",
    ["22 withdraw"],
  ],
  ["9012 13 a tunnel that overruns", "c0 17 04 00080001", external, "withdraw", ["23 withdraw"]],
  [
    "9012 13 a sub-TLV that overruns",
    "c0 17 06 00080002 0802",
    external,
    "withdraw",
    ["23 withdraw"],
  ],
  ["9012 13 no tunnel", "c0 17 00", external, "withdraw", ["23 withdraw"]],
  [
    "7606 7.15 IPv6 extended community of 19",
    `c0 19 13 ${"00".repeat(19)}`,
    external,
    "withdraw",
    ["25 withdraw"],
  ],
  ["7311 3.3 AIGP where it is not enabled", "80 1a 01 00", external, "accept", []],
  [
    "7311 3 AIGP with the Transitive bit",
    "c0 1a 0b 01000b0000000000000005",
    withAigp,
    "accept",
    ["26 discard"],
  ],
  [
    "7311 3 AIGP that overruns",
    "80 1a 0a 01000b00000000000000",
    withAigp,
    "accept",
    ["26 discard"],
  ],
  ["7311 3 AIGP of 10 octets", "80 1a 0a 01000a00000000000000", withAigp, "accept", ["26 discard"]],
  [
    "7311 3.2 AIGP of the highest metric",
    "80 1a 0b 01000bffffffffffffffff",
    withAigp,
    "accept",
    ["26 discard"],
  ],
  ["7311 3 AIGP of a TLV header", "80 1a 02 0100", withAigp, "accept", ["26 discard"]],
  [
    "5065 5 no confederation segment first",
    "40 02 06 02 01 0000feb1",
    memberExternal,
    "withdraw",
    ["2 withdraw"],
  ],
  [
    "5065 5 the confederation segment of a member",
    "40 02 06 03 01 0000feb1",
    memberExternal,
    "accept",
    [],
  ],
  [
    "5065 5 the segment of another member",
    "40 02 06 03 01 0000feb2",
    memberExternal,
    "withdraw",
    ["2 withdraw"],
  ],
  ["RFC 8092 6 large community of 4", "c0 20 04 00000000", internal, "withdraw", ["32 withdraw"]],
  ["RFC 6793 6 AS4_PATH from a new peer", "c0 11 01 00", internal, "accept", []],
  ["RFC 6793 6 malformed AS4_PATH", "c0 11 01 00", oldPeer, "accept", ["17 discard"]],
  ["3 c flags that do not fit", "c0 01 01 00", internal, "withdraw", ["1 withdraw"]],
  [
    "3 g an attribute twice",
    "80 04 04 00000001 80 04 04 00000002",
    internal,
    "accept",
    ["4 discard"],
  ],
  ["4 an attribute that overruns", "80 04 09 00", internal, "withdraw", ["0 withdraw"]],
  ["4 a header cut short", "80 04", internal, "withdraw", ["0 withdraw"]],
  ["4271 6.3 unknown well-known attribute", "40 63 00", internal, "reset 2", []],
  ["3 g MP_REACH_NLRI twice", mpReach("").repeat(2), internal, "reset 1", []],
  ["7.11 MP_REACH_NLRI of 4 octets", "80 0e 04 00020110", internal, "reset 9", []],
  ["7.11 a next hop of 15 octets", mpReach("", 15), internal, "reset 9", []],
  ["4 MP_REACH_NLRI overruns", "80 0e 40 00020110", internal, "reset 9", []],
  ["4760 7 a family not negotiated", "80 0f 03 001946", internal, "accept", ["15 discard"]],
  [
    "3 c MP_UNREACH_NLRI with wrong flags",
    "40 0f 03 000201",
    internal,
    "withdraw",
    ["15 withdraw"],
  ],
];

function mpReach(nlri: string, hopLength = 16): string {
  const hop = `fd${"00".repeat(hopLength - 2)}01`;
  const length = 5 + hopLength + nlri.length / 2;
  return `80 0e ${length.toString(16).padStart(2, "0")} 000201 ${hopLength.toString(16).padStart(2, "0")} ${hop} 00 ${nlri}`;
}

for (const [name, hex, cx, result, problems] of treatments) {
  test(`decodeAttributes() treats by RFC 7606: ${name}`, () => {
    const type = Number.parseInt(hex.slice(3, 5), 16);
    const known = [1, 2, 3].includes(type) && !name.startsWith("3 g");
    const wide = known ? withoutType(type) : minimal;
    const rest = cx.fourOctetAs ? wide : wide.replace("06 02 01 0000feb1", "04 02 01 feb1");
    const decode = (): ReturnType<typeof decodeAttributes> =>
      decodeAttributes(fromHex(rest + hex), cx);
    if (result.startsWith("reset")) {
      assert.throws(decode, (error: unknown) => {
        assert.ok(error instanceof DecodeError);
        const { code, subcode } = error.notification;
        assert.equal(`${error.action} ${subcode}`, result);
        assert.equal(code, 3);
        return true;
      });
      return;
    }
    const decoded = decode();
    assert.equal(decoded.action, result);
    assert.deepEqual(
      decoded.problems.map((p) => `${p.type} ${p.action}`),
      problems,
    );
  });
}

function withoutType(type: number): string {
  return minimal
    .split("  ")
    .filter((attribute) => Number.parseInt(attribute.slice(3, 5), 16) !== type)
    .join(" ");
}

test("routes without a mandatory attribute are treated as withdrawn", () => {
  for (const type of [1, 2, 3]) {
    const decoded = decodeAttributes(fromHex(withoutType(type)), internal);
    const route = routeAttributesOf(decoded, "nlri");
    assert.ok(isProblem(route));
    assert.deepEqual([route.type, route.action], [type, "withdraw"]);
  }
  const v4Only = routeAttributesOf(decodeAttributes(fromHex(minimal), internal), "mp-reach");
  assert.ok(isProblem(v4Only) && v4Only.type === 14);
});

test("decodeAttributes() checks the first AS of an external session when asked to", () => {
  const cx = { ...external, firstAsn: parseAsn(65201) };
  assert.equal(decodeAttributes(fromHex(minimal), cx).action, "accept");
  const other = { ...external, firstAsn: parseAsn(65202) };
  assert.equal(decodeAttributes(fromHex(minimal), other).action, "withdraw");
});

test("unknown attributes: transitive ones survive and are marked partial, others end", () => {
  const hex = `${minimal} c0 63 01 07  80 62 01 08`;
  const decoded = decodeAttributes(fromHex(hex), external);
  assert.deepEqual(decoded.attributes.unknown, [{ flags: 0xc0, type: 99, value: fromHex("07") }]);
  const route = routeAttributesOf(decoded, "nlri");
  assert.ok(!isProblem(route));
  const w = new Writer(4096);
  encodeAttributes4(w, route, external);
  assert.ok(toHex(w.view()).endsWith("e0630107"));
});

test("an IPv6 block carries both next hops and the place of its prefixes", () => {
  const globalHop = "fd000000000000000000000000000001";
  const linkLocal = "fe80000000000000000000000000000a";
  const hex = `80 0e 28 000201 20 ${globalHop} ${linkLocal} 00 10fd00 ${minimal}`;
  const bytes = fromHex(hex);
  const decoded = decodeAttributes(bytes, external);
  const route = routeAttributesOf(decoded, "mp-reach");
  assert.ok(!isProblem(route));
  assert.equal(route.nextHop, parseIp6("fd00::1"));
  assert.equal(route.linkLocalNextHop, parseIp6("fe80::a"));
  const { nlriStart, nlriEnd } = decoded.mpReach ?? { nlriStart: 0, nlriEnd: 0 };
  assert.equal(toHex(bytes.subarray(nlriStart, nlriEnd)), "10fd00");
});

const sequence = (...asns: number[]): AsPathSegment => ({ type: "sequence", asns: asns as Asn[] });

test("RFC 6793 4.2.3: AS4_PATH replaces the tail of AS_PATH it covers", () => {
  const path = [sequence(65001, 23456, 23456)];
  assert.deepEqual(mergeAs4Path(path, [sequence(70000, 80000)]), [sequence(65001, 70000, 80000)]);
  assert.deepEqual(mergeAs4Path(path, [sequence(1, 2, 3, 4)]), path);
  const set: AsPathSegment = { type: "set", asns: [70000 as Asn] };
  assert.deepEqual(mergeAs4Path([sequence(65001), set], [set]), [sequence(65001), set]);
});

test("wide AS numbers reach a two-octet peer in AS4_PATH and come back whole", () => {
  const attributes: PathAttributes = {
    ...full,
    asPath: [sequence(65201, 4200000000)],
    aggregator: { asn: parseAsn(4200000000), address: parseIp4("10.9.9.9") },
  };
  const w = new Writer(4096);
  encodeAttributes4(w, attributes, oldPeer);
  assert.deepEqual(routeAttributesOf(decodeAttributes(w.view(), oldPeer), "nlri"), attributes);
});

test("an AGGREGATOR that is not AS_TRANS voids both AS4 attributes", () => {
  const hex = `40 01 01 00  40 02 06 02 02 feb1 5ba0  40 03 04 0a000001  c0 07 06 feb1 0a090909
    c0 11 0a 02 02 0000feb1 fa56ea00  c0 12 08 fa56ea00 0a090909`;
  const decoded = decodeAttributes(fromHex(hex), oldPeer);
  assert.deepEqual(decoded.attributes.asPath, [sequence(65201, 23456)]);
  assert.equal(decoded.attributes.aggregator?.asn, 65201);
});

const asn = fc.integer({ min: 1, max: 0xffffffff }) as fc.Arbitrary<Asn>;
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const ip4 = uint32 as fc.Arbitrary<Ip4>;
const hostIp4 = fc.integer({ min: 0x0a000000, max: 0x0affffff }) as fc.Arbitrary<Ip4>;
const ip6 = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }) as fc.Arbitrary<Ip6>;

const subTlv: fc.Arbitrary<TunnelSubTlv> = fc.oneof(
  fc.record({ kind: fc.constant("gre-key" as const), key: uint32 }, { noNullPrototype: true }),
  fc.record(
    { kind: fc.constant("egress-endpoint" as const), address: fc.oneof(ip4, ip6) },
    { noNullPrototype: true, requiredKeys: ["kind"] },
  ),
  fc.record(
    { kind: fc.constant("udp-destination-port" as const), port: fc.nat(0xffff) },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant("unknown" as const),
      type: fc.constantFrom(10, 127, 128, 255),
      value: fc.uint8Array({ maxLength: 50 }),
    },
    { noNullPrototype: true },
  ),
);
const tunnel: fc.Arbitrary<Tunnel> = fc.record(
  { type: fc.constantFrom(2, 11), subTlvs: fc.array(subTlv, { maxLength: 4 }) },
  { noNullPrototype: true },
);

const anyAttributes: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom<Origin>(0, 1, 2),
    asPath: fc.array(
      fc.record(
        {
          type: fc.constantFrom("set" as const, "sequence" as const),
          asns: fc.array(asn, { minLength: 1, maxLength: 6 }),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
    nextHop: hostIp4,
    med: uint32,
    localPref: uint32,
    atomicAggregate: fc.boolean(),
    aggregator: fc.record({ asn, address: ip4 }, { noNullPrototype: true }),
    communities: fc.array(uint32, { maxLength: 70 }),
    extendedCommunities: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), {
      maxLength: 4,
    }),
    largeCommunities: fc.array(fc.tuple(uint32, uint32, uint32), { maxLength: 30 }),
    originatorId: ip4,
    clusterList: fc.array(ip4, { maxLength: 4 }),
    onlyToCustomer: asn,
    pmsiTunnel: fc.record(
      {
        flags: fc.nat(255),
        tunnelType: fc.constantFrom(1, 2, 3, 99),
        label: fc.nat(0xffffff),
        tunnelId: fc.uint8Array({ maxLength: 40 }),
      },
      { noNullPrototype: true },
    ),
    tunnels: fc.array(tunnel, { minLength: 1, maxLength: 3 }),
    ipv6ExtendedCommunities: fc.array(fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }), {
      minLength: 1,
      maxLength: 3,
    }),
    aigp: fc.bigInt({ min: 0n, max: (1n << 64n) - 2n }),
    unknown: fc.constant([]),
  },
  {
    noNullPrototype: true,
    requiredKeys: [
      "origin",
      "asPath",
      "nextHop",
      "atomicAggregate",
      "communities",
      "extendedCommunities",
      "largeCommunities",
      "clusterList",
      "unknown",
    ],
  },
);

test("any attributes survive a round trip", () => {
  fc.assert(
    fc.property(anyAttributes, (attributes) => {
      const w = new Writer(65535);
      encodeAttributes4(w, attributes, withAigp);
      const decoded = decodeAttributes(w.view(), withAigp);
      assert.deepEqual(decoded.problems, []);
      assert.deepEqual(routeAttributesOf(decoded, "nlri"), attributes);
    }),
  );
});

test("RFC 7311 3: TLVs of AIGP beside the first metric are passed on as they came", () => {
  const value = "02 0004 aa 01 000b 0000000000000005 01 000b 0000000000000009 7f 0003";
  const block = fromHex(`400101 00 400200 801a1d ${value}`.replaceAll(" ", ""));
  const { attributes, problems } = decodeAttributes(block, withAigp);
  assert.deepEqual([problems, attributes.aigp], [[], 5n]);
  const w = new Writer(4096);
  encodeSharedAttributes(w, attributes, withAigp);
  const first = "01000b0000000000000005";
  const others = "020004aa 01000b0000000000000009 7f0003".replaceAll(" ", "");
  assert.ok(toHex(w.view()).endsWith(`801a1d${first}${others}`), toHex(w.view()));
});

/** The prefixes that the messages in `stream` announce (+) or withdraw (-). */
function changesOf(stream: Uint8Array): string[] {
  const changes: string[] = [];
  const parts = newUpdateParts();
  const mp = newMpParts();
  for (let at = 0; at < stream.length; ) {
    const length = ((stream[at + 16] as number) << 8) | (stream[at + 17] as number);
    splitUpdate(stream, at + headerLength, at + length, parts);
    locateMp(stream, parts.attributesStart, parts.attributesEnd, mp);
    const note4 =
      (sign: string) =>
      (address: number, bits: number): void => {
        changes.push(sign + formatPrefix(prefixFromWords4(address, bits)));
      };
    const note6 =
      (sign: string) =>
      (w0: number, w1: number, w2: number, w3: number, bits: number): void => {
        changes.push(sign + formatPrefix(prefixFromWords6(w0, w1, w2, w3, bits)));
      };
    walkPrefixes4(stream, parts.withdrawnStart, parts.withdrawnEnd, note4("-"));
    walkPrefixes4(stream, parts.nlriStart, parts.nlriEnd, note4("+"));
    if (mp.unreachStart >= 0) walkPrefixes6(stream, mp.unreachNlriStart, mp.unreachEnd, note6("-"));
    if (mp.reachStart >= 0) walkPrefixes6(stream, mp.reachNlriStart, mp.reachEnd, note6("+"));
    at += length;
  }
  return changes;
}

function append(builder: UpdateBuilder, prefix: Prefix): void {
  if (prefix.family === 4) builder.prefix4(prefix.address, prefix.length);
  else {
    const [w0, w1, w2, w3] = ([0, 1, 2, 3] as const).map((i) => wordOfIp6(prefix.address, i));
    builder.prefix6(w0 as number, w1 as number, w2 as number, w3 as number, prefix.length);
  }
}

const prefix4 = fc.tuple(ip4, fc.nat(32)).map(([ip, length]) => prefixOf(ip, length));
const prefix6 = fc.tuple(ip6, fc.nat(128)).map(([ip, length]) => prefixOf(ip, length));

test("built UPDATEs split back into the same prefixes and respect the message limit", () => {
  const { nextHop: _, ...shared } = full;
  const head6 = announceHeadMp("ipv6-unicast", shared, parseIp6("fd00::1"), undefined, internal);
  fc.assert(
    fc.property(
      fc.array(prefix4, { maxLength: 2000 }),
      fc.array(prefix6, { maxLength: 600 }),
      fc.constantFrom(4096, 65535),
      (v4, v6, limit) => {
        const builder = new UpdateBuilder(limit);
        const expected: string[] = [];
        const plan = [
          [withdrawHead4(), v4, "-"],
          [announceHead4(full, internal), v4, "+"],
          [withdrawHeadMp("ipv6-unicast"), v6, "-"],
          [head6, v6, "+"],
        ] as const;
        for (const [head, prefixes, sign] of plan) {
          if (prefixes.length === 0) continue;
          builder.begin(head);
          for (const prefix of prefixes) {
            append(builder, prefix);
            expected.push(sign + formatPrefix(prefix));
          }
        }
        const stream = builder.finish();
        assert.deepEqual(changesOf(stream), expected);
        for (let at = 0; at < stream.length; ) {
          const length = ((stream[at + 16] as number) << 8) | (stream[at + 17] as number);
          assert.ok(length >= 23 && length <= limit);
          at += length;
        }
      },
    ),
    { numRuns: 30 },
  );
});

test("an UPDATE of an announced IPv6 prefix has MP_REACH_NLRI first and decodes with its attributes", () => {
  const { nextHop: _, ...shared } = full;
  const hop = parseIp6("fd00::1");
  const builder = new UpdateBuilder(4096);
  builder.begin(announceHeadMp("ipv6-unicast", shared, hop, undefined, internal));
  append(builder, prefixOf(parseIp6("fd00:10::"), 32));
  const message = builder.finish();
  assert.equal(message[headerLength + 5], 14);
  const parts = splitUpdate(message, headerLength, message.length, newUpdateParts());
  const block = message.subarray(parts.attributesStart, parts.attributesEnd);
  const route = routeAttributesOf(decodeAttributes(block, internal), "mp-reach");
  assert.deepEqual(route, { ...shared, nextHop: hop });
});

test("next hop lengths that do not fit the family are a reset (RFC 7606 7.11)", () => {
  const all: CodecContext = { ...external, families: addressFamilyNames };
  const extended: CodecContext = { ...all, extendedNextHop: ["ipv4-unicast", "ipv4-vpn"] };
  const lengths: readonly (readonly [AddressFamily, CodecContext, readonly number[]])[] = [
    ["ipv4-unicast", all, [4]],
    ["ipv4-unicast", extended, [4, 16, 32]],
    ["ipv6-unicast", extended, [16, 32]],
    ["ipv4-vpn", all, [12]],
    ["ipv4-vpn", extended, [12, 16, 24, 32, 48]],
    ["ipv6-vpn", all, [24, 48]],
    ["evpn", all, [4, 16]],
    ["route-target", all, [4, 16]],
    ["ipv4-flowspec", all, [0, 4, 16]],
    ["ipv6-flowspec", all, [0, 4, 16]],
  ];
  for (const [family, cx, allowed] of lengths) {
    const { afi, safi } = addressFamilies[family];
    for (const length of [0, 4, 8, 12, 15, 16, 20, 24, 32, 48, 52]) {
      const w = new Writer(200);
      w.u8(0x80)
        .u8(14)
        .u8(5 + length)
        .u16(afi)
        .u8(safi)
        .u8(length);
      // Every four octets are an address that a host may have.
      for (let i = 0; i < length; i += 1) w.u8(i % 4 === 0 ? 0x20 : 1);
      w.u8(0);
      const decode = (): ReturnType<typeof decodeAttributes> => decodeAttributes(w.view(), cx);
      const isFlowSpec = family.endsWith("flowspec");
      if (isFlowSpec || allowed.includes(length)) {
        assert.equal(decode().mpReach?.family, family, `${family} ${length}`);
        assert.deepEqual(decode().problems, []);
      } else {
        const isReset = (error: unknown): boolean =>
          error instanceof DecodeError &&
          error.action === "reset" &&
          error.notification.subcode === 9;
        assert.throws(decode, isReset, `${family} ${length}`);
      }
    }
  }
});

test("a link-local next hop alone is the next hop, however it is sent", () => {
  const linkLocal = "fe80000000000000000000000000000a";
  for (const hops of [linkLocal, linkLocal + linkLocal, "00".repeat(16) + linkLocal]) {
    const decoded = decodeNextHop("ipv6-unicast", fromHex(hops), false);
    assert.deepEqual(decoded, { nextHop: parseIp6("fe80::a") });
  }
});

test("next hops that a family cannot have", () => {
  const ip = parseIp4("10.0.0.1");
  assert.throws(() => encodeNextHop("ipv6-unicast", ip), { code: "encode" });
  // RFC 4659 3.2.1.2.
  assert.ok(toHex(encodeNextHop("ipv6-vpn", ip)).endsWith("ffff0a000001"));
});

test("AIGP is sent only where it is enabled", () => {
  const { nextHop: _, ...shared } = { ...full, aigp: 5n };
  const hexFor = (cx: CodecContext): string => {
    const w = new Writer(4096);
    encodeSharedAttributes(w, shared, cx);
    return toHex(w.view());
  };
  assert.ok(hexFor(withAigp).includes("801a0b01000b0000000000000005"));
  assert.ok(!hexFor(internal).includes("801a0b"));
});

test("path identifiers: prefixes come back with theirs, and fields cut short are refused", () => {
  const rng = seededRng(3);
  const v4 = fromHex("00000001 18 0a0001  00000002 18 0a0001  ffffffff 00");
  const seen: unknown[] = [];
  walkPathPrefixes4(v4, 0, v4.length, (pathId, address, length) => {
    seen.push([pathId, formatPrefix(prefixFromWords4(address, length))]);
  });
  assert.deepEqual(seen, [
    [1, "10.0.1.0/24"],
    [2, "10.0.1.0/24"],
    [0xffffffff, "0.0.0.0/0"],
  ]);
  const bad = ["0000", "00000001", "00000001 21 0a00000000", "00000001 18 0a00", "00000001 00 00"];
  for (const hex of bad) {
    const bytes = fromHex(hex);
    const isReset = (error: unknown): boolean =>
      error instanceof DecodeError && error.action === "reset";
    const never = (): never => assert.fail("visited");
    assert.throws(() => walkPathPrefixes4(bytes, 0, bytes.length, never), isReset, hex);
  }
  for (let i = 0; i < 300; i += 1) {
    const builder = new UpdateBuilder(4096);
    const { nextHop: _, ...shared } = full;
    const head = announceHeadMp("ipv6-unicast", shared, parseIp6("fd00::1"), undefined, internal);
    builder.begin(head);
    const expected: unknown[] = [];
    for (let n = rng.uint32() % 400; n > 0; n -= 1) {
      const words = [
        rng.uint32() | 0,
        rng.uint32() | 0,
        rng.uint32() | 0,
        rng.uint32() | 0,
      ] as const;
      const prefix = prefixFromWords6(...words, rng.uint32() % 129);
      const pathId = rng.uint32();
      const [w0, w1, w2, w3] = ([0, 1, 2, 3] as const).map((k) =>
        wordOfIp6(prefix.address as Ip6, k),
      );
      builder.pathPrefix6(
        pathId,
        w0 as number,
        w1 as number,
        w2 as number,
        w3 as number,
        prefix.length,
      );
      expected.push([pathId, prefix]);
    }
    const walked: unknown[] = [];
    for (const { bytes, start, end } of reachFields(builder.finish())) {
      walkPathPrefixes6(bytes, start, end, (pathId, w0, w1, w2, w3, length) => {
        walked.push([pathId, prefixFromWords6(w0, w1, w2, w3, length)]);
      });
    }
    assert.deepEqual(walked, expected);
  }
});

/** Where the routes of MP_REACH_NLRI lie in each message of a stream within 4096 octets each. */
function reachFields(stream: Uint8Array): { bytes: Uint8Array; start: number; end: number }[] {
  const fields: { bytes: Uint8Array; start: number; end: number }[] = [];
  for (let at = 0; at < stream.length; ) {
    const length = ((stream[at + 16] as number) << 8) | (stream[at + 17] as number);
    assert.ok(length <= 4096);
    const parts = splitUpdate(stream, at + headerLength, at + length, newUpdateParts());
    const mp = locateMp(stream, parts.attributesStart, parts.attributesEnd, newMpParts());
    fields.push({ bytes: stream, start: mp.reachNlriStart, end: mp.reachEnd });
    at += length;
  }
  return fields;
}

test("routes of keyed families are packed up to the limit, and one that fits nowhere is refused", () => {
  const codec = nlriCodecOf("ipv4-flowspec");
  assert.ok(codec !== undefined);
  const { nextHop: _, ...shared } = full;
  const head = announceHeadMp("ipv4-flowspec", shared, noNextHop, undefined, internal);
  const builder = new UpdateBuilder(4096);
  builder.begin(head);
  const room = nlriRoomOf(head, 4096);
  // Components of ports with as many terms as make the wanted length.
  const keyOf = (length: number): Uint8Array => {
    const key = new Uint8Array(length).fill(1);
    key[0] = 4;
    for (let i = 1; i < length; i += 2) key[i] = i + 2 === length ? 0x81 : 1;
    return key;
  };
  const none = new Uint8Array(0);
  const widest = room - 2 - ((room - 2) % 2 === 0 ? 1 : 0);
  const sizes = [3, 3, 401, widest, 3, widest - 4];
  assert.equal(builder.nlri(codec, undefined, keyOf(widest + 2), none), false);
  assert.equal(builder.nlri(codec, 7, keyOf(widest), none), false);
  for (const size of sizes) assert.ok(builder.nlri(codec, undefined, keyOf(size), none));
  const walked: number[] = [];
  const fields = reachFields(builder.finish());
  for (const { bytes, start, end } of fields) {
    codec.walk(bytes, start, end, { addPath: false, withdrawn: false }, ({ keyLength }) => {
      walked.push(keyLength);
    });
  }
  assert.deepEqual(walked, sizes);
  assert.equal(fields.length, 3);
});

test("End-of-RIB of every family comes back", () => {
  for (const family of addressFamilyNames) {
    const message = encodeEndOfRib(family);
    const parts = splitUpdate(message, headerLength, message.length, newUpdateParts());
    const mp = locateMp(message, parts.attributesStart, parts.attributesEnd, newMpParts());
    assert.equal(endOfRibOf(parts, mp), family);
  }
});

test("End-of-RIB is recognised, and nothing else is", () => {
  const familyOf = (message: Uint8Array): string | undefined => {
    const parts = splitUpdate(message, headerLength, message.length, newUpdateParts());
    const mp = locateMp(message, parts.attributesStart, parts.attributesEnd, newMpParts());
    return endOfRibOf(parts, mp);
  };
  assert.equal(familyOf(encodeEndOfRib("ipv4-unicast")), "ipv4-unicast");
  assert.equal(familyOf(encodeEndOfRib("ipv6-unicast")), "ipv6-unicast");
  const builder = new UpdateBuilder(4096);
  builder.begin(withdrawHeadMp("ipv6-unicast"));
  append(builder, prefixOf(parseIp6("fd00::"), 8));
  assert.equal(familyOf(builder.finish()), undefined);
});

test("splitUpdate() resets on lengths that contradict each other", () => {
  for (const hex of ["0000", "0001 0000", "0000 0001", "0005 00 0000", "0000 0002 40"]) {
    const bytes = fromHex(hex);
    assert.throws(
      () => splitUpdate(bytes, 0, bytes.length, newUpdateParts()),
      (error: unknown) => error instanceof DecodeError && error.action === "reset",
    );
  }
});

test("prefix walkers mask host bits and reject lengths beyond the family before the first call", () => {
  const seen: string[] = [];
  const note = (address: number, length: number): void => {
    seen.push(formatPrefix(prefixFromWords4(address, length)));
  };
  const good = fromHex("00 0c ac1f 20 ffffffff 11 0a00ff");
  walkPrefixes4(good, 0, good.length, note);
  assert.deepEqual(seen, ["0.0.0.0/0", "172.16.0.0/12", "255.255.255.255/32", "10.0.128.0/17"]);
  for (const hex of ["18 0a0000 21 0a000000 00", "18 0a0000 18 0a00"]) {
    const bad = fromHex(hex);
    assert.throws(() => walkPrefixes4(bad, 0, bad.length, note), DecodeError);
  }
  assert.equal(seen.length, 4);
});

test("arbitrary and mutated UPDATE bodies cause nothing but DecodeError", () => {
  const tunnelling = `c0 16 09 00 06 000064 0aff0001
    c0 17 20 0008 001c 01 0c c0 002774 0200000000ff 0000 06 0a 00000000 0001 0aff0001 07 00
    c0 19 14 ${"02".repeat(20)} 80 1a 0b 01 000b 0000000000000005 c0 23 04 0000fdeb
    80 0e 24 0019 46 04 0a000001 00 03 11 0000fde800000001 00000000 20 0aff0001 ${"06".repeat(8)}`;
  const attributes = fromHex(fullHex + tunnelling);
  const seed = fromHex(
    `0000 ${attributes.length.toString(16).padStart(4, "0")} ${toHex(attributes)} 180a0000`,
  );
  const every: CodecContext = {
    ...external,
    families: addressFamilyNames,
    extendedNextHop: ["ipv4-unicast", "ipv4-vpn"],
    aigp: true,
  };
  const run = (body: Uint8Array): void => {
    try {
      const parts = splitUpdate(body, 0, body.length, newUpdateParts());
      const block = body.subarray(parts.attributesStart, parts.attributesEnd);
      const mp = locateMp(block, 0, block.length, newMpParts());
      endOfRibOf(parts, mp);
      for (const cx of [internal, external, oldPeer, memberExternal, every]) {
        decodeAttributes(block, cx);
      }
      walkPrefixes4(body, parts.nlriStart, parts.nlriEnd, () => undefined);
      if (mp.reachStart >= 0) walkPrefixes6(block, mp.reachNlriStart, mp.reachEnd, () => undefined);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 6 }),
      (edits) => {
        const body = seed.slice();
        for (const [at, value] of edits) body[at] = value;
        run(body);
      },
    ),
    { numRuns: 15_000, seed: 1 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), run), { numRuns: 5000, seed: 1 });
});

test("AS paths as text, both ways", () => {
  const confederation: AsPathSegment[] = [
    { type: "confed-sequence", asns: [65010 as Asn, 65011 as Asn] },
    { type: "confed-set", asns: [65012 as Asn, 65013 as Asn] },
    sequence(65001, 4200000000),
    { type: "set", asns: [1 as Asn, 2 as Asn] },
    sequence(7),
  ];
  const text = "(65010 65011) [65012,65013] 65001 4200000000 {1,2} 7";
  assert.equal(formatAsPath(confederation), text);
  assert.deepEqual(parseAsPath(text), confederation);
  assert.deepEqual(parseAsPath(" 1.5  2 "), [sequence(65541, 2)]);
  assert.deepEqual(parseAsPath(""), []);
  for (const bad of ["1 x", "{1", "()", "{}", "1,2", "0", "(1,2)"]) {
    assert.throws(() => parseAsPath(bad), SyntaxError, bad);
  }
});

test("confederation segments: put in front, not counted, taken away at the boundary", () => {
  const outside = [sequence(65001, 65002)];
  const inside = prependConfederationAsn(outside, 65010 as Asn);
  const further = prependConfederationAsn(inside, 65011 as Asn);
  assert.equal(formatAsPath(further), "(65011 65010) 65001 65002");
  assert.equal(asPathLength(further), 2);
  assert.equal(firstAsnOf(further), 65001);
  assert.deepEqual(withoutConfederation(further), outside);
  const w = new Writer(100);
  encodeAsPath(w, further, 4);
  assert.deepEqual(decodeAsPath(w.view(), 4), further);
});
