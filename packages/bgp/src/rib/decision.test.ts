import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asn, parseIp, parseIp4 } from "@heddle/inet";
import type { AsPathSegment } from "../packet/path-attributes.ts";
import {
  type Candidate,
  ineligibleScore,
  localScore,
  longLivedScore,
  longLivedScoreOf,
  losingStep,
  mobilityOf,
  rankPaths,
  scoreOf,
  selectBest,
  selectMultipath,
} from "./decision.ts";

interface Path {
  name: string;
  pref?: number;
  path?: readonly number[];
  origin?: 0 | 1 | 2;
  med?: number;
  external?: boolean;
  id?: string;
  clusters?: number;
  peer?: string;
  score?: number;
  mobility?: number;
  pathId?: number;
  aigp?: bigint;
  /** Next hop and ESI of a route about a MAC address. */
  mac?: readonly [nextHop: string, esi: bigint];
}

interface Named extends Candidate {
  readonly name: string;
}

function candidate(p: Path): Named {
  const asns = (p.path ?? [65001]) as readonly Asn[];
  const asPath: AsPathSegment[] = asns.length === 0 ? [] : [{ type: "sequence", asns }];
  return {
    name: p.name,
    score: p.score ?? scoreOf(p.pref ?? 100, asns.length, p.origin ?? 0),
    med: p.med ?? 0,
    neighborAsn: asns[0],
    external: p.external ?? true,
    identifier: parseIp4(p.id ?? "10.0.0.1"),
    clusterListLength: p.clusters ?? 0,
    peerAddress: parseIp(p.peer ?? "192.0.2.1"),
    asPath,
    mobility: p.mobility ?? 0,
    pathId: p.pathId ?? 0,
    aigp: p.aigp,
    ...(p.mac === undefined ? {} : { mac: { nextHop: parseIp(p.mac[0]), esi: p.mac[1] } }),
  };
}

