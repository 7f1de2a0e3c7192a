import assert from "node:assert/strict";
import { test } from "node:test";
import { messageTypes } from "@heddle/bgp";
import { describeAttributes, describeBlock, encodeAttributes } from "./attributes.ts";
import type { ReflectorCase, ReflectorFamily, TransitCase } from "./cases.ts";
import { exported, imported, marked, preferred } from "./policy.ts";
import { RouteChecker } from "./route-checker.ts";
import { attributesOf, expectedSets } from "./table.ts";
import { workloadOf } from "./workload.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.fromHex(hex.replace(/ /g, ""));

/** Gives every UPDATE of `stream` to the checker. */
function feed(checker: RouteChecker, stream: Uint8Array): void {
  for (let at = 0; at < stream.length; ) {
    const length = ((stream[at + 16] as number) << 8) | (stream[at + 17] as number);
    assert.equal(stream[at + 18], messageTypes.update);
    checker.update(stream, at + 19, at + length);
    at += length;
  }
}

test("encodeAttributes() writes what describeBlock() reads", () => {
  const attributes = {
    ...{ origin: 2, asns: [65001, 400_000], nextHop: 0x0a630101, med: 7, localPref: 200 },
    ...{ communities: [0xfde80064, 5], extendedCommunities: [0x0002fde800000064n] },
    ...{ largeCommunities: [[200_000, 1, 7]] as const, clusterList: [] },
  };
  const block = encodeAttributes(attributes, true);
  assert.equal(
    block.toHex(),
    bytes(
      "400101 02 40020a 02 02 0000fde9 00061a80 400304 0a630101 800404 00000007 400504 000000c8" +
        "c00808 fde80064 00000005 c01008 0002fde800000064 c0200c 00030d40 00000001 00000007",
    ).toHex(),
  );
  assert.equal(describeBlock(block, new Uint8Array(0)), describeAttributes(attributes));
});

test("describeBlock() takes the next hop of MP_REACH_NLRI and refuses what is not expected", () => {
  const block = bytes("40010100 400200 400504 00000064");
  const mpNextHop = bytes("0000000000000000 0a630201");
  assert.match(describeBlock(block, mpNextHop), /next hop 174260737; .*preference 100;/);
  assert.match(describeBlock(block, new Uint8Array(0)), /^strange: .*no next hop/);
  const twice = bytes("40010100 40010100");
  assert.equal(describeBlock(twice, mpNextHop), "strange: attribute 1 twice");
  assert.equal(describeBlock(bytes("c06300"), mpNextHop), "strange: attribute 99");
  const set = bytes("40010100 400206 0101 0000fde9");
  assert.match(describeBlock(set, mpNextHop), /^strange: AS_PATH/);
});

test("the policy is applied to what is expected", () => {
  const base = { origin: 0, asns: [1], nextHop: 1, med: 5, extendedCommunities: [] };
  const rest = { largeCommunities: [], clusterList: [] };
  const plain = { ...base, ...rest, communities: [9] };
  assert.deepEqual(imported(plain), plain);
  assert.equal(exported(plain).med, undefined);
  const inside = imported({ ...plain, communities: [preferred.value] });
  assert.equal(inside.localPref, 200);
  assert.deepEqual(inside.communities, [preferred.value, marked.value]);
  const outside = exported(inside);
  assert.deepEqual([outside.med, outside.localPref], [10, undefined]);
});

test("only the best sender's attributes of a set are expected", () => {
  const expected = expectedSets(40, 5);
  assert.equal(expected.size, 40);
  const texts = Array.from({ length: 5 }, (_, sender) => attributesOf(7, sender, 5).asns.length);
  assert.equal(texts.indexOf(Math.min(...texts)), 7 % 5);
  assert.equal(new Set(texts).size, 2);
});

const families: readonly ReflectorFamily[] = ["ipv4-unicast", "ipv4-vpn", "evpn"];

for (const family of families) {
  test(`RouteChecker follows ${family} announcements and withdrawals`, () => {
    const what: ReflectorCase = {
      ...{ kind: "reflector", id: "t", title: "t", family, clientCount: 25, routesEach: 3 },
      constrained: false,
    };
    const { endpoints, expectation } = workloadOf(what, "clients");
    assert.ok(expectation !== undefined);
    // Announcements as the clients send them, as if a reflector had changed nothing.
    const classes = new Map<string, number>();
    const unchanged = { ...expectation, classes, blocks: new Map<string, number>() };
    const [first] = endpoints;
    const checker = new RouteChecker(unchanged, first?.wanted as Uint8Array);
    for (const endpoint of endpoints) feed(checker, endpoint.announcements);
    assert.match(checker.summary, /^0 of 72 routes right, 72 present, 0 not expected; such as /);
    for (const endpoint of endpoints) feed(checker, endpoint.withdrawals);
    assert.ok(checker.isEmpty);
  });
}

test("RouteChecker counts routes of other VRFs as not expected", () => {
  const what: ReflectorCase = {
    ...{ kind: "reflector", id: "t", title: "t", family: "evpn", clientCount: 25, routesEach: 3 },
    constrained: true,
  };
  const { endpoints, expectation } = workloadOf(what, "clients");
  assert.ok(expectation !== undefined);
  const checker = new RouteChecker(expectation, endpoints[0]?.wanted as Uint8Array);
  feed(checker, endpoints[20]?.announcements as Uint8Array);
  assert.match(checker.summary, /^0 of 3 routes right, 3 present, 0 not expected/);
  feed(checker, endpoints[1]?.announcements as Uint8Array);
  assert.match(checker.summary, /, 3 present, 3 not expected; such as NLRI 0225/);
  assert.equal(checker.isComplete, false);
});

test("RouteChecker is complete when all routes are there with the right attributes", () => {
  const what: TransitCase = {
    kind: "transit",
    ...{ id: "t", title: "t", routeCount: 50, senderCount: 1, setCount: 8 },
  };
  const [sender] = workloadOf(what, "senders").endpoints;
  const { endpoints, expectation } = workloadOf(what, "receiver");
  assert.ok(expectation !== undefined && sender !== undefined);
  // What is sent counts as what is expected: a speaker between them is the benchmark's part.
  const classes = new Map(
    Array.from({ length: 8 }, (_, set) => [describeAttributes(attributesOf(set, 0, 1)), set]),
  );
  const checker = new RouteChecker({ ...expectation, classes }, endpoints[0]?.wanted as Uint8Array);
  feed(checker, sender.announcements);
  assert.ok(checker.isComplete);
  assert.equal(checker.holds(49), true);
  feed(checker, sender.withdrawals);
  assert.ok(checker.isEmpty && !checker.isComplete);
});
