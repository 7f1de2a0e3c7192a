/** `heddle bgp routes`: tables of any size, page by page. */
import type { RoutePageView, RouteView } from "@heddle/admin";
import type { Command } from "commander";
import { askAgent } from "../agent-client.ts";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import type { Column } from "../output.ts";
import { RowStream } from "../row-stream.ts";
import { askThoseThatKnow, type BgpTargetOptions, bgpTargets } from "./bgp-targets.ts";

export interface RoutesOptions extends BgpTargetOptions {
  readonly family?: string;
  readonly peer?: string;
  readonly received?: boolean;
  readonly advertised?: boolean;
  readonly longer?: boolean;
  readonly best?: boolean;
}

const pageRouteCount = "1000";

const common: readonly Column<RouteView>[] = [
  { header: "ROUTE", cell: (row) => row.route },
  { header: "PEER", cell: (row) => row.peer },
  { header: "NEXT HOP", cell: (row) => row.nextHop },
  { header: "AS PATH", cell: (row) => row.asPath || "-" },
  { header: "PREF", cell: (row) => (row.localPref === null ? "-" : String(row.localPref)) },
  { header: "MED", cell: (row) => (row.med === null ? "-" : String(row.med)) },
];

const locRibColumns: readonly Column<RouteView>[] = [
  { header: "NODE", cell: (row) => row.node },
  { header: "", cell: flagOf },
  ...common,
  { header: "WHY", cell: whyOf },
];

const adjRibColumns: readonly Column<RouteView>[] = [
  { header: "NODE", cell: (row) => row.node },
  ...common,
  { header: "COMMUNITIES", cell: communitiesOf },
  { header: "NOT USED", cell: (row) => row.ineligible ?? "-" },
];

export async function routes(
  route: string | undefined,
  options: RoutesOptions,
  command: Command,
): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const query = queryOf(route, options);
  const isAdjRib = query.get("table") !== "loc-rib";
  const rows = new RowStream(output, isAdjRib ? adjRibColumns : locRibColumns);
  await askThoseThatKnow(bgpTargets(stateDir, options), (socketPath) =>
    copyTable(socketPath, query, rows),
  );
  await rows.end();
  if (route !== undefined && rows.rowCount === 0) {
    throw new CliError(`no route ${route}`, exitCodes.verdictFailed);
  }
}

/** Page by page. @throws CliError */
async function copyTable(
  socketPath: string,
  query: URLSearchParams,
  rows: RowStream<RouteView>,
): Promise<void> {
  query.delete("cursor");
  for (;;) {
    const page = await askAgent<RoutePageView>(socketPath, `/v1/bgp/routes?${query}`);
    await rows.push(page.routes);
    if (page.next === null) return;
    query.set("cursor", page.next);
  }
}

/** @throws CliError for options that do not go together */
function queryOf(route: string | undefined, options: RoutesOptions): URLSearchParams {
  const query = new URLSearchParams({ limit: pageRouteCount });
  const { family, peer, received, advertised, longer, best } = options;
  const isAdjRib = received === true || advertised === true;
  if (isAdjRib && peer === undefined) {
    throw new CliError("--received and --advertised want --peer ADDRESS", exitCodes.usage);
  }
  if (longer === true && route === undefined) {
    throw new CliError("--longer wants a prefix, such as 10.0.0.0/8 --longer", exitCodes.usage);
  }
  query.set("table", received === true ? "adj-rib-in" : isAdjRib ? "adj-rib-out" : "loc-rib");
  if (family !== undefined) query.set("family", family);
  if (peer !== undefined) query.set("peer", peer);
  if (best === true) query.set("best", "true");
  if (route !== undefined) query.set(longer === true ? "within" : "route", route);
  return query;
}

/** `>` best, `=` used beside the best (multipath). */
function flagOf({ decision }: RouteView): string {
  if (decision?.best === true) return ">";
  return decision?.multipath === true ? "=" : "";
}

function whyOf({ decision }: RouteView): string {
  if (decision === undefined) return "-";
  const { best, multipath, ineligible, lostBy, pathCount, stale, longLivedStale } = decision;
  const age = longLivedStale ? ", long-lived stale" : stale ? ", stale" : "";
  if (best) return `${pathCount === 1 ? "only path" : `best of ${pathCount}`}${age}`;
  if (ineligible !== null) return `not used: ${ineligible}${age}`;
  return `${multipath ? "shares the load" : `lost by ${lostBy}`}${age}`;
}

function communitiesOf(row: RouteView): string {
  const all = [...row.communities, ...row.largeCommunities, ...row.extendedCommunities];
  return all.join(" ") || "-";
}
