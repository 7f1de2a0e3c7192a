import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "@heddle/codec";
import { parseIp4 } from "@heddle/inet";
import { seededRng } from "@heddle/std";
import fc from "fast-check";
import { DecodeError, type NotificationCause } from "../errors.ts";
import type { Capability } from "./capability.ts";
import { Framer } from "./framing.ts";
import { encodeKeepalive } from "./keepalive.ts";
import {
  ceaseWithText,
  decodeNotification,
  encodeNotification,
  formatNotification,
  hardReset,
  shutdownTextOf,
} from "./notification.ts";
import { decodeOpen, encodeOpen, type Open } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";
import { encodeEndOfRib } from "./update-builder.ts";

const marker = "ff".repeat(16);

interface Fixture<T> {
  readonly name: string;
  /** The whole message. */
  readonly hex: string;
  readonly value: T;
}

const opens: readonly Fixture<Open>[] = [
  {
    name: "without capabilities",
    hex: `${marker} 001d 01  04 fde9 00b4 0a000001 00`,
    value: { asn: 65001, holdTimeS: 180, routerId: parseIp4("10.0.0.1"), capabilities: [] },
  },
  {
    name: "of a node in AS 4200000000 with everything this speaker sends",
    hex: `${marker} 0046 01  04 5ba0 0009 ac100001 29
      02 27  0104 0001 00 01  0104 0002 00 01  0200  4600  0600  4104 fa56ea00
      400a c078 0001 01 80 0002 01 00  0901 02`,
    value: {
      asn: 4200000000,
      holdTimeS: 9,
      routerId: parseIp4("172.16.0.1"),
      capabilities: [
        { kind: "multiprotocol", afi: 1, safi: 1 },
        { kind: "multiprotocol", afi: 2, safi: 1 },
        { kind: "route-refresh" },
        { kind: "enhanced-route-refresh" },
        { kind: "extended-message" },
        { kind: "four-octet-as", asn: 4200000000 },
        {
          kind: "graceful-restart",
          restarting: true,
          notification: true,
          restartTimeS: 120,
          families: [
            { afi: 1, safi: 1, forwarding: true },
            { afi: 2, safi: 1, forwarding: false },
          ],
        },
        { kind: "role", role: 2 },
      ],
    },
  },
  {
    name: "with the capabilities of several paths, long-lived restart and a name",
    hex: `${marker} 0053 01  04 fde9 0000 0a000001 36  02 34
      0506 0001 0001 0002  4508 0001 01 03 0019 46 01
      4715 0001 01 80 015180  0019 46 00 000e10  0002 80 00 ffffff
      4909 04 6c656166 03 6c6162`,
    value: {
      asn: 65001,
      holdTimeS: 0,
      routerId: parseIp4("10.0.0.1"),
      capabilities: [
        { kind: "extended-next-hop", families: [{ afi: 1, safi: 1, nextHopAfi: 2 }] },
        {
          kind: "add-path",
          families: [
            { afi: 1, safi: 1, receive: true, send: true },
            { afi: 25, safi: 70, receive: true, send: false },
          ],
        },
        {
          kind: "long-lived-graceful-restart",
          families: [
            { afi: 1, safi: 1, forwarding: true, staleTimeS: 86400 },
            { afi: 25, safi: 70, forwarding: false, staleTimeS: 3600 },
            { afi: 2, safi: 128, forwarding: false, staleTimeS: 0xffffff },
          ],
        },
        { kind: "fqdn", hostName: "leaf", domainName: "lab" },
      ],
    },
  },
  {
    name: "with an unknown capability",
    hex: `${marker} 0024 01  04 fde9 0000 0a000001 07  02 05  49 03 026d00`,
    value: {
      asn: 65001,
      holdTimeS: 0,
      routerId: parseIp4("10.0.0.1"),
      capabilities: [{ kind: "unknown", code: 73, value: fromHex("026d00") }],
    },
  },
];

function bodyOf(message: Uint8Array): Uint8Array {
  return message.subarray(19);
}

for (const { name, hex, value } of opens) {
  test(`OPEN ${name}, both ways`, () => {
    const bytes = fromHex(hex);
    assert.deepEqual(decodeOpen(bodyOf(bytes)), value);
    assert.equal(toHex(encodeOpen(value)), toHex(bytes));
  });
}

test("decodeOpen() reads the extended optional parameters of RFC 9072", () => {
  const body = fromHex("04 fde9 00b4 0a000001 ff ff 0009  02 0006 4104 0000fde9");
  assert.deepEqual(decodeOpen(body).capabilities, [{ kind: "four-octet-as", asn: 65001 }]);
});

