import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp, parsePrefix } from "@heddle/inet";
import { BgpError } from "../errors.ts";
import type { AsPathPattern } from "./as-path-pattern.ts";
import { checkPolicy, outcomeCountMax, termCountMax } from "./check-policy.ts";
import { CompiledPolicy } from "./evaluate.ts";
import type { Policy, PolicyActions, PolicyMatch, PolicyTerm } from "./policy.ts";
import { acceptAll, acceptDefaultOnly, announceOwn, rejectAll } from "./presets.ts";

function policyOf(...terms: PolicyTerm[]): Policy {
  return { name: "t", terms, otherwise: "reject" };
}

function messageOf(policy: Policy): string {
  try {
    checkPolicy(policy);
  } catch (error) {
    assert.ok(error instanceof BgpError && error.code === "config");
    return error.message.replace('Cannot accept policy "t": ', "");
  }
  return "ok";
}

const matchMessage = (match: PolicyMatch): string =>
  messageOf(policyOf({ match, verdict: "accept" })).replace("term 0, ", "");
const actionsMessage = (actions: PolicyActions): string =>
  messageOf(policyOf({ match: {}, verdict: "accept", actions })).replace("term 0, actions.", "");
const patternMessage = (asPath: AsPathPattern): string => matchMessage({ asPath });

test("checkPolicy() accepts the presets and names what it finds and wants elsewhere", () => {
  const own = announceOwn(["10.0.0.0/26", "fd00::/122"].map(parsePrefix));
  for (const policy of [acceptAll, rejectAll, acceptDefaultOnly, own]) {
    assert.equal(messageOf(policy), "ok");
  }
  const prefix = parsePrefix("10.0.0.0/8");
  assert.equal(
    matchMessage({ prefixes: [{ prefix, ge: 7 }] }),
    "prefixes[0].ge is 7, want 8 to 32",
  );
  assert.equal(
    matchMessage({ prefixes: [{ prefix }, { prefix, ge: 24, le: 16 }] }),
    "prefixes[1].le is 16, want 24 to 32",
  );
  assert.equal(matchMessage({ prefixes: [{ prefix, ge: 24, le: 24 }] }), "ok");
  assert.equal(matchMessage({ evpnRouteTypes: [0] }), "evpnRouteTypes[0] is 0, want 1 to 255");
  assert.equal(
    matchMessage({ communities: [-1] }),
    "communities.anyOf[0] is -1, want 0 to 4294967295",
  );
  assert.equal(
    matchMessage({ communities: { allOf: [[65536, "any"]] } }),
    "communities.allOf[0][0] is 65536, want 0 to 65535",
  );
  assert.equal(
    matchMessage({ largeCommunities: { noneOf: [[1, 2, 2 ** 32]] } }),
    "largeCommunities.noneOf[0][2] is 4294967296, want 0 to 4294967295",
  );
  assert.match(matchMessage({ extendedCommunities: { anyOf: [1n << 64n] } }), /anyOf\[0\] is 1844/);
  assert.equal(
    matchMessage({ neighborAsns: [0 as Asn] }),
    "neighborAsns[0] is 0, want 1 to 4294967295",
  );
  assert.equal(
    matchMessage({ asPathLengthMin: 5, asPathLengthMax: 4 }),
    "asPathLengthMax is 4, want 5 to 4294967295",
  );
  assert.equal(matchMessage({ med: { min: 7, max: 3 } }), "med.max is 3, want 7 to 4294967295");
  assert.equal(
    messageOf({ ...acceptAll, name: "" }),
    'Cannot accept policy "": name is empty, want a text',
  );
});

test("checkPolicy() checks actions", () => {
  assert.equal(actionsMessage({ localPref: 1.5 }), "localPref is 1.5, want 0 to 4294967295");
  assert.equal(actionsMessage({ med: { subtract: -1 } }), "med is -1, want 0 to 4294967295");
  const prepend = { asn: 65001 as Asn, count: 0 };
  assert.equal(actionsMessage({ prepend }), "prepend.count is 0, want 1 to 255");
  assert.match(
    actionsMessage({ nextHop: parseIp("224.0.0.1") }),
    /^nextHop is .*want a host address/,
  );
  assert.match(
    actionsMessage({ nextHop: parseIp("ff02::1") }),
    /^nextHop is .*want a host address/,
  );
  assert.equal(actionsMessage({ nextHop: parseIp("2001:db8::1"), tag: "remove" }), "ok");
  assert.match(
    actionsMessage({ removeCommunities: [["any", 70000]] }),
    /^removeCommunities\[0\]\[1\]/,
  );
});

test("checkPolicy() bounds AS path patterns, also those that grow by repetition", () => {
  const any: AsPathPattern = { kind: "any" };
  const repeat = (item: AsPathPattern, min: number, max?: number): AsPathPattern =>
    max === undefined ? { kind: "repeat", item, min } : { kind: "repeat", item, min, max };
  assert.equal(patternMessage(repeat(any, 0)), "ok");
  assert.equal(patternMessage(repeat(repeat(any, 10), 12)), "ok");
  assert.equal(
    patternMessage(repeat(repeat(any, 100), 100)),
    "asPath is 10000 ASes long, want at most 128",
  );
  assert.equal(patternMessage(repeat(any, 3, 2)), "asPath.max is 2, want 3 to 128");
  assert.equal(patternMessage(repeat(any, 0, 0)), "asPath.max is 0, want 1 to 128");
  assert.match(patternMessage({ kind: "alternatives", items: [] }), /items is empty/);
  let deep: AsPathPattern = { kind: "any" };
  for (let i = 0; i < 100; i += 1) deep = repeat(deep, 1);
  assert.equal(patternMessage(deep), "asPath is nested deeper, want at most 16 levels");
  const range = { from: 65002 as Asn, to: 65001 as Asn };
  assert.match(
    patternMessage({ kind: "in", asns: [range] }),
    /^asPath.asns\[0\].to is 65001, want 65002/,
  );
});

test("continue terms that look at prefixes are bounded by the outcomes they may lead to", () => {
  const prefixes = [{ prefix: parsePrefix("10.0.0.0/8") }];
  const split: PolicyTerm = { match: { prefixes }, verdict: "continue", actions: { med: 1 } };
  const decide: PolicyTerm = { match: { prefixes }, verdict: "accept" };
  const eight = new Array<PolicyTerm>(8).fill(split);
  assert.equal(2 ** 8, outcomeCountMax);
  assert.equal(messageOf(policyOf(...eight)), "ok");
  const tooMany = "want fewer continue terms that look at prefixes";
  assert.equal(
    messageOf(policyOf(...eight, decide)),
    `number of outcomes from term 0 on is more than 256, ${tooMany}`,
  );
  assert.equal(
    messageOf(policyOf(decide, split, ...eight)),
    `number of outcomes from term 1 on is more than 256, ${tooMany}`,
  );
  // Without a split there is one outcome per term, and continue terms on attributes cost nothing.
  const many = new Array<PolicyTerm>(1000).fill(decide);
  const changing: PolicyTerm = { match: {}, verdict: "continue", actions: { med: { add: 1 } } };
  assert.equal(messageOf(policyOf(...many)), "ok");
  assert.equal(messageOf(policyOf(...new Array<PolicyTerm>(termCountMax).fill(changing))), "ok");
  assert.match(messageOf(policyOf(...new Array<PolicyTerm>(5000).fill(decide))), /terms is 5000/);
  assert.throws(() => new CompiledPolicy(policyOf(...eight, decide), "ipv4-unicast"), BgpError);
});
