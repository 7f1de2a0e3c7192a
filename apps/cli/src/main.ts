/** `heddle`: the command line for people who run the network. */
import process from "node:process";
import { LabError } from "@heddle/lab";
import { Command, CommanderError, Option } from "commander";
import { bgpCommand } from "./commands/bgp.ts";
import { getCommand } from "./commands/get.ts";
import { ipamCommand } from "./commands/ipam.ts";
import { labCommand } from "./commands/lab.ts";
import { nodeCommand } from "./commands/node.ts";
import { verifyCommand } from "./commands/verify.ts";
import { CliError, exitCodes } from "./exit.ts";

const description = `One network for pods, virtual machines and bare metal.

Commands that ask nodes use the running lab when there is one, and the agent of this machine
otherwise. Commands that read objects use the kubeconfig of the lab, or the one that KUBECONFIG
names.`;

const epilogue = `
Examples:
  heddle lab up                       boot the lab of examples/lab.yaml
  heddle verify flows                 send real packets along every kind of flow
  heddle bgp peers --node node1       sessions of one node
  heddle ipam who 10.244.0.5          whose address is this
  heddle lab fail node1:leaf1         cut a cable; heddle lab fail node1:leaf1 --restore

Exit codes:
  0  done, and all is as it should be
  1  done, and something is not as it should be (a flow fails, an address is unknown)
  2  the command line is wrong
  3  what was asked cannot be reached, or refused
`;

function program(): Command {
  const heddle = new Command("heddle")
    .description(description)
    .version("0.1.0")
    .addOption(
      new Option("-o, --output <format>", "table for people, json for programs")
        .choices(["table", "json"])
        .default("table"),
    )
    .option("--state-dir <path>", "where the lab keeps its state", "/run/heddle-lab")
    .addHelpText("after", epilogue);
  for (const command of [labCommand(), verifyCommand(), bgpCommand(), ipamCommand()]) {
    heddle.addCommand(command);
  }
  heddle.addCommand(getCommand());
  heddle.addCommand(nodeCommand());
  refuseInOneLine(heddle);
  return heddle;
}

/** Commands that are made on their own do not inherit these settings from the one they join. */
function refuseInOneLine(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const problem = text
        .replace(/^error: /, "")
        .trim()
        .replaceAll("\n", " ");
      write(`heddle: ${problem} (add --help for all options)\n`);
    },
  });
  for (const child of command.commands) refuseInOneLine(child);
}

async function main(): Promise<number> {
  try {
    await program().parseAsync(process.argv);
    // Set by a command that has said what it could not do, and has done the rest.
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (error instanceof CliError) {
      if (error.message !== "") process.stderr.write(`heddle: ${error.message}\n`);
      return error.exitCode;
    }
    if (error instanceof LabError) {
      process.stderr.write(`heddle: ${error.message}\n`);
      return exitCodes.unavailable;
    }
    throw error;
  }
}

// Whoever reads may have seen enough, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.ok);
});

process.exitCode = await main();
