import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@heddle/codec";
import { parseIp, parseIp4 } from "@heddle/inet";
import { encodeKeepalive } from "../packet/keepalive.ts";
import { encodeOpen } from "../packet/open.ts";
import { encodeEndOfRib } from "../packet/update-builder.ts";
import { BmpError } from "./bmp-error.ts";
import { decodeBmp } from "./decode-bmp.ts";
import { encodeBmp } from "./encode-bmp.ts";
import { BmpFramer } from "./framing.ts";
import type { BmpMessage, BmpPeer } from "./message.ts";

const marker = "ff".repeat(16);
const peer: BmpPeer = {
  ...{ type: 0, distinguisher: 0n, address: parseIp("192.0.2.1"), asn: 65001 },
  ...{ routerId: parseIp4("10.0.0.1"), postPolicy: false, twoOctetAs: false, adjRibOut: false },
  ...{ filtered: false, atUs: 1_700_000_000_000_123n },
};
const locRib: BmpPeer = { ...peer, type: 3, address: parseIp("0.0.0.0") };
const header = `00 00 0000000000000000 000000000000000000000000 c0000201 0000fde9 0a000001 6553f100 0000007b`;
const header6 = `00 d0 0000000000000000 20010db8000000000000000000000001 0000fde9 0a000001 6553f100 0000007b`;
const headerLocRib = `0000000000000000 ${"00".repeat(16)} 0000fde9 0a000001 6553f100 0000007b`;
const open = encodeOpen({
  ...{ asn: 65001, holdTimeS: 9, routerId: parseIp4("10.0.0.1"), capabilities: [] },
});
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

const vectors: readonly (readonly [name: string, value: BmpMessage, hex: string])[] = [
  [
    "initiation",
    {
      kind: "initiation",
      information: [
        { type: 1, value: ascii("heddle") },
        { type: 2, value: ascii("rs1") },
      ],
    },
    "03 00000017 04 0001 0006 686564646c65 0002 0003 727331",
  ],
  [
    "termination with a reason",
    { kind: "termination", information: [{ type: 1, value: Uint8Array.of(0, 0) }] },
    "03 0000000c 05 0001 0002 0000",
  ],
  [
    "route monitoring of an End-of-RIB",
    { kind: "route-monitoring", peer, update: encodeEndOfRib("ipv4-unicast") },
    `03 00000047 00 ${header} ${marker} 0017 02 00000000`,
  ],
  [
    "peer down with a NOTIFICATION, after policy, Adj-RIB-Out, IPv6",
    {
      kind: "peer-down",
      peer: { ...peer, address: parseIp("2001:db8::1"), postPolicy: true, adjRibOut: true },
      ...{ reason: 3, information: [] },
      data: fromHex(`${marker} 0015 03 0602`),
    },
    `03 00000046 02 ${header6} 03 ${marker} 0015 03 0602`,
  ],
  [
    "peer down by an FSM event",
    { kind: "peer-down", peer, reason: 2, data: Uint8Array.of(0, 9), information: [] },
    `03 00000033 02 ${header} 02 0009`,
  ],
  [
    "peer down of a filtered Loc-RIB, with its name",
    {
      ...{ kind: "peer-down", peer: { ...locRib, filtered: true }, reason: 6 },
      ...{ data: new Uint8Array(0), information: [{ type: 3, value: ascii("global") }] },
    },
    `03 0000003b 02 03 80 ${headerLocRib} 06 0003 0006 676c6f62616c`,
  ],
  [
    "route monitoring of a Loc-RIB",
    { kind: "route-monitoring", peer: locRib, update: encodeEndOfRib("ipv4-unicast") },
    `03 00000047 00 03 00 ${headerLocRib} ${marker} 0017 02 00000000`,
  ],
  [
    "peer up with the name of a table and a label",
    {
      ...{ kind: "peer-up", peer: locRib, localAddress: parseIp("0.0.0.0"), localPort: 0 },
      ...{ remotePort: 0, sentOpen: open, receivedOpen: open },
      information: [
        { type: 3, value: ascii("global") },
        { type: 4, value: ascii("a") },
      ],
    },
    `03 0000008d 03 03 00 ${headerLocRib} ${"00".repeat(16)} 0000 0000 ${toHex(open)} ${toHex(open)}
     0003 0006 676c6f62616c 0004 0001 61`,
  ],
  [
    "statistics",
    {
      kind: "statistics-report",
      peer,
      statistics: [
        { type: 0, value: 3n },
        { type: 7, value: 2n ** 40n },
        { type: 9, value: 5n, family: { afi: 2, safi: 1 } },
      ],
    },
    `03 00000057 01 ${header} 00000003 0000 0004 00000003 0007 0008 0000010000000000
     0009 000b 0002 01 0000000000000005`,
  ],
  [
    "peer up",
    {
      ...{ kind: "peer-up", peer, localAddress: parseIp("192.0.2.2"), localPort: 179 },
      ...{ remotePort: 40_000, sentOpen: open, receivedOpen: open },
      information: [{ type: 0, value: ascii("x") }],
    },
    `03 00000083 03 ${header} 000000000000000000000000 c0000202 00b3 9c40 ${toHex(open)} ${toHex(open)}
     0000 0001 78`,
  ],
  [
    "route mirroring",
    { kind: "route-mirroring", peer, tlvs: [{ type: 0, value: encodeKeepalive() }] },
    `03 00000047 06 ${header} 0000 0013 ${marker} 0013 04`,
  ],
];

for (const [name, value, hex] of vectors) {
  test(`BMP ${name} both ways`, () => {
    const bytes = fromHex(hex);
    assert.equal(toHex(encodeBmp(value)), toHex(bytes));
    assert.deepEqual(decodeBmp(bytes), value);
  });
}

const refusals: readonly (readonly [hex: string, message: RegExp])[] = [
  ["02 00000006 04", /version 2, want 3/],
  ["03 00000007 04", /length 7, want 6/],
  ["03 00000006 09", /type 9, want 0 to 6/],
  ["03 0000000a 04 0001 0001", /its fields overrun it/],
  [`03 00000030 00 ${header}`, /its fields overrun it/],
  [`03 00000043 00 ${header} ${marker} 0013 04`, /BGP message of type 4, want 2/],
  [`03 0000003a 01 ${header} 00000001 0000 0002 0000`, /statistic 0 of 2 octets, want 4, 8 or 11/],
];

for (const [hex, message] of refusals) {
  test(`decodeBmp() refuses ${message.source}`, () => {
    assert.throws(
      () => decodeBmp(fromHex(hex)),
      (error: unknown) => error instanceof BmpError && message.test(error.message),
    );
  });
}

test("BmpFramer cuts a stream wherever the chunks end", () => {
  const all = vectors.map(([, value]) => toHex(encodeBmp(value)));
  const stream = fromHex(all.join(""));
  for (const size of [1, 5, 6, 47, 1000]) {
    const framer = new BmpFramer();
    const got: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      framer.push(stream.subarray(at, at + size), (message) => got.push(toHex(message)));
    }
    assert.deepEqual(got, all, `chunks of ${size}`);
  }
  assert.throws(() => new BmpFramer().push(fromHex("03 7fffffff 00"), () => undefined), BmpError);
});
