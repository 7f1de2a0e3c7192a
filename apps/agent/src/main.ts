/** The agent of a node: CNI, addresses, BGP, data plane. */
import process from "node:process";
import { createLog } from "@heddle/system";
import { Command } from "commander";
import { startAgent } from "./agent.ts";
import { type AgentConfig, agentOptions } from "./config.ts";

const description = `The Heddle agent of one node.

It serves the CNI executable, gives out addresses of the node's blocks, speaks BGP with the leaves, and keeps the
kernel's data plane as it should be. What forwards is pinned in the kernel: stopping or killing the agent loses no
packet, and a started one adopts what it finds. SIGTERM leaves everything in place for the next start.`;

async function main(): Promise<void> {
  const command = new Command("heddle-agent").description(description).version("0.1.0");
  for (const option of agentOptions) command.addOption(option);
  command.parse(process.argv);
  const config = command.opts<AgentConfig>();
  const log = createLog(config.logLevel, { node: config.node });
  const agent = await startAgent(config, log);
  const stop = (signal: string): void => {
    log.info("the agent stops; the data plane goes on", { signal });
    agent[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("the agent could not stop cleanly", { error });
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

await main();
