import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex, Writer } from "@heddle/codec";
import { formatIp, formatPrefix, parseIfindex, parseIp, parseMac, parsePrefix } from "@heddle/inet";
import { splitMessages } from "@heddle/native";
import fc from "fast-check";
import { encodeBatch } from "./batch.ts";
import {
  decodeAddress,
  decodeEvent,
  decodeFilter,
  decodeLink,
  decodeNeighbor,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  deleteRoute,
  NetlinkError,
  newAddress,
  newBpfFilter,
  newClsact,
  newLink,
  newNeighbor,
  newRoute,
  newRule,
  type Request,
} from "./mod.ts";
import { requestError } from "./netlink-error.ts";

const ifindex = parseIfindex(7);

/** The payload that a request would send. */
function payloadOf(request: Request): Uint8Array {
  const [message] = [...splitMessages(encodeBatch([request], 1))];
  assert.ok(message !== undefined);
  return message.payload;
}

test("requests have the bytes of the kernel's structures", () => {
  // ip route replace 192.0.2.0/24 via 10.0.0.1 dev (7) proto bgp
  const route = newRoute(
    {
      prefix: parsePrefix("192.0.2.0/24"),
      protocol: 186,
      nexthops: [{ via: parseIp("10.0.0.1"), ifindex }],
    },
    "replace",
  );
  assert.equal(
    toHex(encodeBatch([route], 5)),
    "3c00000018000505" +
      "0500000000000000" +
      "02180000feba000100000000" +
      "08000100c0000200" +
      "08000f00fe000000" +
      "080005000a000001" +
      "0800040007000000",
  );
  // tc qdisc add dev (7) ingress_block 77 egress_block 78 clsact
  assert.equal(
    toHex(payloadOf(newClsact(ifindex, { ingress: 77, egress: 78 }))),
    "00000000070000000000fffff1ffffff00000000" +
      "0b000100636c7361637400" +
      "00" +
      "08000d004d000000" +
      "08000e004e000000",
  );
});

test("a batch numbers its messages, aligns them and has the last acknowledged", () => {
  const bytes = encodeBatch(
    [newLink({ name: "a", kind: { name: "bridge" } }), newClsact(ifindex)],
    0xffffffff,
  );
  const messages = [...splitMessages(bytes)];
  assert.deepEqual(
    messages.map(({ sequence, type, flags }) => [sequence, type, flags]),
    [
      [0xffffffff, 16, 0x601],
      [0, 36, 0x605],
    ],
  );
  assert.equal(bytes.length % 4, 0);
});

test("decoders read what the encoders write", () => {
  const route = {
    prefix: parsePrefix("fd00::/64"),
    table: 70_000,
    protocol: 72,
    metric: 5,
    nexthops: [
      { via: parseIp("fe80::1"), ifindex, weight: 3, flags: 4 },
      { via: undefined, ifindex: parseIfindex(8), weight: 256, flags: 0 },
    ],
  };
  const decoded = decodeRoute(payloadOf(newRoute(route)));
  assert.deepEqual(
    [decoded.prefix, decoded.table, decoded.protocol, decoded.metric, decoded.nexthops],
    [route.prefix, 70_000, 72, 5, route.nexthops],
  );
  const address = decodeAddress(
    payloadOf(
      newAddress({ ifindex, address: parseIp("10.0.0.1"), prefixLength: 31, flags: 0x200 }),
    ),
  );
  assert.deepEqual(
    [formatIp(address.address), address.prefixLength, address.flags],
    ["10.0.0.1", 31, 0x200],
  );
  const mac = parseMac("02:00:00:00:00:01");
  const neighbor = decodeNeighbor(
    payloadOf(newNeighbor({ ifindex, address: parseIp("fd00::1"), mac, protocol: 72 })),
  );
  assert.deepEqual([neighbor.mac, neighbor.protocol, neighbor.af], [mac, 72, 10]);
  const rule = decodeRule(
    payloadOf(newRule({ family: 6, priority: 9, table: 300, destination: route.prefix })),
  );
  assert.deepEqual(
    [rule.family, rule.priority, rule.table, rule.destination],
    [6, 9, 300, route.prefix],
  );
  const hook = { ifindex, side: "egress" } as const;
  const filter = decodeFilter(
    payloadOf(newBpfFilter({ hook, handle: 3, priority: 40_000, programFd: 9, name: "x" })),
  );
  assert.deepEqual(
    [filter.hook, filter.handle, filter.priority, filter.protocol, filter.bpf?.name],
    [hook, 3, 40_000, 3, "x"],
  );
});