test("decodeOpen() takes one capability of a kind, the last of those for restart", () => {
  const restart = (seconds: string): string => `4006 4${seconds} 0001 01 00`;
  const longLived = (time: string): string => `4707 0001 01 00 ${time}`;
  const twice = [
    restart("078"),
    restart("00a"),
    longLived("000001"),
    longLived("000002"),
    "4504 0001 01 01",
    "4504 0001 01 02",
    "0901 03",
    "0901 03",
  ];
  const value = fromHex(twice.join(""));
  const head = `04 fde9 00b4 0a000001 ${toHex(Uint8Array.of(value.length + 2, 2, value.length))}`;
  const body = fromHex(`${head} ${toHex(value)}`);
  assert.deepEqual(decodeOpen(body).capabilities, [
    {
      kind: "graceful-restart",
      restarting: false,
      notification: true,
      restartTimeS: 10,
      families: [{ afi: 1, safi: 1, forwarding: false }],
    },
    {
      kind: "long-lived-graceful-restart",
      families: [{ afi: 1, safi: 1, forwarding: false, staleTimeS: 2 }],
    },
    { kind: "add-path", families: [{ afi: 1, safi: 1, receive: true, send: false }] },
    { kind: "role", role: 3 },
  ]);
});

test("a name that a peer gives itself cannot write to a terminal, and ours is cut to fit", () => {
  const body = fromHex("04 fde9 00b4 0a000001 0a 02 08 49 06 03 1b5b41 01 0a");
  assert.deepEqual(decodeOpen(body).capabilities, [
    { kind: "fqdn", hostName: " [A", domainName: " " },
  ]);
  const fqdn = { kind: "fqdn", hostName: "ü".repeat(200), domainName: "x".repeat(200) } as const;
  const open = { asn: 1, holdTimeS: 0, routerId: parseIp4("10.0.0.1"), capabilities: [fqdn] };
  assert.deepEqual(decodeOpen(bodyOf(encodeOpen(open))).capabilities, [
    { kind: "fqdn", hostName: "ü".repeat(63), domainName: "x".repeat(126) },
  ]);
});

test("an ADD-PATH tuple with another Send/Receive value is ignored (RFC 7911 4)", () => {
  const body = fromHex("04 fde9 00b4 0a000001 0c 02 0a 45 08 0001 01 04 0002 01 03");
  assert.deepEqual(decodeOpen(body).capabilities, [
    { kind: "add-path", families: [{ afi: 2, safi: 1, receive: true, send: true }] },
  ]);
});

const badOpens: readonly (readonly [name: string, hex: string, subcode: number, data: string])[] = [
  ["version 3", "03 fde9 00b4 0a000001 00", 1, "0004"],
  ["AS 0", "04 0000 00b4 0a000001 00", 2, ""],
  ["hold time 1", "04 fde9 0001 0a000001 00", 6, ""],
  ["hold time 2", "04 fde9 0002 0a000001 00", 6, ""],
  ["BGP Identifier 0", "04 fde9 00b4 00000000 00", 3, ""],
  ["an authentication parameter", "04 fde9 00b4 0a000001 03 010100", 4, ""],
  ["parameters beyond its end", "04 fde9 00b4 0a000001 05 0200", 0, ""],
  ["octets behind its parameters", "04 fde9 00b4 0a000001 00 00", 0, ""],
  ["a capability beyond its parameter", "04 fde9 00b4 0a000001 04 0202 4104", 0, ""],
  ["two different roles", "04 fde9 00b4 0a000001 08 0206 090100 090103", 11, ""],
  ["an ADD-PATH capability of 3 octets", "04 fde9 00b4 0a000001 07 0205 4503000101", 0, ""],
  ["an LLGR capability of 6 octets", "04 fde9 00b4 0a000001 0a 0208 4706000101000000", 0, ""],
  ["a multiprotocol capability of 3 octets", "04 fde9 00b4 0a000001 07 0205 0103000100", 0, ""],
];
for (const [name, hex, subcode, data] of badOpens) {
  test(`decodeOpen() rejects ${name}`, () => {
    assert.throws(
      () => decodeOpen(fromHex(hex)),
      (error: unknown) => {
        assert.ok(error instanceof DecodeError);
        const { code, subcode: got, data: bytes } = error.notification;
        assert.deepEqual([error.action, code, got, toHex(bytes)], ["reset", 2, subcode, data]);
        return true;
      },
    );
  });
}

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("multiprotocol" as const),
      afi: fc.nat(0xffff),
      safi: fc.nat(0xff),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      kind: fc.constant("unknown" as const),
      code: fc.integer({ min: 100, max: 255 }),
      value: fc.uint8Array({ maxLength: 40 }),
    },
    { noNullPrototype: true },
  ),
);

