/** The controller's command line. Everything else is in the API. */
import { hostname } from "node:os";
import { ParseError, parseIp } from "@heddle/inet";
import { uuidFrom } from "@heddle/kube";
import { type LogLevel, logLevels, systemRng } from "@heddle/system";
import { InvalidArgumentError, Option } from "commander";

/** Where probes and metrics are served. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export interface ControllerConfig {
  readonly kubeconfig: string;
  readonly lease: LeaseName;
  readonly identity: string;
  readonly listen: ListenAddress;
  readonly logLevel: LogLevel;
}

export const controllerOptions: readonly Option[] = [
  new Option("--kubeconfig <file>", "how to reach the API server, as a user of heddle:controllers")
    .env("KUBECONFIG")
    .makeOptionMandatory(),
  new Option("--lease <namespace/name>", "the Lease by which replicas choose their leader")
    .default(
      { namespace: "kube-system", name: "heddle-controller" },
      "kube-system/heddle-controller",
    )
    .argParser(parseLease),
  new Option(
    "--identity <name>",
    "name of this replica in the Lease, unique also after a restart",
  ).default(`${hostname()}_${uuidFrom(systemRng)}`, "host name and a random part"),
  new Option(
    "--listen <address:port>",
    "where /healthz, /readyz and /metrics are served; port 0 takes a free one",
  )
    .default({ host: "127.0.0.1", port: 9741 }, "127.0.0.1:9741")
    .argParser(parseListen),
  new Option("--log-level <level>", "lines below it are not written")
    .choices(logLevels)
    .default("info"),
];

/** @throws InvalidArgumentError */
export function parseLease(text: string): LeaseName {
  const match = /^([a-z0-9.-]+)\/([a-z0-9.-]+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("want NAMESPACE/NAME");
  return { namespace: String(match[1]), name: String(match[2]) };
}

/** @throws InvalidArgumentError */
export function parseListen(text: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw new InvalidArgumentError("want ADDRESS:PORT or [ADDRESS]:PORT");
  const host = String(match[1] ?? match[2]);
  const port = Number(match[3]);
  if (port > 65_535) throw new InvalidArgumentError(`port ${port}, want at most 65535`);
  try {
    parseIp(host);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new InvalidArgumentError(error.message);
  }
  return { host, port };
}
