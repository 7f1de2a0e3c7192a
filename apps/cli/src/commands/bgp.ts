/** `heddle bgp peers|routes` */
import type { PeerView, RouteView } from "@heddle/node";
import { Command, Option } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { formatAge, printRows } from "../output.ts";
import { agentTargets, askAll } from "../targets.ts";

interface NodeOption {
  readonly node?: string;
}

interface RoutesOptions extends NodeOption {
  readonly family?: "ipv4" | "ipv6";
  readonly within?: string;
  readonly best?: boolean;
}

export function bgpCommand(): Command {
  const bgp = new Command("bgp").description("BGP sessions and routes of the nodes");
  bgp
    .command("peers")
    .description(
      "sessions, what they carry, and why they last went down; exit 1 when one is not up",
    )
    .option("--node <name>", "only this node")
    .action((options: NodeOption, command: Command) => peers(options, command));
  bgp
    .command("routes")
    .description("routes that the nodes received, and those that they originate")
    .option("--node <name>", "only this node")
    .addOption(new Option("--family <family>", "only this family").choices(["ipv4", "ipv6"]))
    .option("--within <prefix>", "only prefixes inside this one")
    .option("--best", "only routes in use")
    .action((options: RoutesOptions, command: Command) => routes(options, command));
  return bgp;
}

async function peers(options: NodeOption, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const rows = await askAll<PeerView>(agentTargets(stateDir, options.node), "/v1/bgp/peers");
  printRows(output, rows, [
    { header: "NODE", cell: (row) => row.node },
    { header: "PEER", cell: (row) => row.address },
    { header: "AS", cell: (row) => String(row.asn) },
    { header: "STATE", cell: (row) => row.state },
    { header: "UP", cell: (row) => (row.uptimeMs > 0 ? formatAge(row.uptimeMs) : "-") },
    { header: "BFD", cell: (row) => row.bfd ?? "-" },
    { header: "RECEIVED", cell: (row) => String(row.received) },
    { header: "ACCEPTED", cell: (row) => String(row.accepted) },
    { header: "ADVERTISED", cell: (row) => String(row.advertised) },
    { header: "LAST ERROR", cell: (row) => row.lastError ?? "-" },
  ]);
  const down = rows.filter((row) => row.state !== "Established").length;
  if (down > 0)
    throw new CliError(`${down} of ${rows.length} sessions are down`, exitCodes.verdictFailed);
}

async function routes(options: RoutesOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const query = new URLSearchParams();
  if (options.family !== undefined) query.set("family", options.family);
  if (options.within !== undefined) query.set("within", options.within);
  if (options.best === true) query.set("best", "true");
  const targets = agentTargets(stateDir, options.node);
  const rows = await askAll<RouteView>(targets, `/v1/bgp/routes?${query}`);
  printRows(output, rows, [
    { header: "NODE", cell: (row) => row.node },
    { header: "", cell: (row) => flagsOf(row) },
    { header: "PREFIX", cell: (row) => row.prefix },
    { header: "PEER", cell: (row) => row.peer },
    { header: "NEXT HOP", cell: (row) => row.nextHop },
    { header: "AS PATH", cell: (row) => row.asPath },
    { header: "NOTE", cell: (row) => row.ineligible ?? (row.stale ? "stale" : "-") },
  ]);
}

/** `>` best, `=` used beside the best (multipath). */
function flagsOf(row: RouteView): string {
  if (row.best) return ">";
  return row.multipath ? "=" : "";
}