test("a deletion matches any protocol, type and scope unless told", () => {
  const prefix = parsePrefix("10.0.0.0/8");
  assert.equal(
    toHex(payloadOf(deleteRoute({ prefix }))),
    "02080000fe00ff0000000000" + "080001000a000000" + "08000f00fe000000",
  );
});

test("attributes that nobody knows survive", () => {
  const known = payloadOf(
    newNeighbor({ ifindex, address: parseIp("10.0.0.1"), mac: parseMac("02:00:00:00:00:01") }),
  );
  const w = new Writer(256);
  w.bytes(known).bytes(fromHex("0900 ff3f aabbccddee 000000"));
  const { attributes } = decodeNeighbor(w.view());
  assert.deepEqual(attributes, [{ type: 0x3fff, value: fromHex("aabbccddee") }]);
});

test("an acknowledgement without CAP_ACK has its text after the request's payload", () => {
  const text = "0a000100 626164 2e6e 00 0000";
  const rest = fromHex(`14000000 1800 0506 01000000 00000000 aabbccdd ${text}`);
  const error = requestError(
    "add route",
    { sequence: 1, errno: 22, flags: 0x200, rest },
    { index: 0, count: 1 },
  );
  assert.equal(error.message, "Cannot add route: Invalid argument (EINVAL); bad.n");
  assert.equal(error.code, "EINVAL");
});

test("decoders of fuzzed payloads return or throw a NetlinkError, nothing else", () => {
  const decoders = [
    decodeLink,
    decodeAddress,
    decodeRoute,
    decodeRule,
    decodeNeighbor,
    decodeQdisc,
    decodeFilter,
  ];
  const samples = [
    payloadOf(
      newLink({
        name: "hv1",
        mtu: 1500,
        kind: { name: "veth", peer: { name: "eth0", ifindex } },
        alias: "a",
        addrGenMode: 1,
      }),
    ),
    payloadOf(
      newRoute({
        prefix: parsePrefix("10.0.0.0/8"),
        protocol: 4,
        nexthops: [
          { via: parseIp("fe80::1"), ifindex },
          { via: parseIp("10.0.0.1"), ifindex },
        ],
      }),
    ),
    payloadOf(newClsact(ifindex, { ingress: 1 })),
    payloadOf(newRule({ family: 4, priority: 1, source: parsePrefix("10.0.0.0/8") })),
  ];
  const mutated = fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.nat(),
    )
    .map(([sample, changes, cut]) => {
      const bytes = sample.slice(0, sample.length - (cut % 3 === 0 ? cut % sample.length : 0));
      for (const [at, value] of changes) bytes[at % Math.max(1, bytes.length)] = value;
      return bytes;
    });
  const accepted = new Set<number>();
  const anyBytes = fc.oneof(mutated, fc.uint8Array({ maxLength: 96 }));
  fc.assert(
    fc.property(anyBytes, fc.constantFrom(...decoders), (bytes, decode) => {
      try {
        decode(bytes);
        accepted.add(decoders.indexOf(decode));
      } catch (error) {
        assert.ok(error instanceof NetlinkError, String(error));
        assert.equal(error.code, "MALFORMED");
      }
    }),
    { numRuns: 5000 },
  );
  assert.ok(accepted.size >= 5, "the fuzz reaches past the first check of most decoders");
});

test("decodeEvent() ignores types that it does not know and tells new from delete", () => {
  const payload = payloadOf(
    newRoute({ prefix: parsePrefix("10.0.0.0/8"), protocol: 4, nexthops: [] }),
  );
  const message = { flags: 0, sequence: 0, payload };
  assert.equal(decodeEvent({ ...message, type: 9999 }), undefined);
  const event = decodeEvent({ ...message, type: 25 });
  assert.ok(event?.object === "route");
  assert.deepEqual([event.change, formatPrefix(event.route.prefix)], ["delete", "10.0.0.0/8"]);
});

test("a link without an Ethernet address keeps the raw one", () => {
  const w = new Writer(256);
  // Header of ifindex 3, then IFLA_ADDRESS of 4 bytes (an IPIP tunnel) and IFLA_IFNAME.
  w.bytes(fromHex("00000000 03000000 00000000 00000000"));
  w.bytes(fromHex("0800 0100 0a000001 0900 0300 74756e6c 30000000"));
  const link = decodeLink(w.view());
  assert.deepEqual([link.name, link.mac], ["tunl0", undefined]);
  assert.deepEqual(link.attributes, [{ type: 1, value: fromHex("0a000001") }]);
});
