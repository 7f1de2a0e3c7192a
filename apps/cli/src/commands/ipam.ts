/** `heddle ipam show|who` */
import { formatIp, ParseError, parseIp } from "@heddle/inet";
import type { AllocationView, BlockView } from "@heddle/node";
import { Command } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";
import { printJson, printRows } from "../output.ts";
import { agentTargets, askAll } from "../targets.ts";

interface ShowOptions {
  readonly node?: string;
  readonly allocations?: boolean;
}

interface WhoOptions {
  readonly vpc?: string;
}

export function ipamCommand(): Command {
  const ipam = new Command("ipam").description("who has which address");
  ipam
    .command("show")
    .description("blocks of the nodes and how full they are, or every allocation")
    .option("--node <name>", "only this node")
    .option("--allocations", "one row per address instead of one per block")
    .action((options: ShowOptions, command: Command) => show(options, command));
  ipam
    .command("who")
    .description("who has an address, which may be one pod of each VPC; exit 1 when nobody has it")
    .argument("<address>", "IPv4 or IPv6 address")
    .option("--vpc <name>", "only in this VPC")
    .action((address: string, options: WhoOptions, command: Command) =>
      who(address, options, command),
    );
  return ipam;
}

async function show(options: ShowOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const targets = agentTargets(stateDir, options.node);
  if (options.allocations === true) {
    const rows = await askAll<AllocationView>(targets, "/v1/ipam/allocations");
    printRows(output, rows, [
      { header: "ADDRESS", cell: (row) => row.address },
      { header: "VPC", cell: (row) => row.vpc },
      { header: "NODE", cell: (row) => row.node },
      { header: "NAMESPACE", cell: (row) => row.namespace },
      { header: "POD", cell: (row) => row.pod },
      { header: "SINCE", cell: (row) => row.since },
      { header: "CLAIM", cell: (row) => row.claim ?? "-" },
    ]);
    return;
  }
  const rows = await askAll<BlockView>(targets, "/v1/ipam/blocks");
  printRows(output, rows, [
    { header: "BLOCK", cell: (row) => row.cidr },
    { header: "VPC", cell: (row) => row.vpc },
    { header: "NODE", cell: (row) => row.node },
    { header: "SUBNET", cell: (row) => row.subnet },
    { header: "POOL", cell: (row) => row.pool },
    { header: "USED", cell: (row) => `${row.used}/${row.size}` },
  ]);
}

async function who(text: string, { vpc }: WhoOptions, command: Command): Promise<void> {
  const { output, stateDir } = globalOptions(command);
  const address = parseAddress(text);
  const targets = agentTargets(stateDir);
  const allocations = await askAll<AllocationView>(targets, "/v1/ipam/allocations");
  const found = allocations.filter(
    (row) => row.address === address && (vpc === undefined || row.vpc === vpc),
  );
  if (found.length === 0) {
    if (output === "json") printJson([]);
    const where = vpc === undefined ? "" : ` in VPC ${vpc}`;
    throw new CliError(`nobody has ${address}${where}`, exitCodes.verdictFailed);
  }
  if (output === "json") return printJson(found);
  for (const row of found) {
    const claim = row.claim === null ? "" : `, fixed by IPClaim ${row.claim}`;
    console.log(
      `${address} in VPC ${row.vpc}: pod ${row.namespace}/${row.pod} on ${row.node}, ${row.ifname} of container ` +
        `${row.containerId.slice(0, 12)}, since ${row.since}${claim}`,
    );
  }
}

function parseAddress(text: string): string {
  try {
    return formatIp(parseIp(text));
  } catch (error) {
    if (error instanceof ParseError) throw new CliError(error.message, exitCodes.usage);
    throw error;
  }
}