test("an OPEN with any capabilities survives a round trip", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 65535 }),
      fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 65535 })),
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.uniqueArray(capability, {
        maxLength: 30,
        comparator: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      }),
      (asn, holdTimeS, id, capabilities) => {
        const open = { asn, holdTimeS, routerId: id as Open["routerId"], capabilities };
        assert.deepEqual(decodeOpen(bodyOf(encodeOpen(open))), open);
      },
    ),
  );
});

const notifications: readonly (Fixture<NotificationCause> & { readonly shown: string })[] = [
  {
    name: "hold timer expired",
    hex: `${marker} 0015 03 0400`,
    value: { code: 4, subcode: 0, data: new Uint8Array(0) },
    shown: "Hold Timer Expired (4/0)",
  },
  {
    name: "shutdown with text",
    hex: `${marker} 0019 03 0602 03 627965`,
    value: { code: 6, subcode: 2, data: fromHex("03627965") },
    shown: "Cease/Administrative Shutdown (6/2): bye",
  },
  {
    name: "of an unknown code",
    hex: `${marker} 0016 03 6309 01`,
    value: { code: 99, subcode: 9, data: fromHex("01") },
    shown: "error 99/9",
  },
];
for (const { name, hex, value, shown } of notifications) {
  test(`NOTIFICATION ${name}, both ways`, () => {
    const bytes = fromHex(hex);
    assert.deepEqual(decodeNotification(bodyOf(bytes)), value);
    assert.equal(toHex(encodeNotification(value)), toHex(bytes));
    assert.equal(formatNotification(value), shown);
  });
}

test("shutdown text is cut at a character and stripped of control characters", () => {
  const cause = ceaseWithText(2, `\u001b[31m${"ü".repeat(200)}`);
  assert.equal(cause.data.length, 1 + 255);
  assert.equal(shutdownTextOf(cause), ` [31m${"ü".repeat(125)}`);
  assert.equal(shutdownTextOf({ code: 6, subcode: 2, data: fromHex("05 6162") }), undefined);
});

test("a hard reset shows what it wraps, once", () => {
  const wrapped = hardReset(ceaseWithText(2, "bye"));
  assert.equal(
    formatNotification(wrapped),
    "Cease/Hard Reset (6/9): Cease/Administrative Shutdown (6/2): bye",
  );
  assert.equal(formatNotification(hardReset(wrapped)), "Cease/Hard Reset (6/9)");
});

test("KEEPALIVE, ROUTE-REFRESH and End-of-RIB have their RFC encodings", () => {
  assert.equal(toHex(encodeKeepalive()), `${marker}001304`);
  const refresh = { afi: 2, safi: 1, subtype: 0 };
  assert.equal(toHex(encodeRouteRefresh(refresh)), `${marker}00170500020001`);
  assert.deepEqual(decodeRouteRefresh(fromHex("00020001")), refresh);
  assert.equal(toHex(encodeEndOfRib("ipv4-unicast")), `${marker}00170200000000`);
  assert.equal(
    toHex(encodeEndOfRib("ipv6-unicast")),
    `${marker}001e02 0000 0007 900f0003 000201`.replaceAll(" ", ""),
  );
});

test("a ROUTE-REFRESH of another length is refused with the whole message as data", () => {
  for (const body of ["", "000100", "00010101 01 40 0004 00000000"]) {
    const length = (19 + fromHex(body).length).toString(16).padStart(4, "0");
    const message = fromHex(`${marker} ${length} 05 ${body}`);
    const bodies: Uint8Array[] = [];
    new Framer().push(message, (_type, bytes, start, end) => {
      bodies.push(bytes.slice(start, end));
      return true;
    });
    assert.throws(
      () => decodeRouteRefresh(bodies[0] as Uint8Array),
      (error: unknown) => {
        assert.ok(error instanceof DecodeError && error.action === "reset");
        assert.deepEqual(error.notification, { code: 7, subcode: 1, data: message });
        return true;
      },
    );
  }
});

test("demarcation of a refresh and unknown subtypes are read (RFC 7313 3.2, 5)", () => {
  for (const subtype of [0, 1, 2, 3, 255]) {
    const refresh = { afi: 25, safi: 70, subtype };
    const message = encodeRouteRefresh(refresh);
    assert.deepEqual(decodeRouteRefresh(bodyOf(message)), refresh);
  }
});

