/** `heddle bgp vrfs [NAME]`: the VPCs of nodes, and what nodes know in one of them. */
import type { VrfRoutesView, VrfRouteView, VrfView } from "@heddle/node";
import type { Command } from "commander";
import { askAgent } from "../agent-client.ts";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { type Column, printRows } from "../output.ts";
import { agentTargets, askAll } from "../targets.ts";
import { askThoseThatKnow, type BgpTargetOptions } from "./bgp-targets.ts";

const vrfColumns: readonly Column<VrfView>[] = [
  { header: "NODE", cell: (row) => row.node },
  { header: "VRF", cell: (row) => row.vrf },
  { header: "ID", cell: (row) => String(row.vrfId) },
  { header: "RD", cell: (row) => row.routeDistinguisher },
  { header: "VNI", cell: (row) => (row.vni === null ? "-" : String(row.vni)) },
  { header: "IMPORT", cell: (row) => row.importTargets.join(" ") },
  { header: "EXPORT", cell: (row) => row.exportTargets.join(" ") },
  { header: "ENDPOINT", cell: (row) => row.endpoint },
  { header: "OWN", cell: (row) => String(row.ownRouteCount) },
  { header: "IMPORTED", cell: (row) => String(row.importedRouteCount) },
];

const routeColumns: readonly Column<VrfRouteView>[] = [
  { header: "NODE", cell: (row) => row.node },
  { header: "ROUTE", cell: (row) => row.prefix },
  { header: "SOURCE", cell: (row) => row.source },
  { header: "HOPS", cell: (row) => row.hops.join(", ") },
  { header: "INSTALLED", cell: (row) => (row.isInstalled ? "yes" : "no") },
];

/** Tunnels to other nodes are known, and nothing sends through them. */
const notInstalled =
  "Routes that are not installed come from other nodes or VPCs: the data plane has no tunnels, " +
  "and drops what is sent to them.\n";

export async function vrfs(
  name: string | undefined,
  options: BgpTargetOptions,
  command: Command,
): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const { node, socket } = options;
  const targets =
    socket === undefined ? agentTargets(stateDir, node) : [{ node: socket, socketPath: socket }];
  if (name === undefined) {
    return printRows(output, await askAll<VrfView>(targets, "/v1/bgp/vrfs"), vrfColumns);
  }
  const path = `/v1/bgp/vrfs/routes?${new URLSearchParams({ vrf: name })}`;
  const answers = await askThoseThatKnow(targets, (socketPath) =>
    askAgent<VrfRoutesView>(socketPath, path),
  );
  const routes = answers.flatMap((answer) => answer.routes);
  printRows(output, routes, routeColumns);
  if (output === "table" && routes.some(({ isInstalled }) => !isInstalled)) {
    process.stderr.write(`\n${notInstalled}`);
  }
  const omitted = answers.reduce((sum, answer) => sum + answer.omittedCount, 0);
  if (omitted > 0)
    throw new CliError(`${omitted} more routes are not shown`, exitCodes.unavailable);
}
