/** The agent of a node: CNI, addresses, BGP, data plane. */
import process from "node:process";
import { createLog, endOnSignal } from "@heddle/system";
import { Command } from "commander";
import { startAgent } from "./agent.ts";
import { type AgentConfig, agentOptions } from "./config.ts";
import { version } from "./version.ts";

const description = `The Heddle agent of one node.

It serves the CNI executable, gives out addresses of the node's blocks, speaks BGP with the leaves, and keeps the
kernel's data plane as it should be. What forwards is pinned in the kernel: stopping or killing the agent loses no
packet, and a started one adopts what it finds. SIGTERM leaves everything in place for the next start.`;

async function main(): Promise<void> {
  const command = new Command("heddle-agent").description(description).version(version);
  for (const option of agentOptions) command.addOption(option);
  command.parse(process.argv);
  const config = command.opts<AgentConfig>();
  const log = createLog(config.logLevel, { node: config.node });
  const agent = await startAgent(config, log);
  endOnSignal(agent, log, "the agent stops; the data plane goes on");
}

await main();
