/** Compiled evaluation against a naive one that tries every term on every single route. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Asn,
  containsIp,
  containsPrefix,
  type Ip,
  type Prefix,
  parseIp,
  parsePrefix,
  parseRouteTarget,
  widthOf,
} from "@heddle/inet";
import fc from "fast-check";
import type { AddressFamily } from "../packet/address-family.ts";
import { encodeExtendedCommunity } from "../packet/extended-community.ts";
import type { AsPathSegment, PathAttributes } from "../packet/path-attributes.ts";
import { wordsOf } from "../rib/adj-rib-in.ts";
import { applyActions, nextHopActionOf } from "./actions.ts";
import { AsPathMatcher, type AsPathPattern } from "./as-path-pattern.ts";
import { formatAsPathPattern, parseAsPathPattern } from "./as-path-pattern-text.ts";
import { CompiledPolicy, outcomeIndexOf } from "./evaluate.ts";
import { formatPolicy } from "./format-policy.ts";
import type {
  CommunityMatch,
  CommunityPattern,
  NumberRange,
  Policy,
  PolicyActions,
  PolicyMatch,
  PolicyTerm,
  PrefixRule,
} from "./policy.ts";

interface Route {
  readonly family: AddressFamily;
  readonly prefix: Prefix | undefined;
  readonly routeType: number | undefined;
  readonly attributes: PathAttributes;
}

const asns = [65001, 65002, 65003, 4200000000] as Asn[];
const asn = fc.constantFrom(...asns);
const community = fc.constantFrom(0xfde90001, 0xfde90002, 0xfdea0001, 0xffffff01);
const extended = fc.constantFrom(
  parseRouteTarget("65001:1"),
  parseRouteTarget("65001:2"),
  parseRouteTarget("10.0.0.1:1"),
);
const large = fc.constantFrom<readonly [number, number, number]>([1, 2, 3], [1, 2, 4], [2, 2, 3]);
const hop = fc.constantFrom(
  ...["192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1"].map(parseIp),
);
const prefixes = {
  4: ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24", "10.1.1.1/32"].map(parsePrefix),
  6: ["::/0", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:1::/64"].map(parsePrefix),
};
const withSecurityTag = (tag: number): bigint =>
  encodeExtendedCommunity({ kind: "security-tag", tag });
const someOf = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength });

const segment: fc.Arbitrary<AsPathSegment> = fc.record({
  type: fc.constantFrom("sequence", "sequence", "sequence", "set", "confed-sequence"),
  asns: fc.array(asn, { minLength: 1, maxLength: 3 }),
});

const attributes: fc.Arbitrary<PathAttributes> = fc
  .record(
    {
      origin: fc.constantFrom(0 as const, 1 as const, 2 as const),
      asPath: someOf(segment),
      nextHop: hop,
      communities: fc.uniqueArray(community, { maxLength: 3 }),
      extendedCommunities: someOf(fc.oneof(extended, fc.constantFrom(7, 8).map(withSecurityTag))),
      largeCommunities: someOf(large),
      med: fc.constantFrom(0, 5, 0xffffffff),
      localPref: fc.constantFrom(50, 100, 200),
    },
    {
      requiredKeys: [
        "origin",
        "asPath",
        "nextHop",
        "communities",
        "extendedCommunities",
        "largeCommunities",
      ],
    },
  )
  .map((some) => ({ ...some, atomicAggregate: false, clusterList: [], unknown: [] }));

const families = ["ipv4-unicast", "ipv6-vpn", "evpn", "route-target"] as const;

const route: fc.Arbitrary<Route> = fc.constantFrom<AddressFamily>(...families).chain((family) => {
  const inner: fc.Arbitrary<Prefix | undefined> =
    family === "ipv4-unicast"
      ? fc.constantFrom(...prefixes[4])
      : family === "ipv6-vpn"
        ? fc.constantFrom(...prefixes[6])
        : family === "evpn"
          ? fc.constantFrom(undefined, ...prefixes[4], ...prefixes[6])
          : fc.constant(undefined);
  const routeType = family === "evpn" ? fc.constantFrom(2, 3, 5) : fc.constant(undefined);
  return fc.record({ family: fc.constant(family), prefix: inner, routeType, attributes });
});

const prefixRule: fc.Arbitrary<PrefixRule> = fc
  .tuple(fc.constantFrom(...prefixes[4], ...prefixes[6]), fc.boolean(), fc.boolean())
  .map(([prefix, hasGe, hasLe]) => {
    const ge = Math.min(prefix.length + 8, widthOf(prefix.family));
    const le = Math.min(prefix.length + 16, widthOf(prefix.family));
    return { prefix, ...(hasGe ? { ge } : {}), ...(hasLe ? { le } : {}) };
  });

const range: fc.Arbitrary<NumberRange | "absent"> = fc.oneof(
  fc.constant("absent" as const),
  fc.constantFrom({}, { min: 6 }, { max: 99 }, { min: 5, max: 150 }),
);

const pattern: fc.Arbitrary<AsPathPattern> = fc.letrec<{ any: AsPathPattern }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({
      kind: fc.constant("in" as const),
      asns: fc.array(asn, { minLength: 1, maxLength: 2 }),
    }),
    fc.constant<AsPathPattern>({ kind: "any" }),
    fc.constant<AsPathPattern>({
      kind: "not-in",
      asns: [{ from: 65001 as Asn, to: 65002 as Asn }],
    }),
    fc.record({ kind: fc.constant("sequence" as const), items: someOf(tie("any"), 3) }),
    fc.record({
      kind: fc.constant("alternatives" as const),
      items: fc.array(tie("any"), { minLength: 1, maxLength: 3 }),
    }),
    fc
      .tuple(tie("any"), fc.integer({ min: 0, max: 2 }), fc.constantFrom(undefined, 1, 2))
      .map(([item, min, more]): AsPathPattern => {
        const max = more === undefined ? undefined : min + more;
        return { kind: "repeat", item, min, ...(max === undefined ? {} : { max }) };
      }),
  ),
})).any;

const communityPattern: fc.Arbitrary<CommunityPattern> = fc.oneof(
  community,
  fc.constantFrom<CommunityPattern>([65001, "any"], ["any", 1], ["any", "any"]),
);

const optional = { requiredKeys: [] as [] };
const communityMatch = fc.record(
  {
    anyOf: someOf(communityPattern),
    allOf: someOf(communityPattern),
    exactly: someOf(communityPattern),
    noneOf: someOf(communityPattern),
  },
  optional,
);

/** Each condition alone is likely to hold; a match has few of them. */
const match: fc.Arbitrary<PolicyMatch> = fc
  .record({
    prefixes: fc.array(prefixRule, { minLength: 1, maxLength: 3 }),
    family: fc.constantFrom(4 as const, 6 as const),
    families: fc.subarray([...families] as AddressFamily[], { minLength: 1 }),
    evpnRouteTypes: fc.subarray([2, 3, 5], { minLength: 1 }),
    communities: fc.oneof(someOf(community), communityMatch),
    extendedCommunities: fc.record({
      anyOf: fc
        .tuple(extended, fc.constantFrom(0xffffn << 48n, (1n << 64n) - 1n))
        .map(([value, mask]) => [{ value, mask }]),
    }),
    largeCommunities: fc.constantFrom(
      { allOf: [["any", 2, 3] as const] },
      { noneOf: [["any", "any", 4] as const] },
      { exactly: [] },
    ),
    routeTargets: someOf(extended),
    tag: fc.constantFrom<NumberRange | "absent">("absent", { min: 7, max: 7 }, {}),
    asPathContains: someOf(asn),
    neighborAsns: someOf(asn),
    originAsns: someOf(asn),
    asPathLengthMin: fc.integer({ min: 0, max: 3 }),
    asPathLengthMax: fc.integer({ min: 3, max: 5 }),
    asPath: pattern,
    nextHops: someOf(hop, 3),
    nextHopPrefixes: someOf(fc.constantFrom("192.0.2.0/24", "2001:db8::/32").map(parsePrefix)),
    origins: fc.subarray([0, 1, 2] as const),
    med: range,
    localPref: range,
  })
  .chain((all) =>
    fc
      .subarray(Object.keys(all) as (keyof PolicyMatch)[], { maxLength: 2 })
      .map((keys): PolicyMatch => Object.fromEntries(keys.map((key) => [key, all[key]]))),
  );

