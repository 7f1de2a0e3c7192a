/** The route server of a cluster: reflects the agents' routes, and speaks with other clusters. */
import process from "node:process";
import { createLog, type LogLevel, logLevels } from "@heddle/system";
import { Command, Option } from "commander";
import { ConfigError } from "./config/field.ts";
import { version } from "./parts.ts";
import { RouteServer, readConfig } from "./route-server.ts";

const badUsage = 2;

const description = `The Heddle route server.

It reflects routes between the agents of a cluster (RFC 4456) and exchanges them with other
clusters. An agent may announce only what the API says is its own: blocks, lent addresses, claims it
holds. It is not in the path of packets, and installs no routes. Run two or three: agents connect to
all of them.

SIGHUP reads the configuration again; SIGTERM leaves the routes at the peers for the restart time.
\`heddle bgp\` shows what it knows.`;

const example = `
A configuration:
  name: rs1
  asn: 65203
  routerId: 198.18.0.21
  families: [ipv4, ipv6, ipv4-vpn, ipv6-vpn, evpn, route-target]
  kubeconfig: /etc/heddle/route-server.kubeconfig   # a user of heddle:viewers is enough
  tls: { certificate: rs1.crt, key: rs1.key, authorities: ca.crt }
  listen:
    - { address: 0.0.0.0, port: 179, tls: true }
  agents:
    - { name: nodes, prefix: 198.18.0.0/24, identity: { by: certificate, suffix: .agents.heddle } }
  peers:
    - { address: 203.0.113.7, asn: 65300, import: all, export: [{ prefix: 10.244.0.0/16, le: 32 }] }
`;

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
    .option("--check", "read the configuration, say whether it is good, and end")
    .addOption(
      new Option("--log-level <level>", "lines below it are not written")
        .choices(logLevels)
        .default("info"),
    )
    .addHelpText("after", example);
  command.parse(process.argv);
  const options = command.opts<MainOptions>();
  const config = readConfig(options.config);
  if (options.check === true) return;
  const log = createLog(options.logLevel, { routeServer: config.name });
  const server = await RouteServer.start(config, log);
  process.on("SIGHUP", () => {
    try {
      server.reconfigure(readConfig(options.config));
      log.info("the configuration is in force");
    } catch (error) {
      log.error("the configuration is refused; the one before it stays", { error });
    }
  });
  const stop = (signal: string): void => {
    log.info("the route server stops; its peers keep the routes", { signal });
    server[Symbol.asyncDispose]().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error("the route server could not stop cleanly", { error });
        process.exit(1);
      },
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`heddle-route-server: ${message}\n`);
  process.exitCode = error instanceof ConfigError ? badUsage : 1;
}
