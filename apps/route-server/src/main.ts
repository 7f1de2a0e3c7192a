/** The route server of a cluster: reflects the agents' routes, and speaks with other clusters. */
import process from "node:process";
import { ConfigError } from "@heddle/config";
import { createLog, endOnSignal, type LogLevel, logLevels } from "@heddle/system";
import { Command, Option } from "commander";
import { checkFile } from "./check.ts";
import { help } from "./help.ts";
import { version } from "./parts.ts";
import { Reload } from "./reload.ts";
import { RouteServer, readConfig } from "./route-server.ts";

const badUsage = 2;

const description = [
  "The Heddle route server: a route reflector, a route server of an exchange, or a router, as its " +
    "configuration says.",
  "Between the agents of a cluster it reflects routes (RFC 4456); an agent may announce only what " +
    "the API says is its own: blocks, lent addresses, claims it holds. It is not in the path of " +
    "packets and installs no routes, unless `kernelRoutes` says so. Run two or three: agents " +
    "connect to all of them.",
  "SIGHUP reads the configuration again, and a file with a fault changes nothing; SIGTERM leaves " +
    "the routes at the peers for the restart time. `heddle bgp` shows what it knows.",
].join("\n\n");

interface MainOptions {
  readonly config: string;
  readonly check?: boolean;
  readonly logLevel: LogLevel;
}

async function main(): Promise<void> {
  const command = new Command("heddle-route-server")
    .description(description)
    .version(version)
    .addOption(new Option("--config <file>", "YAML, as below").makeOptionMandatory())
    .option("--check", "read the configuration and all files it names, print what is in force, end")
    .addOption(
      new Option("--log-level <level>", "lines below it are not written")
        .choices(logLevels)
        .default("info"),
    )
    .addHelpText("after", help);
  command.parse(process.argv);
  const options = command.opts<MainOptions>();
  if (options.check === true) {
    process.stdout.write(checkFile(options.config));
    return;
  }
  const config = readConfig(options.config);
  const log = createLog(options.logLevel, { routeServer: config.name });
  // Until it has started there is nothing to reload, and the signal must not end it.
  const started = Promise.withResolvers<RouteServer>();
  const reload = new Reload(started.promise, () => readConfig(options.config), log);
  process.on("SIGHUP", () => reload.request());
  const server = await RouteServer.start(config, log);
  started.resolve(server);
  endOnSignal(server, log, "the route server stops; its peers keep the routes");
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`heddle-route-server: ${message}\n`);
  process.exitCode = error instanceof ConfigError ? badUsage : 1;
}