const actions: fc.Arbitrary<PolicyActions> = fc.record(
  {
    localPref: fc.constantFrom(50, 100, 200),
    med: fc.oneof(
      fc.constantFrom(5, 0xffffffff),
      fc.constant("remove" as const),
      fc.constantFrom({ add: 7 }, { subtract: 3 }),
    ),
    origin: fc.constantFrom(0 as const, 2 as const),
    setCommunities: someOf(community),
    removeCommunities: someOf(communityPattern),
    addCommunities: someOf(community),
    addExtendedCommunities: someOf(extended),
    removeLargeCommunities: fc.constant([["any", 2, "any"] as const]),
    addLargeCommunities: someOf(large),
    tag: fc.oneof(fc.constantFrom(7, 9), fc.constant("remove" as const)),
    prepend: fc.record({ asn, count: fc.integer({ min: 1, max: 2 }) }),
    nextHop: fc.oneof(hop, fc.constantFrom("self" as const, "unchanged" as const)),
  },
  optional,
);

const term: fc.Arbitrary<PolicyTerm> = fc.oneof(
  fc.record({ match, verdict: fc.constant("reject" as const) }),
  fc.record({
    match,
    verdict: fc.constantFrom("accept" as const, "continue" as const, "continue" as const),
    actions,
  }),
);

