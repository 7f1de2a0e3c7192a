/** Statistics Reports (RFC 7854 4.8): gauges of the tables, which is what the RIB counts. */
import {
  type AddressFamily,
  addressFamilies,
  type BmpStatistic,
  bmpStatistics,
  type RibReader,
  type RouteStates,
} from "@heddle/bgp";
import type { MonitoredSession } from "./monitored-session.ts";

/** A gauge of all families, and the same of each. */
interface Gauge {
  readonly total: number;
  readonly ofFamily: number;
}

type Count = readonly [AddressFamily, number];

const received: readonly Gauge[] = [
  { total: bmpStatistics.adjRibInRoutes, ofFamily: bmpStatistics.adjRibInRoutesOfFamily },
  { total: bmpStatistics.prePolicyRoutes, ofFamily: bmpStatistics.prePolicyRoutesOfFamily },
];
const accepted: readonly Gauge[] = [
  { total: bmpStatistics.postPolicyRoutes, ofFamily: bmpStatistics.postPolicyRoutesOfFamily },
];
const advertised: readonly Gauge[] = [
  { total: bmpStatistics.adjRibOutRoutes, ofFamily: bmpStatistics.adjRibOutRoutesOfFamily },
];
const locRib: readonly Gauge[] = [
  { total: bmpStatistics.locRibRoutes, ofFamily: bmpStatistics.locRibRoutesOfFamily },
];

/** Costs a pass over the rows of each family. */
export function sessionStatistics(
  rib: RibReader,
  { index, families }: MonitoredSession,
): BmpStatistic[] {
  const counts = families.map((family) => ({ family, ...rib.counts(index, family) }));
  const of = (name: "received" | "accepted" | "advertised"): Count[] =>
    counts.map((each) => [each.family, each[name]]);
  return [
    ...statisticsOf(received, of("received")),
    ...statisticsOf(accepted, of("accepted")),
    ...statisticsOf(advertised, of("advertised")),
    ...families.flatMap((family) => stateStatistics(rib.routeStates(index, family), family)),
  ];
}

function stateStatistics(states: RouteStates, family: AddressFamily): BmpStatistic[] {
  const gauges = [
    [bmpStatistics.rejectedRoutesOfFamily, states.rejected],
    [bmpStatistics.staleRoutesOfFamily, states.stale],
    [bmpStatistics.longLivedStaleRoutesOfFamily, states.longLivedStale],
  ] as const;
  return gauges.map(([type, count]) => ofFamily(type, [family, count]));
}

/** Costs a pass over the keys of each family. */
export function locRibStatistics(
  rib: RibReader,
  families: readonly AddressFamily[],
): BmpStatistic[] {
  return statisticsOf(
    locRib,
    families.map((family) => [family, rib.locRibCount(family)] as const),
  );
}

function statisticsOf(gauges: readonly Gauge[], counts: readonly Count[]): BmpStatistic[] {
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  return gauges.flatMap((gauge) => [
    { type: gauge.total, value: BigInt(total) },
    ...counts.map((count) => ofFamily(gauge.ofFamily, count)),
  ]);
}

function ofFamily(type: number, [family, count]: Count): BmpStatistic {
  return { type, value: BigInt(count), family: addressFamilies[family] };
}
