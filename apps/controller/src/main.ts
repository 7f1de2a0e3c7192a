/** The controller of a cluster: VRF ids, counts and conditions of the model. */
import process from "node:process";
import { createLog, endOnSignal } from "@heddle/system";
import { Command } from "commander";
import { type ControllerConfig, controllerOptions } from "./config.ts";
import { startController } from "./controller.ts";
import { version } from "./metrics.ts";

const description = `The Heddle controller.

It gives VPCs their VRF ids and keeps the status of subnets, pools, claims, fabrics, switches, links
and BGP peers. Run two or three replicas: the one that holds the Lease writes, the others follow and
take over within 20 s when it dies, within 5 s when it is stopped. Traffic and pods do not wait for
it; a new VPC does, for its VRF id. SIGTERM gives the Lease up.`;

async function main(): Promise<void> {
  const command = new Command("heddle-controller").description(description).version(version);
  for (const option of controllerOptions) command.addOption(option);
  command.parse(process.argv);
  const config = command.opts<ControllerConfig>();
  const log = createLog(config.logLevel, { identity: config.identity });
  const controller = await startController(config, log);
  endOnSignal(controller, log, "the controller stops");
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`heddle-controller: ${message}\n`);
  process.exitCode = 1;
}