const policy: fc.Arbitrary<Policy> = fc.record({
  name: fc.constant("generated"),
  terms: fc.array(term, { maxLength: 6 }),
  otherwise: fc.constantFrom("accept", "reject"),
});

interface NaiveResult {
  readonly verdict: "accept" | "reject";
  readonly attributes: PathAttributes;
  readonly nextHop: PolicyActions["nextHop"];
  readonly decidedBy: number | "otherwise";
}

function evaluateNaively({ terms, otherwise }: Policy, received: Route): NaiveResult {
  let { attributes } = received;
  const applied: PolicyActions[] = [];
  const result = (verdict: "accept" | "reject", decidedBy: number | "otherwise"): NaiveResult => ({
    verdict,
    attributes,
    nextHop: nextHopActionOf(applied),
    decidedBy,
  });
  for (const [index, one] of terms.entries()) {
    if (!holds(one.match, { ...received, attributes })) continue;
    if (one.verdict !== "reject" && one.actions !== undefined) {
      attributes = applyActions(attributes, one.actions);
      applied.push(one.actions);
    }
    if (one.verdict !== "continue") return result(one.verdict, index);
  }
  return result(otherwise, "otherwise");
}

function holds(m: PolicyMatch, { family, prefix, routeType, attributes: a }: Route): boolean {
  const flat = a.asPath.filter((s) => s.type === "sequence" || s.type === "set");
  const first = flat[0]?.type === "sequence" ? flat[0].asns[0] : undefined;
  const last = flat.at(-1);
  const origins = last === undefined ? [] : last.type === "set" ? last.asns : [last.asns.at(-1)!];
  const length = flat.reduce((n, s) => n + (s.type === "set" ? 1 : s.asns.length), 0);
  const every = a.asPath.flatMap((s) => s.asns);
  const checks: [unknown, () => boolean][] = [
    [m.prefixes, () => prefix !== undefined && m.prefixes!.some((rule) => inRule(rule, prefix))],
    [m.family, () => family === (m.family === 4 ? "ipv4-unicast" : "ipv6-vpn")],
    [m.families, () => m.families!.includes(family)],
    [m.evpnRouteTypes, () => routeType !== undefined && m.evpnRouteTypes!.includes(routeType)],
    [m.communities, () => communitiesHold(m.communities!, a.communities)],
    [
      m.extendedCommunities,
      () =>
        m.extendedCommunities!.anyOf!.some((p) =>
          a.extendedCommunities.some((c) =>
            typeof p === "bigint" ? p === c : ((p.value ^ c) & p.mask) === 0n,
          ),
        ),
    ],
    [m.largeCommunities, () => largeHold(m.largeCommunities!, a.largeCommunities.map(String))],
    [m.routeTargets, () => m.routeTargets!.some((t) => a.extendedCommunities.includes(t))],
    [m.tag, () => inRange(m.tag!, tagOf(a))],
    [m.asPathContains, () => m.asPathContains!.some((one) => every.includes(one))],
    [m.neighborAsns, () => first !== undefined && m.neighborAsns!.includes(first)],
    [m.originAsns, () => origins.some((one) => m.originAsns!.includes(one))],
    [m.asPathLengthMin, () => length >= m.asPathLengthMin!],
    [m.asPathLengthMax, () => length <= m.asPathLengthMax!],
    [m.asPath, () => patternHolds(m.asPath!, flat)],
    [m.nextHops, () => m.nextHops!.includes(a.nextHop)],
    [m.nextHopPrefixes, () => m.nextHopPrefixes!.some((p) => containsIp(p, a.nextHop as Ip))],
    [m.origins, () => m.origins!.includes(a.origin)],
    [m.med, () => inRange(m.med!, a.med)],
    [m.localPref, () => inRange(m.localPref!, a.localPref)],
  ];
  return checks.every(([wanted, check]) => wanted === undefined || check());
}

