/** `heddle node status` */
import type { AgentStatus } from "@heddle/node";
import { Command } from "commander";
import { askAgent } from "../agent-client.ts";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { formatAge, printRows } from "../output.ts";
import { type AgentTarget, agentTargets } from "../targets.ts";

interface StatusOptions {
  readonly node?: string;
}

/** The status of an agent that answered, or why it did not. */
type StatusRow = AgentStatus | { readonly node: string; readonly error: string };

export function nodeCommand(): Command {
  const node = new Command("node").description("the agents");
  node
    .command("status")
    .description("is each agent well, and would a new pod get a network; exit 1 when one is not")
    .option("--node <name>", "only this node")
    .action((options: StatusOptions, command: Command) => status(options, command));
  return node;
}

async function status(options: StatusOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const rows = await Promise.all(agentTargets(stateDir, options.node).map(askStatus));
  printRows(output, rows, [
    { header: "NODE", cell: (row) => row.node },
    { header: "AGENT", cell: (row) => ("error" in row ? "down" : `pid ${row.pid}`) },
    { header: "UP", cell: (row) => ("error" in row ? "-" : ageSince(row.startedAt)) },
    { header: "API", cell: (row) => ("error" in row ? "-" : apiState(row)) },
    {
      header: "BGP",
      cell: (row) => ("error" in row ? "-" : `${row.bgp.established}/${row.bgp.peers}`),
    },
    { header: "PODS", cell: (row) => ("error" in row ? "-" : String(row.dataplane.podCount)) },
    { header: "PROBLEMS", cell: (row) => problemsOf(row).join("; ") || "-" },
  ]);
  if (rows.some((row) => problemsOf(row).length > 0))
    throw new CliError("", exitCodes.verdictFailed);
}

async function askStatus({ node, socketPath }: AgentTarget): Promise<StatusRow> {
  try {
    return await askAgent<AgentStatus>(socketPath, "/v1/status");
  } catch (error) {
    if (error instanceof CliError) return { node, error: error.message };
    throw error;
  }
}

function ageSince(time: string): string {
  return formatAge(Date.now() - Date.parse(time));
}

function apiState({ apiServer }: AgentStatus): string {
  return apiServer.synced ? "synced" : (apiServer.lastError ?? "connecting");
}

function problemsOf(row: StatusRow): readonly string[] {
  return "error" in row ? [row.error] : [...row.cniProblems, ...row.problems];
}
