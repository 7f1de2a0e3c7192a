import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp, parsePrefix, parseRouteTarget } from "@heddle/inet";
import { securityTagOf } from "../packet/extended-community.ts";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { applyActions } from "./actions.ts";
import { CompiledPolicy } from "./evaluate.ts";
import { formatPolicy } from "./format-policy.ts";
import type { Policy } from "./policy.ts";

const route: PathAttributes = {
  origin: 0,
  asPath: [
    { type: "sequence", asns: [65001, 65002] as Asn[] },
    { type: "set", asns: [65003, 65004] as Asn[] },
  ],
  nextHop: parseIp("192.0.2.1"),
  med: 5,
  atomicAggregate: false,
  communities: [0xfde90001],
  extendedCommunities: [parseRouteTarget("65001:7")],
  largeCommunities: [[65001, 1, 2]],
  clusterList: [],
  unknown: [],
};

const policy: Policy = {
  name: "from-leaf",
  terms: [
    {
      name: "bogons",
      match: { prefixes: [{ prefix: parsePrefix("127.0.0.0/8"), le: 32 }] },
      verdict: "reject",
    },
    {
      match: { neighborAsns: [65001 as Asn], communities: { anyOf: [[65001, "any"]] } },
      verdict: "continue",
      actions: { med: { add: 10 }, addCommunities: [0xfde90002] },
    },
    { match: { evpnRouteTypes: [3, 5] }, verdict: "reject" },
    { match: { families: ["evpn"], med: { max: 14 } }, verdict: "reject" },
    {
      match: {
        asPath: {
          kind: "sequence",
          items: [
            { kind: "in", asns: [65001 as Asn] },
            { kind: "repeat", item: { kind: "any" }, min: 0 },
            { kind: "in", asns: [{ from: 65004 as Asn, to: 65010 as Asn }] },
          ],
        },
      },
      verdict: "accept",
      actions: { localPref: 200, nextHop: "self", tag: 9 },
    },
  ],
  otherwise: "reject",
};

test("trace() says of each term why it did not match, which one decided, and what changed", () => {
  const evpn = new CompiledPolicy(policy, "evpn");
  const trace = evpn.trace(route, [0x0a010101, 0, 0, 0], 32, 4, 2);
  assert.deepEqual(trace.terms, [
    {
      index: 0,
      name: "bogons",
      verdict: "reject",
      failed: { field: "prefixes", found: "10.1.1.1/32", wanted: "127.0.0.0/8 le 32" },
    },
    { index: 1, verdict: "continue" },
    {
      index: 2,
      verdict: "reject",
      failed: { field: "evpnRouteTypes", found: "2", wanted: "3 or 5" },
    },
    { index: 3, verdict: "reject", failed: { field: "med", found: "15", wanted: "at most 14" } },
    { index: 4, verdict: "accept" },
  ]);
  assert.deepEqual([trace.decidedBy, trace.verdict, trace.nextHop], [4, "accept", "self"]);
  assert.deepEqual(
    trace.changes
      .map(({ attribute, before, after }) => `${attribute}: ${before} -> ${after}`)
      .slice(0, 3),
    [
      "MULTI_EXIT_DISC: 5 -> 15",
      "LOCAL_PREF: absent -> 200",
      "COMMUNITIES: 65001:1 -> 65001:1 65001:2",
    ],
  );
  assert.equal(securityTagOf(trace.attributes.extendedCommunities), 9);
  assert.equal(trace.attributes.nextHop, route.nextHop);
});

test("trace() names the family where that is why a term cannot match, and the default", () => {
  const strict: Policy = { ...policy, terms: policy.terms.slice(2, 4) };
  const unicast = new CompiledPolicy(strict, "ipv4-unicast");
  const trace = unicast.trace(route, Int32Array.of(0x0a000000), 8);
  assert.deepEqual(
    trace.terms.map(({ failed }) => failed),
    [
      { field: "evpnRouteTypes", found: "none", wanted: "3 or 5" },
      { field: "families", found: "ipv4-unicast", wanted: "evpn" },
    ],
  );
  assert.deepEqual([trace.decidedBy, trace.verdict, trace.changes], ["otherwise", "reject", []]);
});

test("formatPolicy() prints a line per term", () => {
  assert.equal(
    formatPolicy(policy),
    [
      "policy from-leaf",
      "  term 0 bogons: prefix 127.0.0.0/8 le 32: reject",
      "  term 1: neighbour AS 65001, communities any of 65001:*: add 10 to MED, add communities 65001:2, continue",
      "  term 2: EVPN route type 3 or 5: reject",
      "  term 3: family evpn, MED at most 14: reject",
      "  term 4: AS path 65001 .* [65004-65010]: set local preference 200, set security tag 9, set next hop self, accept",
      "  otherwise reject",
    ].join("\n"),
  );
});

test("applyActions() changes communities of all kinds, MED within its range, and the next hop", () => {
  const linkLocal = parseIp("fe80::1");
  const six = { ...route, nextHop: parseIp("2001:db8::1"), linkLocalNextHop: linkLocal };
  assert.equal(applyActions(six, { nextHop: "self" }).linkLocalNextHop, linkLocal);
  const moved = applyActions(six, { nextHop: parseIp("2001:db8::2") });
  assert.deepEqual([moved.nextHop, moved.linkLocalNextHop], [parseIp("2001:db8::2"), undefined]);
  assert.equal(applyActions(route, { med: { subtract: 9 } }).med, 0);
  assert.equal(applyActions(route, { med: { add: 0xffffffff } }).med, 0xffffffff);
  const changed = applyActions(route, {
    setCommunities: [3, 1, 3],
    removeExtendedCommunities: [{ value: 2n << 48n, mask: 0xffffn << 48n }],
    removeLargeCommunities: [["any", 1, "any"]],
    addLargeCommunities: [
      [2, 0, 0],
      [1, 9, 9],
    ],
    tag: 4,
    origin: 2,
  });
  assert.deepEqual(changed.communities, [1, 3]);
  assert.deepEqual(changed.largeCommunities, [
    [1, 9, 9],
    [2, 0, 0],
  ]);
  assert.deepEqual(
    [changed.extendedCommunities.length, securityTagOf(changed.extendedCommunities)],
    [1, 4],
  );
  assert.equal(changed.origin, 2);
  const twice = applyActions(changed, [{ tag: 5 }, { tag: 6 }, { med: "remove" }]);
  assert.deepEqual([securityTagOf(twice.extendedCommunities), twice.med], [6, undefined]);
  assert.deepEqual(applyActions(twice, { tag: "remove" }).extendedCommunities, []);
});