function inRule(rule: PrefixRule, prefix: Prefix): boolean {
  const { ge, le } = rule;
  if (ge === undefined && le === undefined) return rule.prefix === prefix;
  const min = ge ?? rule.prefix.length;
  return (
    containsPrefix(rule.prefix, prefix) && prefix.length >= min && prefix.length <= (le ?? 128)
  );
}

function inRange(wanted: NumberRange | "absent", value: number | undefined): boolean {
  if (wanted === "absent") return value === undefined;
  return value !== undefined && !(value < (wanted.min ?? 0)) && !(value > (wanted.max ?? 2 ** 32));
}

/** Of several tags the first counts. */
function tagOf(a: PathAttributes): number | undefined {
  const tags = a.extendedCommunities.map((c) => [7, 8, 9].find((t) => withSecurityTag(t) === c));
  return tags.find((tag) => tag !== undefined);
}

/** By text: a part left open is a regular expression for digits. */
function communitiesHold(
  wanted: readonly number[] | CommunityMatch<CommunityPattern>,
  communities: readonly number[],
): boolean {
  const texts = communities.map((c) => `${c >>> 16}:${c % 65536}`);
  const toRegExp = (p: CommunityPattern): RegExp => {
    const parts = typeof p === "number" ? [p >>> 16, p % 65536] : p;
    return new RegExp(`^${parts.map((part) => (part === "any" ? "\\d+" : part)).join(":")}$`);
  };
  const present = (p: CommunityPattern): boolean => texts.some((text) => toRegExp(p).test(text));
  if (Array.isArray(wanted)) return wanted.some(present);
  const { anyOf, allOf, noneOf, exactly } = wanted as CommunityMatch<CommunityPattern>;
  return (
    (anyOf === undefined || anyOf.filter(present).length > 0) &&
    (allOf === undefined || allOf.filter(present).length === allOf.length) &&
    (noneOf === undefined || noneOf.filter(present).length === 0) &&
    (exactly === undefined ||
      (exactly.every(present) &&
        texts.every((text) => exactly.some((p) => toRegExp(p).test(text)))))
  );
}

function largeHold(wanted: object, texts: readonly string[]): boolean {
  if ("allOf" in wanted) return texts.some((text) => text.endsWith(",2,3"));
  if ("noneOf" in wanted) return !texts.some((text) => text.endsWith(",4"));
  return texts.length === 0;
}

