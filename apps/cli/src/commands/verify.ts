/** `heddle verify flows` */
import { type FlowRow, LabError, openLab, verifyFlows } from "@heddle/lab";
import { Command } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { formatLatency, printRows } from "../output.ts";

export function verifyCommand(): Command {
  const verify = new Command("verify").description("is the network as it should be");
  verify
    .command("flows")
    .description(
      "send real packets (ICMP, TCP, UDP; IPv4, IPv6) along every kind of flow; exit 1 when one fails",
    )
    .action((_options: unknown, command: Command) => flows(command));
  return verify;
}

async function flows(command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const rows = await run(stateDir);
  printRows(output, rows, [
    { header: "FLOW", cell: (row) => row.flow },
    { header: "FROM", cell: (row) => row.from },
    { header: "TO", cell: (row) => row.to },
    { header: "FAMILY", cell: (row) => (row.family === null ? "-" : `IPv${row.family}`) },
    { header: "PROTOCOL", cell: (row) => row.protocol ?? "-" },
    { header: "VERDICT", cell: (row) => row.verdict },
    { header: "LATENCY", cell: (row) => formatLatency(row.latencyMs) },
    { header: "REASON", cell: (row) => row.reason },
  ]);
  const failed = rows.filter((row) => row.verdict === "fail").length;
  if (failed > 0) {
    throw new CliError(`${failed} of ${rows.length} flows fail`, exitCodes.verdictFailed);
  }
}

async function run(stateDir: string): Promise<FlowRow[]> {
  try {
    return await verifyFlows(openLab({ stateDir }));
  } catch (error) {
    if (error instanceof LabError) throw new CliError(error.message, exitCodes.unavailable, error);
    throw error;
  }
}
