/** The command line and the configuration file of the API server. Flags win over the file. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type LogLevel, logLevels } from "@heddle/system";
import { parse as parseYaml } from "yaml";

export interface Options {
  /** `ADDRESS:PORT`, `ADDRESS:PORT@NETNS-PATH` or `fd:N`. */
  readonly listen: readonly string[];
  readonly dataDir: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa: string | undefined;
  readonly tokenFile: string | undefined;
  readonly logLevel: LogLevel;
}

/** Message: `Cannot read <what>: <why>`. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
}

export const usage = `heddle-apiserver: serves the Kubernetes API of Heddle from one machine.

usage: heddle-apiserver --listen ADDRESS:PORT --data-dir DIR --tls-cert FILE --tls-key FILE
                        [--client-ca FILE] [--token-file FILE] [options]

  --listen WHERE       where to serve; may be given several times
                         ADDRESS:PORT           127.0.0.1:6443, [::1]:6443; port 0 takes a free one
                         ADDRESS:PORT@NETNS     in another network namespace, /run/netns/NAME
                         fd:N                   on a listening socket that was inherited
  --data-dir DIR       keeps all objects; made when missing; one server at a time uses it
  --tls-cert FILE      certificate of the server, PEM, with the chain behind it
  --tls-key FILE       its private key, PEM
  --client-ca FILE     authority that signs client certificates: CN is the user, O are the groups
  --token-file FILE    bearer tokens, one "token,user,uid,\\"group,group\\"" a line
  --log-level LEVEL    debug, info (default), warn or error; the log is JSON lines on stderr
  --config FILE        YAML with the same names: {listen: [..], data-dir: .., tls-cert: ..}
  --help               shows this
  --version            shows the version

Groups give roles: heddle:admins (all), heddle:controllers, heddle:agents (user heddle:agent:NODE,
limited to what belongs to its node) and heddle:viewers (read all but Secrets).

SIGTERM ends watches, finishes requests at work and exits. A killed server loses nothing that it has
acknowledged. To see that it works:

  kubectl --server https://127.0.0.1:6443 --certificate-authority ca.crt \\
          --client-certificate admin.crt --client-key admin.key get namespaces
`;

const flags = {
  listen: { type: "string", multiple: true },
  "data-dir": { type: "string" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  "client-ca": { type: "string" },
  "token-file": { type: "string" },
  "log-level": { type: "string" },
} as const;
const onlyFlags = {
  config: { type: "string" },
  help: { type: "boolean" },
  version: { type: "boolean" },
} as const;

type Values = Readonly<Record<string, unknown>>;

/** @throws OptionsError */
export function parseOptions(argv: readonly string[]): Options | "help" | "version" {
  const values = parseFlags(argv);
  if (values["help"] === true) return "help";
  if (values["version"] === true) return "version";
  const file = values["config"];
  const merged: Values = { ...(file === undefined ? {} : readConfig(String(file))), ...values };
  return {
    listen: listOf(merged["listen"]),
    dataDir: required(merged, "data-dir"),
    tlsCert: required(merged, "tls-cert"),
    tlsKey: required(merged, "tls-key"),
    clientCa: optional(merged, "client-ca"),
    tokenFile: optional(merged, "token-file"),
    logLevel: logLevelOf(optional(merged, "log-level")),
  };
}

function parseFlags(argv: readonly string[]): Values {
  try {
    return parseArgs({ args: [...argv], options: { ...flags, ...onlyFlags }, strict: true }).values;
  } catch (error) {
    throw new OptionsError(`Cannot read arguments: ${messageOf(error)}`, { cause: error });
  }
}

function readConfig(file: string): Values {
  let values: unknown;
  try {
    values = parseYaml(readFileSync(file, "utf8"));
  } catch (error) {
    throw new OptionsError(`Cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new OptionsError(
      `Cannot read ${file}: want names and values, such as data-dir: /var/lib/heddle`,
    );
  }
  const unknown = Object.keys(values).filter((name) => !Object.hasOwn(flags, name));
  if (unknown.length > 0) {
    const known = Object.keys(flags).join(", ");
    throw new OptionsError(`Cannot read ${file}: unknown ${unknown.join(", ")}, want ${known}`);
  }
  return values as Values;
}

function required(values: Values, name: string): string {
  const value = optional(values, name);
  if (value !== undefined) return value;
  throw new OptionsError(`Cannot start: no --${name}, see --help`);
}

function optional(values: Values, name: string): string | undefined {
  const value = values[name];
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw new OptionsError(`Cannot start: ${name} is ${JSON.stringify(value)}, want text`);
}

function listOf(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (value !== undefined && list.length > 0 && list.every((each) => typeof each === "string")) {
    return list;
  }
  throw new OptionsError("Cannot start: no --listen, want at least one ADDRESS:PORT, see --help");
}

function logLevelOf(value: string | undefined): LogLevel {
  if (value === undefined) return "info";
  const known = logLevels.find((level) => level === value);
  if (known !== undefined) return known;
  throw new OptionsError(`Cannot start: log-level is ${value}, want ${logLevels.join(", ")}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
