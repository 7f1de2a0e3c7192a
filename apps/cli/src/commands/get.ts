/** `heddle get KIND [NAME]`: objects of the API, with the columns that kubectl shows. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { Command } from "commander";
import { CliError, exitCodes } from "../exit.ts";
import { globalOptions } from "../options.ts";

interface GetOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly wide?: boolean;
}

export function getCommand(): Command {
  return new Command("get")
    .description("objects of the API; the same as kubectl get with the lab's kubeconfig")
    .argument("<kinds>", "such as subnets, or pods,ports")
    .argument("[name]", "one object")
    .option("-n, --namespace <name>", "of this namespace")
    .option("-A, --all-namespaces", "of all namespaces")
    .option("-w, --wide", "more columns")
    .action((kinds: string, name: string | undefined, options: GetOptions, command: Command) =>
      get(kinds, name, options, command),
    );
}

function get(kinds: string, name: string | undefined, options: GetOptions, command: Command): void {
  const { output, stateDir } = globalOptions(command);
  const args = ["--kubeconfig", kubeconfigOf(stateDir), "get", kinds];
  if (name !== undefined) args.push(name);
  if (options.namespace !== undefined) args.push("--namespace", options.namespace);
  if (options.allNamespaces === true) args.push("--all-namespaces");
  if (output === "json") args.push("--output", "json");
  else if (options.wide === true) args.push("--output", "wide");
  const result = spawnSync("kubectl", args, { stdio: "inherit" });
  if (result.error !== undefined) throw new CliError(`Cannot run kubectl: ${result.error.message}`);
  if (result.status !== 0) throw new CliError("", exitCodes.unavailable);
}

/** The lab's when it runs; else what KUBECONFIG names. @throws CliError when there is neither */
function kubeconfigOf(stateDir: string): string {
  const ofLab = path.join(stateDir, "admin.kubeconfig");
  if (existsSync(ofLab)) return ofLab;
  const { KUBECONFIG: own } = process.env;
  if (own !== undefined && own !== "") return own;
  throw new CliError("no lab is running (heddle lab up) and KUBECONFIG names no file");
}