test("a send hold timer and a role mismatch have names", () => {
  const data = new Uint8Array(0);
  assert.equal(formatNotification({ code: 8, subcode: 0, data }), "Send Hold Timer Expired (8/0)");
  const mismatch = formatNotification({ code: 2, subcode: 11, data });
  assert.equal(mismatch, "OPEN Message Error/Role Mismatch (2/11)");
});

/** What a framer makes of `stream`, cut at the given sizes. */
function framed(stream: Uint8Array, cuts: readonly number[]): string[] {
  const framer = new Framer();
  const seen: string[] = [];
  let at = 0;
  for (let i = 0; at < stream.length; i += 1) {
    const size = Math.max(1, cuts[i % cuts.length] as number);
    framer.push(stream.subarray(at, at + size), (type, bytes, start, end) => {
      seen.push(`${type}:${toHex(bytes.subarray(start, end))}`);
      return true;
    });
    at += size;
  }
  return seen;
}

test("a framer finds the same messages however the stream is cut", () => {
  const messages = [
    ...opens.map((open) => fromHex(open.hex)),
    encodeKeepalive(),
    encodeEndOfRib("ipv6-unicast"),
    encodeNotification(ceaseWithText(2, "x".repeat(200))),
    encodeKeepalive(),
  ];
  const stream = Uint8Array.from(messages.flatMap((message) => [...message]));
  const whole = framed(stream, [stream.length]);
  assert.equal(whole.length, messages.length);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (cuts) => {
      assert.deepEqual(framed(stream, cuts), whole);
    }),
  );
});

const badStreams: readonly (readonly [name: string, hex: string, cause: string])[] = [
  ["text with its first octets", "474554", "1/1 "],
  ["a bad marker", `${"ff".repeat(15)}fe 0013 04`, "1/1 "],
  ["a length below the header", `${marker} 0012 04`, "1/2 0012"],
  ["a length above 4096", `${marker} 1001 02`, "1/2 1001"],
  ["an unknown type", `${marker} 0013 09`, "1/3 09"],
  ["a KEEPALIVE with a body", `${marker} 0014 04`, "1/2 0014"],
  ["a short OPEN", `${marker} 001c 01`, "1/2 001c"],
];
for (const [name, hex, cause] of badStreams) {
  test(`a framer refuses ${name}`, () => {
    for (const cuts of [[1000], [1], [7, 11]]) {
      assert.throws(
        () => framed(fromHex(hex), cuts),
        (error: unknown) => {
          assert.ok(error instanceof DecodeError);
          const { code, subcode, data } = error.notification;
          assert.equal(`${code}/${subcode} ${toHex(data)}`, cause);
          return true;
        },
      );
    }
  });
}

test("a framer takes 65535 octets once extended messages are allowed, in any pieces", () => {
  const message = new Uint8Array(65535).fill(0xff, 0, 16);
  message.set([0xff, 0xff, 2], 16);
  for (const size of [65535, 1000, 4096]) {
    const framer = new Framer();
    framer.allowExtended();
    let lengths = 0;
    for (let at = 0; at < message.length; at += size) {
      framer.push(message.subarray(at, at + size), (_type, _bytes, start, end) => {
        lengths += end - start;
        return true;
      });
    }
    assert.equal(lengths, 65535 - 19);
  }
});

test("a framer stops when its visitor says so", () => {
  const framer = new Framer();
  const two = Uint8Array.from([...encodeKeepalive(), ...encodeKeepalive()]);
  let count = 0;
  const visit = (): boolean => {
    count += 1;
    return false;
  };
  framer.push(two, visit);
  framer.push(two, visit);
  assert.equal(count, 1);
});

test("decoders of arbitrary and mutated bodies throw nothing but DecodeError", () => {
  const rng = seededRng(17);
  const decoders = [decodeOpen, decodeNotification, decodeRouteRefresh];
  const seeds = [...opens.map((open) => bodyOf(fromHex(open.hex))), new Uint8Array(40)];
  let refused = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const body = (seeds[rng.uint32() % seeds.length] as Uint8Array).slice();
    for (let edits = rng.uint32() % 6; edits > 0; edits -= 1) {
      body[rng.uint32() % body.length] = rng.uint32() & 0xff;
    }
    const end = rng.uint32() % 4 === 0 ? rng.uint32() % body.length : body.length;
    for (const decode of decoders) {
      try {
        decode(body.subarray(0, end));
      } catch (error) {
        assert.ok(error instanceof DecodeError && error.action === "reset", String(error));
        refused += 1;
      }
    }
  }
  assert.ok(refused > 20_000);
});
