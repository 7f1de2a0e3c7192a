/** The API server: objects of Heddle and Kubernetes kinds, over the Kubernetes protocol. */
import process from "node:process";
import { createLog, endOnSignal } from "@heddle/system";
import { OptionsError, parseOptions, usage } from "./options.ts";
import { runServer } from "./run-server.ts";

const version = "0.1.0";
const badUsage = 2;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help" || options === "version") {
    process.stdout.write(options === "help" ? usage : `${version}\n`);
    return;
  }
  const log = createLog(options.logLevel, {});
  const server = await runServer(options, log, (error) => {
    log.error("the server cannot write any more and ends", { error });
    process.exit(1);
  });
  log.info("the server is ready", { addresses: server.addresses, dataDir: options.dataDir });
  endOnSignal(server, log, "the server stops");
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`heddle-apiserver: ${message}\n`);
  process.exitCode = error instanceof OptionsError ? badUsage : 1;
}
