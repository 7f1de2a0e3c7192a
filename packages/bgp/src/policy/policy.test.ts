import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Asn,
  containsPrefix,
  type Family,
  type Prefix,
  parseIp,
  parsePrefix,
} from "@heddle/inet";
import fc from "fast-check";
import type { PathAttributes } from "../packet/path-attributes.ts";
import { wordsOf } from "../rib/adj-rib-in.ts";
import { applyActions } from "./actions.ts";
import { CompiledPolicy, outcomeIndexOf, type Verdict } from "./evaluate.ts";
import type { Policy, PolicyMatch, PrefixRule } from "./policy.ts";
import { PrefixSet } from "./prefix-set.ts";
import { acceptDefaultOnly, announceOwn } from "./presets.ts";

const route: PathAttributes = {
  origin: 0,
  asPath: [{ type: "sequence", asns: [65001, 7, 7] as Asn[] }],
  nextHop: parseIp("192.0.2.1"),
  med: 5,
  atomicAggregate: false,
  communities: [1, 2],
  extendedCommunities: [],
  largeCommunities: [],
  clusterList: [],
  unknown: [],
};

function verdictOf(policy: Policy, prefix: string, attributes: PathAttributes = route): Verdict {
  const p = parsePrefix(prefix);
  const { prefixSets, outcomes } = new CompiledPolicy(policy, p.family).evaluate(attributes);
  return outcomes[outcomeIndexOf(prefixSets, ...wordsOf(p), p.length)]!;
}

function accepts(match: PolicyMatch, prefix = "10.0.0.0/8"): boolean {
  const policy: Policy = { name: "t", terms: [{ match, verdict: "accept" }], otherwise: "reject" };
  return verdictOf(policy, prefix).verdict === "accept";
}

test("each condition matches what it says, and all of them must hold", () => {
  assert.ok(accepts({}));
  assert.ok(accepts({ communities: [9, 2] }) && !accepts({ communities: [9] }));
  assert.ok(accepts({ asPathContains: [7 as Asn] }) && !accepts({ asPathContains: [8 as Asn] }));
  assert.ok(accepts({ asPathLengthMin: 3, asPathLengthMax: 3 }));
  assert.ok(!accepts({ asPathLengthMin: 4 }) && !accepts({ asPathLengthMax: 2 }));
  assert.ok(accepts({ nextHops: [parseIp("192.0.2.1")] }));
  assert.ok(!accepts({ nextHops: [parseIp("192.0.2.2")] }));
  assert.ok(accepts({ family: 4 }) && !accepts({ family: 6 }) && accepts({ family: 6 }, "::/0"));
  assert.ok(!accepts({ communities: [2], asPathLengthMax: 2 }));
  assert.ok(!accepts({ prefixes: [] }));
});

test("the first matching term decides, also past terms that only the prefix rules out", () => {
  const policy: Policy = {
    name: "t",
    terms: [
      { match: { communities: [9] }, verdict: "reject" },
      { match: { prefixes: [{ prefix: parsePrefix("10.1.0.0/16") }] }, verdict: "reject" },
      {
        match: { prefixes: [{ prefix: parsePrefix("10.0.0.0/8"), le: 24 }] },
        verdict: "accept",
        actions: { localPref: 200 },
      },
      { match: { communities: [1] }, verdict: "accept" },
      { match: {}, verdict: "reject" },
    ],
    otherwise: "reject",
  };
  assert.equal(verdictOf(policy, "10.1.0.0/16").verdict, "reject");
  const preferred = verdictOf(policy, "10.1.1.0/24");
  assert.deepEqual(preferred, { verdict: "accept", actions: { localPref: 200 } });
  const plain = verdictOf(policy, "20.0.0.0/8");
  assert.ok(plain.verdict === "accept" && plain.actions === undefined);
  assert.equal(verdictOf(policy, "20.0.0.0/8", { ...route, communities: [] }).verdict, "reject");
});

test("a policy without prefix conditions leaves nothing to be done per route", () => {
  const policy: Policy = {
    name: "t",
    terms: [{ match: { communities: [1] }, verdict: "accept" }],
    otherwise: "reject",
  };
  const { prefixSets, outcomes } = new CompiledPolicy(policy, 4).evaluate(route);
  assert.deepEqual([prefixSets.length, outcomes.map((o) => o.verdict)], [0, ["accept"]]);
});

test("applyActions() changes what is asked for and nothing else", () => {
  assert.equal(applyActions(route, undefined), route);
  const changed = applyActions(route, {
    localPref: 300,
    med: "remove",
    removeCommunities: [1],
    addCommunities: [3, 2],
    prepend: { asn: 65009 as Asn, count: 2 },
  });
  const { med: _, ...rest } = route;
  assert.deepEqual(changed, {
    ...rest,
    localPref: 300,
    communities: [2, 3],
    asPath: [{ type: "sequence", asns: [65009, 65009, 65001, 7, 7] }],
  });
  assert.equal(applyActions(route, { med: 0 }).med, 0);
});

test("acceptDefaultOnly and announceOwn let exactly their prefixes pass", () => {
  const accepted = (policy: Policy, prefix: string, a = route): boolean =>
    verdictOf(policy, prefix, a).verdict === "accept";
  assert.ok(accepted(acceptDefaultOnly, "0.0.0.0/0") && accepted(acceptDefaultOnly, "::/0"));
  assert.ok(!accepted(acceptDefaultOnly, "0.0.0.0/1") && !accepted(acceptDefaultOnly, "fd00::/8"));
  const own = announceOwn(["10.244.0.0/26", "fd00::/122"].map(parsePrefix));
  const local = { ...route, asPath: [] };
  assert.ok(accepted(own, "10.244.0.0/26", local) && accepted(own, "fd00::/122", local));
  assert.ok(!accepted(own, "10.244.0.0/27", local) && !accepted(own, "10.244.0.0/25", local));
  assert.ok(!accepted(own, "10.244.0.0/26", route), "a learned route does not pass through a node");
});

function matches(rule: PrefixRule, prefix: Prefix): boolean {
  const { ge, le } = rule;
  if (ge === undefined && le === undefined) return rule.prefix === prefix;
  const max = le === undefined ? 128 : le;
  const min = ge === undefined ? rule.prefix.length : ge;
  return containsPrefix(rule.prefix, prefix) && prefix.length >= min && prefix.length <= max;
}

test("PrefixSet equals trying every rule", () => {
  const texts: Record<Family, string[]> = {
    4: ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "10.1.1.1/32"],
    6: [
      "::/0",
      "fd00::/8",
      "fd00::/33",
      "fd00:0:8000::/33",
      "fd00::/65",
      "fd00::1/128",
      "fd00::/97",
    ],
  };
  for (const family of [4, 6] as const) {
    const some = fc.constantFrom(...texts[family].map(parsePrefix));
    const length = fc.option(fc.integer({ min: 0, max: family === 4 ? 32 : 128 }), {
      nil: undefined,
    });
    const rule = fc.tuple(some, length, length).map(
      ([prefix, ge, le]): PrefixRule => ({
        prefix,
        ...(ge === undefined ? {} : { ge }),
        ...(le === undefined ? {} : { le }),
      }),
    );
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 5 }), some, (rules, prefix) => {
        const set = PrefixSet.of(rules, family);
        const expected = rules.some((r) => matches(r, prefix));
        assert.equal(set.matches(...wordsOf(prefix), prefix.length), expected);
      }),
    );
  }
});
