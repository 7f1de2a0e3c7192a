/**
 * Random routes, withdrawals and configurations, taken in random portions: what comes out is what a
 * new table makes of the same end state, in any order, and what was emitted adds up to it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteChange } from "@heddle/bgp";
import { parseEsi, parseIp, parseMac, parsePrefix, parseRouteTarget } from "@heddle/inet";
import fc from "fast-check";
import { originate } from "../export/originate.ts";
import { macLines } from "../testing/mac-model.ts";
import {
  announced,
  configOf,
  segmentOf,
  stateOf,
  subnetOf,
  vrfOf,
  vtepOf,
} from "../testing/nodes.ts";
import { print, printTable } from "../testing/print.ts";
import type { EthernetSegment, LocalEndpoint, LocalPrefix, Vrf } from "../vrf.ts";
import { ImportTable } from "./import-table.ts";

const esis = [parseEsi("00:01:02:03:04:05:06:07:08:09"), parseEsi("00:0a:02:03:04:05:06:07:08:09")];
const gateway = parseIp("10.10.0.10");
const onSegment = parseIp("10.10.0.11");
const outside = parseIp("203.0.113.1");

function vrfsOf(n: number, variant: number): Vrf[] {
  const irb = (["symmetric", "asymmetric", "bridged"] as const)[variant % 3];
  const red = vrfOf(n, 1, {
    subnets: variant === 5 ? [] : [subnetOf(n, 10, { irb: irb ?? "symmetric" })],
  });
  const both = [parseRouteTarget("65000:1"), parseRouteTarget("65000:2")];
  const blue = vrfOf(n, 2, {
    importTargets: variant % 2 === 0 ? both : both.slice(1),
    subnets: [
      subnetOf(n, 20, variant === 3 ? { importTargets: [parseRouteTarget("65000:10")] } : {}),
    ],
  });
  return variant === 4 ? [blue] : [red, blue];
}

function segmentsOf(variant: number): EthernetSegment[] {
  if (variant === 4 || variant === 5) return [];
  return [segmentOf(esis[0] as bigint, { singleActive: variant === 2 })];
}

/** Routes of one node in one of several states. */
function routesOf(n: number, variant: number): RouteChange[] {
  const mac = (i: number) => parseMac(`02:00:00:00:00:0${i}`);
  const on = { vrf: "red-1", subnet: "a" };
  const esi = esis[variant % 2] as (typeof esis)[number];
  const mobility = { sequence: variant, sticky: variant === 3 && n === 3 };
  const tag = variant;
  const endpoints: LocalEndpoint[] = [
    { ...on, mac: mac(1), ips: [gateway], mobility, tag },
    { ...on, mac: mac(2), ips: [onSegment], esi, mobility },
    { ...on, mac: mac(3), ips: [], esi },
    { ...on, mac: mac(4), ips: [parseIp("10.10.0.254")], defaultGateway: variant % 2 === 0 },
    { vrf: "red-1", ips: [outside] },
    { vrf: "red-2", subnet: "a", mac: mac(1), ips: [gateway] },
  ];
  const prefixes: LocalPrefix[] = [
    {
      vrf: "red-1",
      prefix: parsePrefix("192.0.2.0/24"),
      gateway: variant % 2 === 0 ? gateway : outside,
    },
    { vrf: "red-1", prefix: parsePrefix("198.51.100.0/24"), tag },
    { vrf: "red-1", prefix: parsePrefix("198.18.0.0/24"), gateway: onSegment },
    { vrf: "red-2", prefix: parsePrefix("203.0.113.1/32"), gateway: outside },
  ];
  const irb = (["symmetric", "asymmetric"] as const)[variant % 2] ?? "symmetric";
  const vrfs = [vrfOf(n, 1, { subnets: [subnetOf(n, 10, { irb })] }), vrfOf(n, 2)];
  const segments = esis.map((e, i) => segmentOf(e, { singleActive: i === 1 && variant === 2 }));
  const state = stateOf({ vrfs, endpoints, prefixes, segments });
  const localPref = variant === 1 ? 200 : 100;
  return [...originate(vtepOf(n), state).values()].map((route) =>
    announced(route, n, { local: n === 1, localPref }),
  );
}

const pool: readonly RouteChange[] = [1, 2, 3, 4].flatMap((n) =>
  [0, 1, 2, 3].flatMap((variant) => routesOf(n, variant)),
);

/** Routes of segments, and of the host on them that has an address. */
const ofSegments = pool.flatMap(({ best }, index) =>
  /\[1\]:|\[10.10.0.11\]/.test(best?.text ?? "") ? [index] : [],
);

const eventOf = (index: fc.Arbitrary<number>) =>
  fc.record({
    kind: fc.constant("route" as const),
    index,
    withdraw: fc.nat(2).map((n) => n === 0),
  });

const events = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: eventOf(fc.nat(pool.length - 1)) },
    { weight: 20, arbitrary: eventOf(fc.constantFrom(...ofSegments)) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("configure" as const), variant: fc.nat(5) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("take" as const), limit: fc.nat(9) }) },
  ),
  { minLength: 1, maxLength: 300, size: "max" },
);

/** A table and what its changes add up to. */
class Bench {
  readonly table: ImportTable = new ImportTable(configOf(1));
  readonly sum: Map<string, string> = new Map();

  configure(variant: number): void {
    this.table.configure(vrfsOf(1, variant), segmentsOf(variant));
  }

  take(limit: number): void {
    for (const change of this.table.takeChanges(limit)) {
      const [name = "", value = ""] = print(change).split(" -> ");
      if (value === "nothing") this.sum.delete(name);
      else this.sum.set(name, value);
    }
  }

  drain(): string[] {
    while (this.table.changesPending) this.take(7);
    return [...this.sum].map(([name, value]) => `${name} -> ${value}`).sort();
  }
}

test("incremental import equals full recomputation, whatever the history", () => {
  fc.assert(
    fc.property(events, fc.nat(5), fc.infiniteStream(fc.nat(1000)), (list, first, order) => {
      const bench = new Bench();
      const held = new Map<string, RouteChange>();
      let variant = first;
      bench.configure(variant);
      for (const event of list) {
        if (event.kind === "take") bench.take(event.limit);
        else if (event.kind === "configure") {
          variant = event.variant;
          bench.configure(variant);
        } else {
          const route = pool[event.index] as RouteChange;
          const { family, key } = route;
          const change = event.withdraw
            ? { family, key, best: undefined, candidate: undefined }
            : route;
          bench.table.update(change);
          held.set(`${family} ${key.toHex()}`, change);
        }
      }
      const shuffled = [...held.values()]
        .map((change) => ({ change, rank: order.next().value ?? 0 }))
        .sort((a, b) => a.rank - b.rank);
      const before = new Bench();
      before.configure(variant);
      for (const { change } of shuffled) before.table.update(change);
      const after = new Bench();
      for (const { change } of shuffled.toReversed()) {
        if (change.best !== undefined) after.table.update(change);
      }
      after.configure(variant);
      const want = after.drain();
      assert.deepEqual(before.drain(), want);
      assert.deepEqual(bench.drain(), want);
      assert.deepEqual(
        want.filter((line) => /^\S+\/a 02:.* -> (vxlan|segment)/.test(line)),
        macLines([...held.values()], vrfsOf(1, variant), segmentsOf(variant)),
      );
      const kept = want.filter((line) => !line.startsWith("segment"));
      assert.deepEqual(printTable(bench.table, vrfsOf(1, variant)), kept);
      assert.deepEqual(bench.table.pathCount, after.table.pathCount);
    }),
    { numRuns: 500 },
  );
});