/** Each AS a letter, a pattern a regular expression over them; a set stands for every choice. */
function patternHolds(wanted: AsPathPattern, flat: readonly AsPathSegment[]): boolean {
  const letterOf = (one: Asn): string => String.fromCharCode(97 + asns.indexOf(one));
  const toSource = (p: AsPathPattern): string => {
    switch (p.kind) {
      case "any":
        return "[a-d]";
      case "in":
        return `[${p.asns.map((one) => letterOf(one as Asn)).join("")}]`;
      case "not-in":
        return "[^ab]";
      case "sequence":
        return `(?:${p.items.map(toSource).join("")})`;
      case "alternatives":
        return `(?:${p.items.map(toSource).join("|")})`;
      case "repeat":
        return `(?:${toSource(p.item)}){${p.min},${p.max ?? ""}}`;
    }
  };
  let words = [""];
  for (const { type, asns: members } of flat) {
    const letters = members.map(letterOf);
    words = words.flatMap((word) =>
      type === "set" ? letters.map((letter) => word + letter) : [word + letters.join("")],
    );
  }
  const expression = new RegExp(`^${toSource(wanted)}$`);
  return words.some((word) => expression.test(word));
}

const noWords = [0, 0, 0, 0] as const;

test("compiled evaluation equals trying every term on every route", () => {
  let decided = 0;
  fc.assert(
    fc.property(policy, fc.array(route, { minLength: 1, maxLength: 3 }), (wanted, routes) => {
      for (const one of routes) {
        const compiled = new CompiledPolicy(wanted, one.family);
        const { prefixSets, outcomes } = compiled.evaluate(one.attributes);
        assert.equal(outcomes.length, prefixSets.length + 1);
        const words = one.prefix === undefined ? noWords : wordsOf(one.prefix);
        const length = one.prefix?.length ?? -1;
        const key = [one.prefix?.family, one.routeType] as const;
        const verdict = outcomes[outcomeIndexOf(prefixSets, ...words, length, ...key)]!;
        const naive = evaluateNaively(wanted, one);
        assert.equal(verdict.verdict, naive.verdict);
        if (naive.decidedBy !== "otherwise") decided += 1;
        if (verdict.verdict === "accept") {
          assert.deepEqual(applyActions(one.attributes, verdict.actions), naive.attributes);
          assert.equal(verdict.nextHop, naive.nextHop);
        }
        const trace = compiled.trace(one.attributes, words, length, ...key);
        assert.equal(trace.verdict, naive.verdict);
        assert.equal(trace.decidedBy, naive.decidedBy);
        assert.deepEqual(trace.attributes, naive.attributes);
        assert.equal(trace.nextHop, naive.nextHop);
        for (const { failed } of trace.terms) if (failed) assert.ok(failed.found && failed.wanted);
      }
      assert.ok(formatPolicy(wanted).split("\n").length === wanted.terms.length + 2);
    }),
    { numRuns: 3000 },
  );
  assert.ok(decided > 1000, `terms decided ${decided} times`);
});

test("AsPathMatcher equals a regular expression, also after a way through text", () => {
  const path = fc.array(
    fc.record({
      type: fc.constantFrom("sequence" as const, "set" as const),
      asns: fc.array(asn, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 3 },
  );
  let matched = 0;
  fc.assert(
    fc.property(pattern, fc.array(path, { minLength: 4, maxLength: 4 }), (wanted, paths) => {
      const matcher = new AsPathMatcher(wanted);
      const again = new AsPathMatcher(parseAsPathPattern(formatAsPathPattern(wanted)));
      for (const one of paths) {
        const expected = patternHolds(wanted, one);
        assert.equal(matcher.matches(one), expected, formatAsPathPattern(wanted));
        assert.equal(again.matches(one), expected, formatAsPathPattern(wanted));
        if (expected) matched += 1;
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(matched > 300, `matched ${matched} times`);
});

test("a pattern of nested repetitions costs path length times positions", () => {
  let nested: AsPathPattern = { kind: "any" };
  for (let depth = 0; depth < 6; depth += 1) nested = { kind: "repeat", item: nested, min: 0 };
  const wanted: AsPathPattern = {
    kind: "sequence",
    items: [
      { kind: "repeat", item: nested, min: 120 },
      { kind: "in", asns: [asns[0]!] },
    ],
  };
  const matcher = new AsPathMatcher(wanted);
  const long = new Array<Asn>(4000).fill(asns[1]!);
  assert.equal(matcher.matches([{ type: "sequence", asns: long }]), false);
  assert.equal(matcher.matches([{ type: "sequence", asns: [...long, asns[0]!] }]), true);
});