/** Every order of the candidates must give the same winner. */
function bestOf(...paths: Path[]): string | undefined {
  const winners = new Set(permutations(paths.map(candidate)).map((c) => selectBest(c)?.name));
  assert.equal(winners.size, 1, `winners ${[...winners].join(" ")}`);
  return [...winners][0];
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

test("RFC 4271 9.1.1: the highest degree of preference wins before everything else", () => {
  const a = { name: "a", pref: 200, path: [1, 2, 3, 4], origin: 2 } as const;
  assert.equal(bestOf(a, { name: "b", pref: 199, path: [] }), "a");
  assert.equal(
    bestOf(
      { name: "max", pref: 0xffffffff, path: new Array(300).fill(1) },
      { name: "b", pref: 0xfffffffe },
    ),
    "max",
  );
});

test("RFC 4271 9.1.2.2 a): the smallest number of AS numbers in AS_PATH", () => {
  assert.equal(bestOf({ name: "a", path: [1, 2], origin: 2 }, { name: "b", path: [1, 2, 3] }), "a");
});

test("RFC 4271 9.1.2.2 b): the lowest origin number", () => {
  const a = { name: "a", origin: 0, med: 9 } as const;
  assert.equal(bestOf(a, { name: "b", origin: 1, med: 0 }, { name: "c", origin: 2 }), "a");
});

test("RFC 4271 9.1.2.2 c): less-preferred MED only among the same neighboring AS", () => {
  const a = { name: "a", path: [1, 9], med: 10, id: "10.0.0.1" };
  const b = { name: "b", path: [1, 8], med: 5, id: "10.0.0.3" };
  const c = { name: "c", path: [2, 9], med: 50, id: "10.0.0.2" };
  assert.equal(bestOf(a, b), "b");
  assert.equal(bestOf(a, c), "a");
  // Compared in pairs, a beats c, c beats b and b beats a; elimination settles it.
  assert.equal(bestOf(a, b, c), "c");
});

test("RFC 4271 9.1.2.2 c): a missing MED counts as the lowest value", () => {
  assert.equal(bestOf({ name: "a", med: 1 }, { name: "none", id: "10.9.9.9" }), "none");
});

test("RFC 4271 9.1.2.2 d): a route received via EBGP beats one received via IBGP", () => {
  const internal = { name: "ibgp", external: false, id: "10.0.0.1" };
  assert.equal(bestOf(internal, { name: "ebgp", id: "10.0.0.9" }), "ebgp");
});

test("RFC 4271 9.1.2.2 f): the lowest BGP Identifier", () => {
  const b = { name: "b", id: "10.0.0.3", peer: "192.0.2.1" };
  assert.equal(bestOf({ name: "a", id: "10.0.0.2", peer: "192.0.2.9" }, b), "a");
  assert.equal(bestOf({ name: "high", id: "200.0.0.1" }, { name: "low", id: "100.0.0.1" }), "low");
});

test("RFC 4456 9: the shorter CLUSTER_LIST after the identifier, before the address", () => {
  const a = { name: "a", external: false, clusters: 1, peer: "192.0.2.9" };
  assert.equal(bestOf(a, { name: "b", external: false, clusters: 2, peer: "192.0.2.1" }), "a");
});

test("RFC 4271 9.1.2.2 g): the lowest peer address", () => {
  const v6 = { name: "v6", peer: "2001:db8::1" };
  assert.equal(bestOf({ name: "a", peer: "192.0.2.10" }, { name: "b", peer: "192.0.2.9" }), "b");
  assert.equal(bestOf(v6, { name: "v4", peer: "192.0.2.9" }), "v4");
});

test("selectBest() prefers local routes and ignores ineligible ones", () => {
  const local = { name: "local", score: localScore };
  assert.equal(bestOf(local, { name: "a", pref: 0xffffffff, path: [] }), "local");
  assert.equal(bestOf({ name: "a", score: ineligibleScore }, { name: "b", pref: 0 }), "b");
  assert.equal(bestOf({ name: "a", score: ineligibleScore }), undefined);
  assert.equal(selectBest([]), undefined);
});

const multipath = { ebgpCountMax: 4, ibgpCountMax: 2, relaxAsPath: false };

function multipathOf(config: typeof multipath, ...paths: Path[]): string[] {
  return selectMultipath(paths.map(candidate), config).map((c) => c.name);
}

test("selectMultipath() takes equals up to MED, best first", () => {
  const a = { name: "a", path: [1, 5], id: "10.0.0.2" };
  const b = { name: "b", path: [1, 6], id: "10.0.0.1" };
  const c = { name: "c", path: [2, 6], id: "10.0.0.3" };
  const longer = { name: "longer", path: [1, 2, 3] };
  assert.deepEqual(multipathOf(multipath, a, b, c, longer), ["b", "a"]);
  assert.deepEqual(multipathOf({ ...multipath, relaxAsPath: true }, c, a, b), ["b", "a", "c"]);
  assert.deepEqual(multipathOf(multipath, a, { ...b, med: 1 }), ["a"]);
});

test("selectMultipath() never mixes EBGP and IBGP, and compares whole paths over IBGP", () => {
  const e = { name: "e" };
  const i = { name: "i", external: false };
  assert.deepEqual(multipathOf(multipath, i, e), ["e"]);
  const j = { name: "j", external: false, peer: "192.0.2.2" };
  const k = { name: "k", external: false, path: [65002], peer: "192.0.2.3" };
  assert.deepEqual(multipathOf(multipath, k, j, i), ["i", "j"]);
});

test("selectMultipath() keeps the most preferred ones within the limit", () => {
  const paths = ["3", "1", "5", "2", "4"].map((n) => ({ name: n, peer: `192.0.2.${n}` }));
  assert.deepEqual(multipathOf(multipath, ...paths), ["1", "2", "3", "4"]);
  assert.deepEqual(multipathOf({ ...multipath, ebgpCountMax: 1 }, ...paths), ["1"]);
});

test("RFC 7432 15: sticky, then the highest sequence number, before LOCAL_PREF", () => {
  const mobility = (flags: bigint, sequence: bigint): number =>
    mobilityOf([2n, (0x0600n << 48n) | (flags << 40n) | sequence]);
  assert.deepEqual([mobilityOf([]), mobility(0n, 7n)], [0, 7]);
  assert.ok(mobility(1n, 0n) > mobility(0n, 0xffffffffn));
  const moved = { name: "moved", mobility: 2 };
  assert.equal(bestOf(moved, { name: "old", mobility: 1, pref: 900 }), "moved");
  assert.equal(bestOf({ ...moved, score: ineligibleScore }, { name: "old" }), "old");
});

test("RFC 9494 4.3: a long-lived stale path loses to every other one", () => {
  const stale = { name: "stale", score: longLivedScore + scoreOf(0xffffffff, 0, 0) };
  assert.equal(bestOf(stale, { name: "worst", pref: 0, path: new Array(300).fill(1) }), "worst");
});

test("RFC 7911: paths of one peer are told apart by their identifiers", () => {
  assert.equal(bestOf({ name: "2", pathId: 2 }, { name: "1", pathId: 1 }), "1");
});

test("rankPaths() repeats the decision without the paths that have won", () => {
  const a = { name: "a", path: [1, 9], med: 10, id: "10.0.0.1" };
  const b = { name: "b", path: [1, 8], med: 5, id: "10.0.0.3" };
  const c = { name: "c", path: [2, 9], med: 50, id: "10.0.0.2" };
  const none = { name: "none", score: ineligibleScore };
  const names = (countMax: number): string[] =>
    rankPaths([a, none, b, c].map(candidate), countMax).map(({ name }) => name);
  assert.deepEqual(names(9), ["c", "b", "a"]);
  assert.deepEqual(names(2), ["c", "b"]);
});

test("losingStep() names the rule that decided", () => {
  const best = { name: "best", path: [1, 2], med: 5, clusters: 1, peer: "192.0.2.5", mobility: 1 };
  const stepOf = (loser: Partial<Path>, winner: Partial<Path> = {}): string | undefined => {
    const candidates = [
      { ...best, ...winner },
      { ...best, ...loser, name: "loser" },
    ].map(candidate);
    return losingStep(candidates[1]!, candidates[0]!, candidates);
  };
  assert.equal(stepOf({ score: ineligibleScore }), "ineligible");
  assert.equal(stepOf({ mobility: 0 }), "mac-mobility");
  assert.equal(stepOf({}, { score: localScore }), "local");
  assert.equal(stepOf({ score: longLivedScore }), "long-lived-stale");
  assert.equal(stepOf({ pref: 99 }), "local-pref");
  assert.equal(stepOf({ path: [1, 2, 3] }), "as-path-length");
  assert.equal(stepOf({ origin: 2 }), "origin");
  assert.equal(stepOf({ med: 6 }), "med");
  assert.equal(stepOf({ external: false }), "external");
  assert.equal(stepOf({ id: "10.0.0.2" }), "identifier");
  assert.equal(stepOf({ clusters: 2 }), "cluster-list-length");
  assert.equal(stepOf({ peer: "192.0.2.6" }), "peer-address");
  assert.equal(stepOf({ pathId: 1 }), "path-id");
});

/** Of two, in which the first wins. */
function stepOf(best: Path, loser: Path): string | undefined {
  const all = [candidate(best), candidate(loser)] as const;
  assert.equal(selectBest(all)?.name, best.name);
  return losingStep(all[1], all[0], all);
}

test("RFC 7311 4.1: AIGP decides behind LOCAL_PREF and before the AS path", () => {
  const near = { name: "near", aigp: 10n, path: [1, 2, 3] };
  const far = { name: "far", aigp: 11n, path: [1] };
  const none = { name: "none", path: [1] };
  assert.equal(bestOf(near, far, none), "near");
  assert.equal(stepOf(near, far), "aigp");
  assert.equal(stepOf(far, none), "aigp");
  assert.equal(bestOf({ ...none, pref: 101 }, near, far), "none");
  assert.equal(stepOf({ ...none, pref: 101 }, near), "local-pref");
  // One without it is out even where the rest would put it first, and the rest is compared as ever.
  const shorter = { ...near, name: "shorter", path: [1] };
  assert.equal(bestOf(near, shorter, none), "shorter");
  assert.equal(stepOf(shorter, near), "as-path-length");
  const highest = { name: "highest", aigp: 2n ** 64n - 2n, path: [1, 2] };
  assert.equal(bestOf(highest, none), "highest");
  assert.equal(bestOf({ ...near, score: ineligibleScore }, none), "none");
  assert.equal(bestOf({ ...near, score: longLivedScore + 1 }, none), "none");
  assert.equal(bestOf({ name: "local", score: localScore }, near), "local");
});

test("RFC 7432 15: equal sequence numbers of different segments: the lowest next hop wins", () => {
  const low = { name: "low", mobility: 5, mac: ["192.0.2.1", 0n], pref: 100 } as const;
  const high = { name: "high", mobility: 5, mac: ["192.0.2.2", 0n], pref: 200 } as const;
  assert.equal(bestOf(low, high), "low");
  assert.equal(stepOf(low, high), "mac-next-hop");
  assert.equal(bestOf(low, { ...high, mobility: 6 }), "high");
  assert.equal(stepOf({ ...high, mobility: 6 }, low), "mac-mobility");
  // The same segment at two routers is no conflict, and LOCAL_PREF decides as ever.
  const shared = [
    { ...low, mac: ["192.0.2.1", 7n] },
    { ...high, mac: ["192.0.2.2", 7n] },
  ] as const;
  assert.equal(bestOf(...shared), "high");
  assert.equal(bestOf(...shared, { name: "third", mobility: 5, mac: ["192.0.2.3", 8n] }), "high");
  // Several ways to the same router are compared as ever.
  assert.equal(bestOf(low, { ...high, mac: low.mac }), "high");
  assert.equal(bestOf({ ...low, score: ineligibleScore }, high), "high");
});

test("RFC 9494 4.4: a long-lived stale path loses to every other, whatever its mobility", () => {
  const stale = { name: "stale", mobility: 9, score: longLivedScore + 1 };
  assert.equal(bestOf(stale, { name: "fresh", mobility: 1 }), "fresh");
  assert.equal(stepOf({ name: "fresh", mobility: 1 }, stale), "long-lived-stale");
  const low = longLivedScoreOf(scoreOf(50, 1, 0), true);
  const high = longLivedScoreOf(scoreOf(200, 2, 0), true);
  assert.ok(low < high, "with equalized LOCAL_PREF the AS path decides");
  assert.ok(
    longLivedScoreOf(scoreOf(50, 1, 0), false) > longLivedScoreOf(scoreOf(200, 2, 0), false),
  );
});
